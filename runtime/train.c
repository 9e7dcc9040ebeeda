/* train.c: `train`: settings, the loop over epochs, what happens at its end. */
#include "runtime/checkpoint.h"
#include "runtime/errors.h"
#include "runtime/ranks.h"
#include "runtime/store.h"
#include "runtime/validate.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { FLAT_EPOCHS = 3 }; /* in a row, for --tolerance-objective */
enum { REPORTS = 10, SHOWN_IN_ERROR = 8, SHUFFLE_STREAM = 0x5eed };

enum { ONE_SIGNAL = 200 }; /* ms */

/* The only file-scope variables that change: a handler can reach nothing else. */
static volatile sig_atomic_t caught;
static struct timespec caught_at;

static void catch_signal(int number) {
    caught = number;
}

/* A second one ends the process at once. What follows within a moment is the same one, sent to the
 * process and to its group, as timeout(1) does. */
static void catch_first(int number) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    const double ms = 1e3 * (double)(now.tv_sec - caught_at.tv_sec) +
                      1e-6 * (double)(now.tv_nsec - caught_at.tv_nsec);
    if (caught == 0) {
        caught_at = now;
    } else if (ms > ONE_SIGNAL) {
        signal(number, SIG_DFL);
        raise(number);
    }
    caught = number;
}

static bool signal_caught(void) {
    return caught != 0;
}

/* mpirun ends its processes with SIGCONT, a second later SIGTERM, and SIGKILL at once. */
static void catch_end(int number, siginfo_t *info, void *unused) {
    (void)number;
    (void)unused;
    if (info->si_pid == getppid()) {
        caught = SIGTERM;
    }
}

static void watch_mpirun(void) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = catch_end;
    action.sa_flags = SA_SIGINFO;
    sigemptyset(&action.sa_mask);
    sigaction(SIGCONT, &action, NULL);
    action.sa_handler = catch_signal;
    action.sa_flags = 0; /* it may send more than one; writing goes on */
    sigaction(SIGTERM, &action, NULL);
}

static void watch_signals(void) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = catch_first;
    sigemptyset(&action.sa_mask);
    caught = 0;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

/* ---- settings ---- */

static bool choose_method(Session *session, Training *training) {
    const char *name = option_text(session->model, session->options, OPT_method);
    const char *names[32];
    if (!name || strcmp(name, "auto") == 0) {
        training->optimizer = auto_method(session, &training->chosen);
        return true;
    }
    for (size_t i = 0; i < optimizer_count; i++) {
        names[i] = optimizers[i]->name;
        if (strcmp(names[i], name) == 0) {
            training->optimizer = optimizers[i];
            return true;
        }
    }
    const char *guess = closest_name(name, names, optimizer_count);
    return report_error(session->context, "--method: unknown method `%s`%s%s%s", name,
                        guess ? "; did you mean `" : "; --help lists them", guess ? guess : "",
                        guess ? "`?" : "");
}

static bool read_order(Session *session, Training *training) {
    const char *order = option_text(session->model, session->options, OPT_order);
    training->by_windows = order && strcmp(order, "windows") == 0;
    training->shuffle = !order || training->by_windows || strcmp(order, "shuffle") == 0;
    if (order && !training->shuffle && strcmp(order, "file") != 0) {
        return report_error(session->context,
                            "--order: expected file, shuffle or windows, found `%s`", order);
    }
    return true;
}

static bool read_statistics(Session *session, Training *training) {
    static const char *const names[] = {
        [STATISTICS_AUTO] = "auto", [STATISTICS_NO] = "no", [STATISTICS_YES] = "yes"};
    const char *text = option_text(session->model, session->options, OPT_statistics);
    for (size_t i = 0; text && i < sizeof names / sizeof *names; i++) {
        if (strcmp(text, names[i]) == 0) {
            training->statistics = (StatisticsUse)i;
            return true;
        }
    }
    return !text || report_error(session->context,
                                 "--statistics: expected auto, yes or no, found `%s`", text);
}

/* Options of the command line that the method has no use for. */
static bool check_rate_options(Session *session, const Training *training) {
    const struct {
        OptionId id;
        bool used;
    } options[] = {{OPT_rate, training->finds_rate},
                   {OPT_schedule, schedule_moves(&training->schedule)},
                   {OPT_warmup, training->schedule.warmup > 0},
                   {OPT_clip, training->clip > 0},
                   {OPT_decay, training->decay > 0}};
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        if (options[i].used && session->options->values[options[i].id] &&
            !optimizer_takes_rate(training->optimizer)) {
            return report_error(session->context,
                                "--%s: method `%s` finds its steps itself; it is for methods that "
                                "go by --rate: sgd, adam, …",
                                option_name(options[i].id), training->optimizer->name);
        }
    }
    return true;
}

