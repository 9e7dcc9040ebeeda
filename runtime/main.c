/* main.c: the trainer's main. The compiled executable's main calls gradc_main. */
#include "runtime/errors.h"
#include "runtime/ranks.h"

#include <errno.h>
#include <string.h>

static int run_command(Context *context, Model *model, const Options *options) {
    Session session;
    if (options->command == COMMAND_INFO) {
        return command_info(context, model);
    }
    if (ranks_helps(context->ranks)) {
        session = (Session){.context = context, .model = model, .options = options};
        bool ready =
            options->command == COMMAND_TRAIN && session_start(context, model, options, &session);
        return ranks_serve(&session, context->ranks, ready);
    }
    if (!session_start(context, model, options, &session)) {
        return session.usage ? STATUS_USAGE : STATUS_FAILED;
    }
    switch (options->command) {
    case COMMAND_TRAIN:
        return command_train(&session);
    case COMMAND_PREDICT:
        return command_predict(&session);
    case COMMAND_EVAL:
        return command_eval(&session);
    case COMMAND_CHECK:
        return command_check(&session);
    case COMMAND_PROFILE:
        return command_profile(&session);
    case COMMAND_EXPORT:
        return command_export(&session);
    case COMMAND_INFO:
        break;
    }
    return STATUS_USAGE;
}

/* What is still in the buffer of standard output may fail to be written. */
static int flush(Context *context, int status) {
    if ((fflush(stdout) != 0 || ferror(stdout)) && status == STATUS_OK) {
        report_error(context, "cannot write standard output: %s", strerror(errno));
        return STATUS_FAILED;
    }
    return status;
}

int gradc_main(int argc, char **argv, const char *description, GradcKernel *const *kernels) {
    Context context;
    Options options;
    bool finished = false;
    context_start(&context, argc > 0 ? argv[0] : "trainer");
    int status = STATUS_FAILED;
    Model *model = ranks_find(&context) ? model_read(&context, description, kernels) : NULL;
    if (model) {
        status = options_read(&context, model, argc, argv, &options, &finished);
        if (status == STATUS_OK && !finished) {
            bool joined = ranks_join(&context);
            status = joined ? run_command(&context, model, &options) : STATUS_FAILED;
            fflush(stdout);
            ranks_end(context.ranks, status != STATUS_OK);
        }
    }
    status = flush(&context, status);
    context_end(&context);
    return status;
}
