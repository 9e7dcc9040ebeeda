/* answer.c: what a run tells of its answer beyond the params: standard errors, the residuals, the
 * metrics. It has an evaluator of its own, so that it costs nothing where it is not asked for. */
#include "runtime/errors.h"

#include <math.h>

enum { SHOWN_VALUES = 64, SHOWN_CORRELATIONS = 12 };

bool answer_read(Session *session, Answer *answer) {
    const Options *options = session->options;
    Context *context = session->context;
    const char *text = option_text(session->model, options, OPT_errors);
    *answer = (Answer){.kind = ERRORS_NO, .confidence = 0.95};
    answer->correlations = options->values[OPT_correlations] != NULL;
    if (answer->correlations || options->values[OPT_confidence]) {
        answer->kind = ERRORS_AUTO;
    }
    if (text && !errors_kind(context, *text ? text : "auto", &answer->kind)) {
        return false;
    }
    return confidence_read(context, session->model, options, OPT_confidence, &answer->confidence);
}

static bool make_text(Session *session, const Data *data, Evaluator *evaluator, const View *view,
                      const Answer *answer, Text *text) {
    const Model *model = session->model;
    Residuals residuals = {0};
    bool done = true;
    errors_text(text, view, &answer->errors, SHOWN_VALUES);
    correlations_text(text, model, &answer->errors, SHOWN_CORRELATIONS);
    if (residuals_known(model, data)) {
        double freedom = answer->errors.kind == ERRORS_SQUARES ? answer->errors.freedom : 0;
        done = residuals_start(session->context, model, data, true, &residuals) &&
               residuals_text(session->context, &residuals, session->params, freedom, text);
        residuals_end(session->context, &residuals);
    }
    return done && metrics_text(session, evaluator, text);
}

bool answer_make(Session *session, const Data *data, const View *view, FILE *stream,
                 Answer *answer) {
    Evaluator evaluator;
    Text text;
    if (answer->kind == ERRORS_NO) {
        return true;
    }
    text_start(&text, session->context);
    bool done = evaluator_start(session->context, &evaluator, session->model, data,
                                (size_t)session->threads, 1, SLOPES_OF_ALL);
    if (!done) {
        return false;
    }
    answer->made = errors_make(session->context, &evaluator, session->params, answer->kind,
                               answer->confidence, answer->correlations, &answer->errors);
    done = answer->made;
    if (done && stream) {
        done = make_text(session, data, &evaluator, view, answer, &text) && !text.failed;
    }
    if (done && stream) {
        fwrite(text.data, 1, text.length, stream); /* the stream is checked at the end */
    }
    evaluator_end(&evaluator);
    text_free(&text);
    return done;
}