static bool check_proximal(Session *session, const Training *training) {
    if (!session->options->values[OPT_proximal]) {
        return true;
    }
    if (training->optimizer->update != step_along_gradient) {
        return report_error(session->context,
                            "--proximal: it is for methods sgd, minibatch and svrg, not `%s`; "
                            "--method=proximal takes no other step",
                            training->optimizer->name);
    }
    return session->model->kernels[ROLE_SHRINK].function ||
           report_error(session->context,
                        "--proximal: the penalty of model `%s` has no terms c*abs(param)",
                        session->model->name);
}

static bool read_settings(Session *session, Training *training) {
    Context *context = session->context;
    const Model *model = session->model;
    const Options *options = session->options;
    if (!choose_method(session, training) || !read_order(session, training) ||
        !read_statistics(session, training) ||
        !schedule_read(context, option_text(model, options, OPT_schedule), &training->schedule)) {
        return false;
    }
    const char *rate = option_text(model, options, OPT_rate);
    training->finds_rate = rate && strcmp(rate, "auto") == 0;
    training->rate = training->optimizer->rate;
    training->epochs = training->optimizer->epochs;
    training->batch = training->optimizer->batch ? training->optimizer->batch : 1;
    training->momentum = 0.9;
    training->beta1 = 0.9;
    training->beta2 = 0.999;
    training->epsilon = 1e-8;
    training->decay = training->optimizer->decay;
    const struct {
        OptionId id;
        double *value;
    } reals[] = {{OPT_rate, &training->rate},
                 {OPT_momentum, &training->momentum},
                 {OPT_beta1, &training->beta1},
                 {OPT_beta2, &training->beta2},
                 {OPT_epsilon, &training->epsilon},
                 {OPT_decay, &training->decay},
                 {OPT_tolerance, &training->tolerance},
                 {OPT_flat, &training->flat},
                 {OPT_time, &training->max_time},
                 {OPT_clip, &training->clip},
                 {OPT_warmup, &training->schedule.warmup}};
    for (size_t i = 0; i < sizeof reals / sizeof *reals; i++) {
        if (reals[i].id == OPT_rate && training->finds_rate) {
            continue;
        }
        if (!option_real(context, model, options, reals[i].id, 0, reals[i].value)) {
            return false;
        }
    }
    if (!option_integer(context, model, options, OPT_epochs, 0, &training->epochs) ||
        !option_integer(context, model, options, OPT_batch, 1, &training->batch)) {
        return false;
    }
    training->batch = training->optimizer->batched ? training->batch : 1;
    training->base_rate = training->rate;
    training->report = training->epochs / REPORTS > 0 ? training->epochs / REPORTS : 1;
    training->proximal = session->options->values[OPT_proximal] || training->optimizer->shrinks;
    return check_rate_options(session, training) && check_proximal(session, training) &&
           option_integer(context, model, options, OPT_report, 1, &training->report);
}

static bool warn_settings(const Session *session) {
    for (size_t i = 0; i < session->model->setting_count; i++) {
        const char *name = session->model->settings[i].name;
        bool known = false;
        for (int id = 0; id < OPT_COUNT; id++) {
            known |= option_is((OptionId)id, name);
        }
        if (!known) {
            report_warning(session->context, "the model's setting `%s` is none of this trainer's",
                           name);
        }
    }
    return true;
}

static bool model_can_train(const Session *session, const Training *training) {
    const Model *model = session->model;
    bool by_row = !training->optimizer->full_batch && !training->optimizer->batched;
    Role role = by_row ? ROLE_SGD : ROLE_GRADIENT;
    if (!model->kernels[ROLE_OBJECTIVE].function || !model->kernels[role].function) {
        return report_error(session->context, "model `%s` has no `loss` to train", model->name);
    }
    if (model->parameter_count == 0) {
        return report_error(session->context, "model `%s` has no parameters to train", model->name);
    }
    const char *why;
    if (training->optimizer->refuses && training->optimizer->refuses(training, &why)) {
        return report_error(session->context, "--method: %s", why);
    }
    return true;
}

