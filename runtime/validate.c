/* validate.c: the loss on data that training does not see, after each epoch: --validate, and early
 * stopping by --patience. It is the mean loss, without penalty and prior. */
#include "runtime/ranks.h"
#include "runtime/validate.h"

#include <math.h>
#include <string.h>

enum { VALIDATE_STREAM = 0x7a11d };

static bool usage(Session *session) {
    session->usage = true;
    return false;
}

/* A share of the samples, drawn by the seed. */
static bool split(Session *session, Training *training, double share, Data *part) {
    Context *context = session->context;
    const Data *whole = &session->data;
    if (session->model->column_count == 0 || whole->samples < 2) {
        report_error(context, "--validate: there is no second sample to keep apart");
        return false;
    }
    int64_t count = (int64_t)round(share * (double)whole->samples);
    count = count < 1 ? 1 : count >= whole->samples ? whole->samples - 1 : count;
    Random random;
    int64_t *order = NEW(context, int64_t, whole->samples);
    bool *marks = NEW(context, bool, whole->samples);
    Data *rest = NEW(context, Data, 1);
    if (!order || !marks || !rest) {
        return false;
    }
    random_start(&random, session->seed + VALIDATE_STREAM);
    for (int64_t i = 0; i < whole->samples; i++) {
        order[i] = i;
    }
    random_shuffle(&random, order, whole->samples);
    for (int64_t i = 0; i < count; i++) {
        marks[order[i]] = true;
    }
    training->data = rest;
    return data_part(context, session->model, whole, marks, true, part) &&
           data_part(context, session->model, whole, marks, false, rest);
}

static bool load_other(Session *session, const char *path, Data *data) {
    if (model_rows_dim(session->model)) {
        report_error(session->context,
                     "--validate: a file of its own for a model with `dim T = rows` is not "
                     "supported yet; give a share of the data, as 0.2");
        return usage(session);
    }
    return session_load(session, path, data) && data->samples > 0;
}

/* The text of --patience, or NULL; a setting of the model needs --validate to matter. */
static bool read_patience(Session *session, Validation *validation) {
    return option_integer(session->context, session->model, session->options, OPT_patience, 1,
                          &validation->patience) ||
           usage(session);
}

bool validation_start(Session *session, Training *training) {
    Context *context = session->context;
    const char *text = option_text(session->model, session->options, OPT_validate);
    double share;
    if (!text) {
        if (session->options->values[OPT_patience]) {
            report_error(context, "--patience: there is nothing to look at; give --validate, a "
                                  "share of the data or a file");
            return usage(session);
        }
        return true;
    }
    bool number = number_read_text(text, &share);
    if (number && !(share > 0 && share < 1)) {
        report_error(context, "--validate: expected a share between 0 and 1, or a file, found `%s`",
                     text);
        return usage(session);
    }
    Validation *validation = NEW(context, Validation, 1);
    if (!validation || !read_patience(session, validation)) {
        return false;
    }
    if (!(number ? split(session, training, share, &validation->data)
                 : load_other(session, text, &validation->data))) {
        return false;
    }
    session->model->args.total = training->data->samples;
    training->validation_least = INFINITY;
    if (validation->patience > 0) {
        training->best = NEW(context, double, training->parameters);
        if (!training->best) {
            return false;
        }
    }
    training->validation = validation;
    return evaluator_start(context, &validation->evaluator, session->model, &validation->data,
                           (size_t)session->threads, 1, SLOPES_NONE);
}

bool validation_look(Training *training) {
    Validation *validation = training->validation;
    double sum = evaluate_losses(&validation->evaluator, training->params, false);
    training->validation_value = sum / (double)validation->data.samples;
    if (training->validation_value < training->validation_least) {
        training->validation_least = training->validation_value;
        training->best_epoch = training->epoch;
        if (training->best) {
            memcpy(training->best, training->params, training->parameters * sizeof *training->best);
        }
    }
    return validation->patience > 0 &&
           training->epoch - training->best_epoch >= validation->patience;
}

void validation_restore(Training *training) {
    if (!training->best || training->best_epoch == training->epoch) {
        return;
    }
    if (!isfinite(training->validation_least)) { /* best_epoch is none: all of them were so */
        snprintf(training->ended, sizeof training->ended,
                 "ended after %lld epochs: the validation loss is not finite",
                 (long long)training->epoch);
        return;
    }
    memcpy(training->params, training->best, training->parameters * sizeof *training->best);
    training->validation_value = training->validation_least;
    statistics_renew(training->evaluator);
    if (!ranks_shares(training->evaluator) || !ranks_lost(training->context->ranks)) {
        training->objective = evaluate(training->evaluator, training->params, NULL);
    }
    snprintf(training->ended, sizeof training->ended,
             "ended after %lld epochs; kept are the parameters after %lld, where the validation "
             "loss was least",
             (long long)training->epoch, (long long)training->best_epoch);
}

bool validation_end(Training *training) {
    Validation *validation = training->validation;
    validation->metrics = NEW(training->context, double, training->model->metric_count + 1);
    validation_restore(training);
    bool done = validation->metrics && metrics_evaluate(training->context, &validation->evaluator,
                                                        training->params, validation->metrics);
    evaluator_end(&validation->evaluator);
    return done;
}
