/* interval.c: predictions with intervals. The variance of forward at a row is d C dᵀ, d its
 * derivatives by the flat vector and C the covariance that `train --errors` left in the result
 * file. */
#include "runtime/errors.h"

#include <math.h>
#include <string.h>

enum { BLOCK_SAMPLES = 4096, BLOCK_NUMBERS = 1 << 22 };

typedef struct {
    Session *session;
    Errors errors; /* of the result file */
    bool observed; /* the interval of an observation: the noise is in it */
    double *rows;  /* derivatives, one row for each number of the block */
    double *column;
    Text *text;
} Interval;

static bool forward_at(void *self, double *point, double *values) {
    Residuals *residuals = self;
    residuals_forward(residuals, point);
    memcpy(values, residuals->found, (size_t)residuals->count * sizeof *values);
    return true;
}

static bool take_slopes(Interval *interval, Residuals *residuals) {
    Session *session = interval->session;
    size_t n = interval->errors.count;
    Slope slope;
    double off;
    bool done = slope_start(session->context, session->model, forward_at, residuals,
                            (size_t)residuals->count, &slope);
    for (size_t k = 0; done && k < n; k++) {
        done = slope_at(&slope, session->params, k, interval->column, &off);
        for (int64_t i = 0; i < residuals->count; i++) {
            interval->rows[(size_t)i * n + k] = interval->column[i];
        }
    }
    slope_end(&slope);
    return done;
}

static double deviation_at(const Interval *interval, const double *row) {
    const Errors *errors = &interval->errors;
    size_t n = errors->count;
    double variance = interval->observed ? errors->deviation * errors->deviation : 0;
    for (size_t i = 0; i < n; i++) {
        double sum = 0;
        for (size_t k = 0; k < n; k++) {
            sum += errors->covariance[i * n + k] * row[k];
        }
        variance += row[i] * sum;
    }
    return sqrt(fmax(variance, 0));
}

static bool do_block(Interval *interval, int64_t first, int64_t samples) {
    Session *session = interval->session;
    const Model *model = session->model;
    Residuals residuals;
    size_t n = interval->errors.count;
    if (!residuals_start(session->context, model, &session->data, false, &residuals)) {
        return false;
    }
    residuals.first = first;
    residuals.samples = samples;
    residuals.count = model->forward_by_row ? residuals.count : samples * model->forward.count;
    interval->rows = NEW(session->context, double, (size_t)residuals.count *n + 1);
    interval->column = NEW(session->context, double, residuals.count + 1);
    bool done = interval->rows && interval->column && take_slopes(interval, &residuals);
    residuals_forward(&residuals, session->params);
    int64_t width = model->forward.count;
    for (int64_t i = 0; done && i < residuals.count; i++) {
        double y = residuals.found[i];
        double far =
            interval->errors.quantile * deviation_at(interval, interval->rows + (size_t)i * n);
        const double cells[] = {y, y - far, y + far};
        for (size_t c = 0; c < sizeof cells / sizeof *cells; c++) {
            text_string(interval->text, c || i % width ? "," : "");
            text_real(interval->text, model, cells[c]);
        }
        text_string(interval->text, (i + 1) % width ? "" : "\n");
    }
    memory_free(session->context, interval->rows);
    memory_free(session->context, interval->column);
    residuals_end(session->context, &residuals);
    return done && !interval->text->failed;
}

static void add_header(Text *text, const Model *model, const char *name) {
    for (int64_t i = 0; i < model->forward.count; i++) {
        char number[24] = "";
        if (model->forward.rank > 0) {
            snprintf(number, sizeof number, "%lld", (long long)i);
        }
        text_format(text, "%s%s%s,%s%s_low,%s%s_high", i ? "," : "", name, number, name, number,
                    name, number);
    }
    text_string(text, "\n");
}

/* --interval and --interval-of; false: reported. */
static bool read_options(Interval *interval, double *confidence) {
    Session *session = interval->session;
    Context *context = session->context;
    const Errors *errors = &interval->errors;
    const char *of = option_text(session->model, session->options, OPT_interval_of);
    interval->observed = of ? strcmp(of, "observation") == 0 : errors->kind == ERRORS_SQUARES;
    if (of && !interval->observed && strcmp(of, "mean") != 0) {
        return report_error(context, "--interval-of: expected mean or observation, found `%s`", of);
    }
    if (interval->observed && errors->kind != ERRORS_SQUARES) {
        return report_error(context, "--interval-of=observation: the noise is known of losses that "
                                     "are squares, and this one is a likelihood; `mean` is");
    }
    return confidence_read(context, session->model, session->options, OPT_interval, confidence);
}

bool predict_intervals(Session *session, const char *name, Text *text) {
    Context *context = session->context;
    const Model *model = session->model;
    double confidence = 0.95;
    Interval interval = {.session = session, .text = text};
    if (!result_errors(context, model, &session->file, &interval.errors) ||
        !read_options(&interval, &confidence)) {
        return false;
    }
    interval.errors.quantile = student_quantile((1 + confidence) / 2, interval.errors.freedom);
    add_header(text, model, name);
    int64_t width = model->forward.count > 0 ? model->forward.count : 1;
    int64_t block = BLOCK_NUMBERS / ((int64_t)(interval.errors.count + 1) * width);
    block = block < 1 ? 1 : block > BLOCK_SAMPLES ? BLOCK_SAMPLES : block;
    block = model->forward_by_row ? session->data.samples : block;
    for (int64_t first = 0; first < session->data.samples; first += block) {
        int64_t left = session->data.samples - first;
        if (!do_block(&interval, first, left < block ? left : block)) {
            return false;
        }
    }
    return true;
}