/* Is each step one along the gradient of all rows? */
static bool whole_batches(const Training *training) {
    const Optimizer *optimizer = training->optimizer;
    return !training->in_kernel && ((optimizer->full_batch && !optimizer->batched) ||
                                    (optimizer->batched && !optimizer->correct &&
                                     training->batch == training->data->samples));
}

/* ---- memory ---- */

bool batch_room(Training *training) {
    const Model *model = training->model;
    training->staging = NEW(training->context, void *, model->column_count + 1);
    for (size_t i = 0; training->staging && i < model->column_count; i++) {
        training->staging[i] = memory_new(
            training->context, (size_t)(training->batch * model->columns[i].shape.count) + 1, 8);
        if (!training->staging[i]) {
            return false;
        }
    }
    return training->staging != NULL;
}

static bool make_order(Training *training) {
    bool staged = !training->in_kernel || training->optimizer->batched;
    staged = staged && !training->data->starts && !training->staging;
    return visit_start(training) && (!staged || batch_room(training));
}

static bool make_vectors(Training *training) {
    Context *context = training->context;
    size_t n = training->parameters;
    const Model *model = training->model;
    bool batched = training->optimizer->batched;
    bool slopes = !training->in_kernel;
    const Kernel *kernel = &model->kernels[batched ? ROLE_STEP : ROLE_SGD];
    int64_t block = slopes || batched ? 1 : update_block(context, model, kernel);
    block = training->data->samples < block ? training->data->samples : block;
    if (training->data->store && !store_room(training->data->store, block)) {
        return false;
    }
    size_t work =
        slopes ? 0 : model_work(context, model, kernel, batched ? training->batch : block);
    training->singles = model->single && !slopes ? NEW(context, float, n + 1) : NULL;
    training->good = NEW(context, double, n);
    training->start = NEW(context, double, n);
    training->evaluated = NEW(context, double, n);
    training->gradient = NEW(context, double, slopes ? n : 1);
    training->regular = NEW(context, double, slopes ? n : 1);
    training->work = work == SIZE_MAX ? NULL : NEW(context, double, work + 1);
    training->state = NEW(context, double *, training->optimizer->states + 1);
    if ((model->single && !slopes && !training->singles) || !training->good || !training->start ||
        !training->evaluated || !training->gradient || !training->regular || !training->work ||
        !training->state) {
        return false;
    }
    for (size_t i = 0; i < training->optimizer->states; i++) {
        training->state[i] = NEW(context, double, n);
        if (!training->state[i]) {
            return false;
        }
    }
    if (training->proximal && !shrink_start(training)) {
        return false;
    }
    if (batched && slopes && ranks_shares_batches(training->evaluator, training->batch)) {
        training->numbers = NEW(context, int64_t, training->batch + 1);
        if (!training->numbers || !batch_room(training)) {
            return false;
        }
    }
    bool shuffled = training->shuffle && training->data->samples > 1 &&
                    (!training->optimizer->full_batch || training->optimizer->batched);
    return !shuffled || make_order(training);
}

/* ---- the loop ---- */

static void look(Training *training) {
    bool full = training->optimizer->full_batch;
    if (!training->current) {
        training->objective =
            evaluate(training->evaluator, training->params, full ? training->gradient : NULL);
    }
    training->current = false;
    if (full) {
        training->gradient_norm = training->shrink ? shrink_norm(training)
                                                   : norm(training->gradient, training->parameters);
    }
}

/* `last`, or so it seems by the tolerance: what statistics said is said by the data themselves. */
static EpochStatus evaluate_epoch(Training *training, bool last) {
    bool full = training->optimizer->full_batch;
    look(training);
    if ((last || (full && training->gradient_norm <= training->tolerance)) &&
        statistics_answered(training->evaluator)) {
        statistics_renew(training->evaluator);
        look(training);
    }
    if (isfinite(training->objective) &&
        (!full || all_finite(training->gradient, training->parameters))) {
        memcpy(training->evaluated, training->params, training->parameters * sizeof(double));
        training->evaluated_value = training->objective;
        return EPOCH_DONE;
    }
    if (ranks_lost(training->context->ranks)) {
        return EPOCH_DIVERGED; /* or so it looks: see run_epochs */
    }
    double value = training->objective;
    int64_t row = evaluate_find_bad(training->evaluator, training->params, NULL,
                                    training->data->samples, &value);
    training->bad = (Bad){row, row < 0 ? training->objective : value,
                          row < 0           ? "the sum of all losses, the prior and the penalty"
                          : isfinite(value) ? "the gradient of the loss"
                                            : "the loss"};
    return EPOCH_DIVERGED;
}

/* Is the run to end here, for a reason that has nothing to do with the numbers of one epoch? */
static bool ends_early(Training *training, bool evaluated) {
    char text[NUMBER_SIZE];
    if (training->max_time > 0 && clock_seconds() >= training->end_time) {
        number_write(text, training->max_time, false);
        snprintf(training->ended, sizeof training->ended,
                 "stopped after %lld epochs: %s seconds are over", (long long)training->epoch,
                 text);
        return true;
    }
    if (evaluated && training->flat > 0) {
        double change = fabs(training->objective - training->last_objective);
        bool flat = training->epoch > 0 && change <= training->flat * fabs(training->objective);
        training->flat_epochs = flat ? training->flat_epochs + 1 : 0;
        training->last_objective = training->objective;
    }
    if (training->flat_epochs >= FLAT_EPOCHS) {
        snprintf(training->ended, sizeof training->ended,
                 "converged after %lld epochs: the objective changes no more",
                 (long long)training->epoch);
        return true;
    }
    return false;
}

/* One epoch, or the rest of one that a run which was interrupted had begun. */
static EpochStatus next_epoch(Training *training, bool *failed) {
    size_t bytes = training->parameters * sizeof(double);
    if (training->position == 0) {
        memcpy(training->start, training->params, bytes);
        if (!training->in_kernel) {
            memcpy(training->good, training->params, bytes);
        }
    }
    if (!checkpoint_epoch(training)) {
        *failed = true;
        return EPOCH_DONE;
    }
    training->resumed = false;
    if (training->position == 0) {
        schedule_set(training, 0, 1);
    }
    EpochStatus status = training->optimizer->epoch(training);
    if (status == EPOCH_STOPPED) {
        checkpoint_stop(training, false);
    }
    training->position = 0;
    return status;
}

static EpochStatus do_epochs(Training *training, Progress *progress, bool *failed) {
    size_t bytes = training->parameters * sizeof(double);
    EpochStatus status = EPOCH_DONE;
    for (;; training->epoch++) {
        if (training->resumed) { /* what comes before the epoch is done */
            status = next_epoch(training, failed);
            if (status == EPOCH_DIVERGED) {
                training->epoch++;
                return status;
            }
            continue;
        }
        bool last = training->epoch == training->epochs || status != EPOCH_DONE;
        bool due =
            last || training->flat > 0 || training->validation || progress_due(progress, training);
        if ((due || training->optimizer->full_batch) &&
            evaluate_epoch(training, last) == EPOCH_DIVERGED) {
            if (training->in_kernel) {
                memcpy(training->good, training->start, bytes);
            }
            return EPOCH_DIVERGED;
        }
        if (training->optimizer->full_batch && training->gradient_norm <= training->tolerance &&
            !last) {
            status = EPOCH_CONVERGED;
            last = due = true;
        }
        if (training->validation && validation_look(training)) {
            last = true;
        }
        if (!last && ends_early(training, due || training->optimizer->full_batch)) {
            last = due = true;
            if (evaluate_epoch(training, last) == EPOCH_DIVERGED) {
                return EPOCH_DIVERGED;
            }
        }
        if (due && !progress_epoch(progress, training, last)) {
            *failed = true;
            return status;
        }
        progress_draw(progress, training, false);
        if (caught && !last) {
            checkpoint_stop(training, true);
        }
        if (last || caught) {
            return caught && status == EPOCH_DONE && !last ? EPOCH_STOPPED : status;
        }
        status = next_epoch(training, failed);
        if (*failed) {
            return status;
        }
        if (status == EPOCH_DIVERGED) {
            training->epoch++;
            return status;
        }
    }
}

/* Without one of the ranks nothing is known that was not known before. */
static EpochStatus run_epochs(Training *training, Progress *progress, bool *failed) {
    EpochStatus status = do_epochs(training, progress, failed);
    if (!*failed && ranks_lost(training->context->ranks) && ranks_shares(training->evaluator)) {
        bool full = training->optimizer->full_batch || training->in_kernel;
        const double *known = full ? training->evaluated : training->good;
        memcpy(training->params, known, training->parameters * sizeof *known);
        training->objective = training->evaluated_value;
        training->ended[0] = '\0';
        checkpoint_stop(training, false);
        return EPOCH_STOPPED;
    }
    return status;
}

/* ---- the end ---- */

/* What had no result, when a value is a NaN that tells (abi.h); else "". */
static void describe_nan(const Model *model, double value, char *text, size_t size) {
    static const char *const reasons[] = {
        [GRADC_NOT_DEFINITE] = "the matrix of `cholesky` is not positive definite",
        [GRADC_SINGULAR] = "the matrix of a linear system or of an inverse is singular",
        [GRADC_ZERO_DIAGONAL] = "a triangular matrix has a zero on its diagonal",
        [GRADC_OUTSIDE] = "an index is outside of its array",
        [GRADC_DIVIDED] = "a whole number is divided by 0",
    };
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    uint64_t what = bits >> GRADC_NAN_WHAT & 7;
    text[0] = '\0';
    if ((bits & GRADC_NAN_MASK) != GRADC_NAN || what < GRADC_NOT_DEFINITE || what > GRADC_DIVIDED) {
        return;
    }
    const char *slash = strrchr(model->source, '/');
    snprintf(text, size, ": %s (%.300s:%llu)", reasons[what], slash ? slash + 1 : model->source,
             (unsigned long long)(bits >> GRADC_NAN_LINE & UINT16_MAX));
}

/* ", in row 3 (rows.csv:4)"; nothing where no sample is to blame. */
static void place_text(const Training *training, int64_t sample, char *where, size_t size) {
    const Data *data = training->data;
    if (sample < 0) {
        return;
    }
    sample = data_sample_of_file(data, sample);
    data = data->whole ? data->whole : data;
    int64_t row = data->starts ? data->starts[sample] : sample;
    int64_t line = data_line(data, row);
    int length = 0;
    if (data->starts) {
        length = snprintf(where, size, ", in sample %lld, which begins", (long long)sample + 1);
    }
    length += snprintf(where + length, size - (size_t)length, "%s in row %lld",
                       data->starts ? "" : ",", (long long)row + 1);
    if (line) {
        snprintf(where + length, size - (size_t)length, " (%.300s:%lld)", data->path,
                 (long long)line);
    }
}

static void report_diverged(const Training *training) {
    Context *context = training->context;
    const Bad *bad = &training->bad;
    char where[400] = "";
    char value[NUMBER_SIZE];
    char why[400];
    place_text(training, bad->row, where, sizeof where);
    number_write(value, bad->value, false);
    describe_nan(training->model, bad->value, why, sizeof why);
    if (bad->row >= 0 && !isfinite(bad->value)) {
        report_error(context, "epoch %lld%s: %s is %s%s", (long long)training->epoch, where,
                     bad->what, value, why);
    } else {
        report_error(context, "epoch %lld%s: %s is not finite%s", (long long)training->epoch, where,
                     bad->what, why);
    }
    Text text;
    View view;
    if (!view_make(context, training->model, training->params, &view)) {
        return;
    }
    view.count = view.params;
    text_start(&text, context);
    view_text(&text, training->model, &view, SHOWN_IN_ERROR);
    view_free(context, &view);
    for (char *p = text.data, *end; p && !text.failed && *p; p = end + 1) {
        end = strchr(p, '\n');
        fprintf(stderr, "    %.*s\n", (int)(end - p), p);
    }
    text_free(&text);
}

/* The last parameters whose objective is finite; those of the last step, if they will do. */
static void keep_good(Training *training) {
    const double *candidates[] = {training->good, training->start, training->evaluated};
    for (size_t i = 0; i < 3; i++) {
        memcpy(training->params, candidates[i], training->parameters * sizeof(double));
        training->objective = evaluate(training->evaluator, training->params, NULL);
        if (isfinite(training->objective)) {
            return;
        }
    }
}

/* How the run ended, for people. */
static void say_end(const Training *training, EpochStatus status, char *text, size_t size) {
    static const char *const ends[] = {
        [EPOCH_DONE] = "all epochs were done",
        [EPOCH_CONVERGED] = "converged: no further epoch would change much",
        [EPOCH_DIVERGED] = "diverged; these are the last good parameters",
        [EPOCH_STOPPED] = "stopped by a signal, or without one of the ranks",
    };
    bool named = training->ended[0] && status != EPOCH_DIVERGED;
    snprintf(text, size, "%s", named ? training->ended : ends[status]);
}

/* Where the model is affine in standardised inputs, its params become those of the inputs as they
 * are, and so do the data that what follows looks at. */
static bool fold_scales(Session *session, Training *training) {
    Model *model = session->model;
    const Data *own = training->data;
    if (!scales_any(model)) {
        return true;
    }
    if (!scales_plain(model, own) ||
        (own != &session->data && !scales_plain(model, &session->data)) ||
        (training->validation && !scales_plain(model, &training->validation->data))) {
        return false;
    }
    scales_fold(model, training->params);
    statistics_renew(training->evaluator);
    return true;
}

static int finish(Session *session, Training *training, Progress *progress, Seeing *seeing,
                  EpochStatus status, Answer *answer) {
    const char *path = session->options->values[OPT_output];
    int result = status == EPOCH_DIVERGED ? STATUS_FAILED : caught ? 128 + (int)caught : STATUS_OK;
    result = status == EPOCH_STOPPED && result == STATUS_OK ? STATUS_FAILED : result;
    if (status == EPOCH_DIVERGED) {
        progress_clear(progress);
        report_diverged(training);
        if (training->epoch == 0) {
            report_note(session->context, "these are the start values; nothing is written");
            progress->quiet = true;
            progress_end(progress, training, NULL);
            return STATUS_FAILED;
        }
        keep_good(training);
        char rate[NUMBER_SIZE];
        number_write(rate, training->rate, false);
        report_note(session->context,
                    "the last good parameters are kept; a smaller --rate than %s may help", rate);
    }
    if (training->validation && !validation_end(training)) {
        return STATUS_FAILED;
    }
    if (!fold_scales(session, training)) {
        return STATUS_FAILED;
    }
    View view;
    if (!view_make(session->context, session->model, training->params, &view)) {
        return STATUS_FAILED;
    }
    if (!progress_end(progress, training, &view)) {
        result = STATUS_FAILED;
    }
    if (status == EPOCH_CONVERGED && !progress->quiet && training->epoch < training->epochs) {
        fprintf(progress->stream, "converged after %lld epochs\n", (long long)training->epoch);
    }
    if (training->ended[0] && !progress->quiet) {
        fprintf(progress->stream, "%s\n", training->ended);
    }
    Format format = path ? format_of_path(path) : FORMAT_JSON;
    const char *named = session->options->values[OPT_format];
    if (named) {
        format_find(named, &format);
    }
    if (status != EPOCH_DIVERGED && status != EPOCH_STOPPED && !caught &&
        !answer_make(session, training->data, &view, progress->quiet ? NULL : progress->stream,
                     answer)) {
        result = STATUS_FAILED;
    }
    Result written = {&view,
                      training->optimizer->name,
                      training->epoch,
                      training->objective,
                      training->validation ? &training->validation_value : NULL,
                      answer->made ? &answer->errors : NULL,
                      training->searched,
                      training->folds};
    if (path && (fflush(stdout) != 0 ||
                 !result_write(session->context, session->model, &written, path, format))) {
        result = STATUS_FAILED;
    }
    char how[300];
    say_end(training, status, how, sizeof how);
    const Ending ending = {.params = training->params,
                           .evaluator = training->evaluator,
                           .training = training,
                           .view = &view,
                           .errors = answer->made ? &answer->errors : NULL,
                           .how = how};
    return seeing_end(seeing, &ending) ? result : STATUS_FAILED;
}

static bool check_format(Session *session) {
    Format format;
    const char *named = session->options->values[OPT_format];
    if (named && !format_find(named, &format)) {
        return report_error(session->context,
                            "--format: expected safetensors, json or csv, found `%s`", named);
    }
    return true;
}

/* Evaluator and memory of a run over training->data, in training->context. */
static bool open_run(const Session *session, Training *training) {
    int64_t samples = training->data->samples;
    training->batch = training->batch > samples ? samples : training->batch;
    random_start(&training->random, session->seed + SHUFFLE_STREAM);
    training->in_kernel =
        !training->optimizer->full_batch && !session->model->weights && training->clip == 0 &&
        training->decay == 0 && !training->proximal &&
        (!training->optimizer->batched || steps_in_kernel(training->model, training->optimizer));
    Slopes slopes = training->in_kernel               ? SLOPES_NONE
                    : training->optimizer->full_batch ? SLOPES_OF_ALL
                                                      : SLOPES_OF_BATCHES;
    return evaluator_start(training->context, training->evaluator, training->model, training->data,
                           (size_t)session->threads, training->batch, slopes) &&
           make_vectors(training) &&
           (!whole_batches(training) || statistics_start(training->context, training->evaluator,
                                                         training->statistics, training->epochs));
}

bool train_quietly(Session *session, const Training *settings, Context *context, const Data *data,
                   double *params, bool *finite) {
    Evaluator evaluator;
    Progress progress;
    bool failed = false;
    Training training = *settings;
    training.context = context;
    training.data = data;
    training.evaluator = &evaluator;
    training.params = params;
    training.report = INT64_MAX;
    training.validation_least = INFINITY;
    training.best = training.best ? NEW(context, double, training.parameters) : NULL;
    training.end_time = clock_seconds() + training.max_time;
    if ((settings->best && !training.best) || !open_run(session, &training) ||
        !progress_start(context, &progress, true, false, NULL, false, -1)) {
        return false;
    }
    EpochStatus status = run_epochs(&training, &progress, &failed);
    if (training.validation) {
        validation_restore(&training);
    }
    *finite = status != EPOCH_DIVERGED;
    evaluator_end(&evaluator);
    return !failed && !caught;
}

/* The points of the learning curve are kept, if it will be shown. */
static bool watch_curve(Session *session, const Training *training, Seeing *seeing,
                        Progress *progress) {
    if (seeing->page || seeing->paths[PLOT_CURVE]) {
        seeing->curve =
            curve_new(session->context, training->epochs, !training->optimizer->full_batch);
        progress->curve = seeing->curve;
        return seeing->curve != NULL;
    }
    return true;
}

int command_train(Session *session) {
    Evaluator evaluator;
    Progress progress;
    Seeing seeing;
    Training training = {.context = session->context,
                         .model = session->model,
                         .data = &session->data,
                         .evaluator = &evaluator,
                         .params = session->params,
                         .parameters = session->model->parameter_count,
                         .stopped = signal_caught};
    const char *path = session->options->values[OPT_output];
    bool to_stdout = path && strcmp(path, "-") == 0;
    bool quiet = session->options->values[OPT_quiet] != NULL;
    Answer answer;
    if (!read_settings(session, &training) || !check_format(session) ||
        !answer_read(session, &answer)) {
        return STATUS_USAGE;
    }
    if (!seeing_start(session, &seeing)) {
        return session->usage ? STATUS_USAGE : STATUS_FAILED;
    }
    if (!warn_settings(session) || !model_can_train(session, &training)) {
        return STATUS_FAILED;
    }
    if (!tune_check(session)) {
        return session->usage ? STATUS_USAGE : STATUS_FAILED;
    }
    if (!validation_start(session, &training)) {
        return session->usage ? STATUS_USAGE : STATUS_FAILED;
    }
    FILE *stream = quiet ? NULL : to_stdout ? stderr : stdout;
    watch_signals();
    if (session->context->ranks) {
        watch_mpirun();
    }
    if (!ranks_begin(session, training.batch, signal_caught)) {
        return STATUS_FAILED;
    }
    if ((training.finds_rate && !rate_find(session, &training, stream)) ||
        !tune_run(session, &training, stream)) {
        return caught ? 128 + (int)caught : STATUS_FAILED;
    }
    bool usage;
    if (!open_run(session, &training)) {
        return STATUS_FAILED;
    }
    if (!checkpoint_start(session, &training, &usage)) {
        return usage ? STATUS_USAGE : STATUS_FAILED;
    }
    if (!checkpoint_resume(&training) ||
        !progress_start(session->context, &progress, quiet, to_stdout,
                        session->options->values[OPT_log], training.validation != NULL,
                        checkpoint_log(&training)) ||
        !watch_curve(session, &training, &seeing, &progress)) {
        return STATUS_FAILED;
    }
    if (training.chosen && !quiet) {
        fprintf(progress.stream, "method = %s: %s\n", training.optimizer->name, training.chosen);
    }
    checkpoint_watch(&training, &progress);
    bool failed = false;
    training.end_time = clock_seconds() + training.max_time;
    EpochStatus status = run_epochs(&training, &progress, &failed);
    failed |= store_failed(
        session->data.store); /* reported; numbers that it could not read are made up */
    int result =
        failed ? STATUS_FAILED : finish(session, &training, &progress, &seeing, status, &answer);
    checkpoint_end(&training, result == STATUS_OK);
    evaluator_end(&evaluator);
    return result;
}
