/* residuals.c: forward beside its target: residuals, and whether the loss is made of their squares.
 */
#include "runtime/errors.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SAMPLES_ASKED = 1000, POINTS = 2, SUMMARY_LINE = 400 };

static const double tolerance = 1e-9;        /* relative, of a loss */
static const double single_tolerance = 1e-3; /* where kernels compute with floats */
static const double rounding = 64;           /* of y − forward, in units of the last place */

static int64_t target_of(const Model *model) {
    int64_t found = -1;
    for (size_t i = 0; i < model->column_count; i++) {
        if (model->columns[i].target) {
            if (found >= 0) {
                return -1;
            }
            found = (int64_t)i;
        }
    }
    return found;
}

bool residuals_known(const Model *model, const Data *data) {
    int64_t column = target_of(model);
    if (data->store || column < 0 || !model->has_forward ||
        !model->kernels[ROLE_FORWARD].function) {
        return false;
    }
    const Column *target = &model->columns[column];
    if (target->limit || target->by_row != model->forward_by_row ||
        target->shape.rank != model->forward.rank) {
        return false;
    }
    for (size_t axis = 0; axis < target->shape.rank; axis++) {
        if (target->shape.shape[axis] != model->forward.shape[axis]) {
            return false;
        }
    }
    return true;
}

/* Of each number the weight of its sample. */
static bool take_weights(Context *context, Residuals *residuals) {
    const Model *model = residuals->model;
    const Data *data = residuals->data;
    bool by_row = model->forward_by_row && data->starts;
    residuals->weights = NEW(context, double, residuals->count + 1);
    for (int64_t sample = 0; residuals->weights && sample < data->samples; sample++) {
        int64_t first = by_row ? data->starts[sample] : sample;
        int64_t end = by_row ? data->starts[sample + 1] : sample + 1;
        for (int64_t i = first * model->forward.count; i < end * model->forward.count; i++) {
            residuals->weights[i] = weights_at(model, (const void *const *)data->columns, sample);
        }
    }
    return residuals->weights != NULL;
}

bool residuals_start(Context *context, const Model *model, const Data *data, bool target,
                     Residuals *residuals) {
    int64_t rows = model->forward_by_row ? data->rows : data->samples;
    *residuals = (Residuals){.model = model,
                             .data = data,
                             .samples = data->samples,
                             .count = rows * model->forward.count,
                             .column = target ? target_of(model) : -1};
    size_t work = model_work(context, model, &model->kernels[ROLE_FORWARD], data->samples);
    residuals->found = NEW(context, double, residuals->count + 1);
    residuals->wanted = NEW(context, double, target ? residuals->count + 1 : 1);
    residuals->work = work == SIZE_MAX ? NULL : NEW(context, double, work + 1);
    residuals->reals = NEW(context, double, model->parameter_count + 1);
    residuals->columns = NEW(context, const void *, model->column_count + 1);
    if (!residuals->found || !residuals->wanted || !residuals->work || !residuals->reals ||
        !residuals->columns) {
        return false;
    }
    if (target && model->weights && !take_weights(context, residuals)) {
        return false;
    }
    for (int64_t i = 0; target && i < residuals->count; i++) {
        residuals->wanted[i] =
            column_at(model, residuals->column, data->columns[residuals->column], i);
    }
    return true;
}

void residuals_end(Context *context, Residuals *residuals) {
    memory_free(context, residuals->found);
    memory_free(context, residuals->wanted);
    memory_free(context, residuals->weights);
    memory_free(context, residuals->work);
    memory_free(context, residuals->reals);
    memory_free(context, residuals->columns);
    *residuals = (Residuals){0};
}

void residuals_forward(Residuals *residuals, const double *params) {
    const Model *model = residuals->model;
    Evaluator mover = {.model = model, .data = residuals->data};
    Part part = evaluate_move(&mover, residuals->first, residuals->samples, residuals->columns);
    GradcArgs args = model->args;
    reals_narrow(model, residuals->reals, params, model->parameter_count);
    args.params = residuals->reals;
    args.columns = part.columns;
    args.starts = part.starts;
    args.rows = part.count;
    args.out = residuals->found;
    args.work = residuals->work;
    if (part.count > 0) {
        model->kernels[ROLE_FORWARD].function(&args);
        reals_widen(model, residuals->found, (size_t)residuals->count);
    }
}

/* ---- is the loss made of squares? ---- */

double residuals_weight(const Residuals *residuals, int64_t i) {
    return residuals->weights ? residuals->weights[i] : 1;
}

double residuals_square(const Residuals *residuals, int64_t i) {
    double r = residuals->wanted[i] - residuals->found[i];
    double weight = residuals_weight(residuals, i);
    return weight > 0 ? weight * r * r : 0;
}

/* Σ w r² of one sample; *blur: what rounding of the residuals may change of it. */
static double sample_square(const Residuals *residuals, int64_t sample, double *blur) {
    const Model *model = residuals->model;
    const Data *data = residuals->data;
    bool by_row = model->forward_by_row && data->starts;
    int64_t width = model->forward.count;
    int64_t first = (by_row ? data->starts[sample] : sample) * width;
    int64_t end = (by_row ? data->starts[sample + 1] : sample + 1) * width;
    double unit = rounding * real_epsilon(model);
    double sum = 0;
    *blur = 0;
    for (int64_t i = first; i < end; i++) {
        double r = residuals->wanted[i] - residuals->found[i];
        double off = unit * (fabs(residuals->wanted[i]) + fabs(residuals->found[i]));
        double weight = residuals_weight(residuals, i);
        sum += residuals_square(residuals, i);
        *blur += weight > 0 ? weight * (2 * fabs(r) * off + off * off) : 0;
    }
    return sum;
}

/* What the evaluator's sums have weights times. */
static double weighting(const Evaluator *evaluator) {
    return evaluator->weighting > 0 ? evaluator->weighting : 1;
}

static bool losses_fit(Evaluator *evaluator, const Residuals *residuals, double *params,
                       double scale) {
    double allowed = residuals->model->single ? single_tolerance : tolerance;
    int64_t step = (evaluator->samples + SAMPLES_ASKED - 1) / SAMPLES_ASKED;
    for (int64_t sample = 0; sample < evaluator->samples; sample += step) {
        double blur;
        double square = sample_square(residuals, sample, &blur);
        double loss = evaluate_samples(evaluator, params, sample, 1, NULL) / weighting(evaluator);
        if (!(fabs(loss - scale * square) <= scale * (allowed * square + blur))) {
            return false;
        }
    }
    return true;
}

/* At params: the scale of all samples together, then whether each has it. */
static bool squared_at(Evaluator *evaluator, Residuals *residuals, double *params, double *scale) {
    double squares = 0;
    residuals_forward(residuals, params);
    for (int64_t i = 0; i < evaluator->samples; i++) {
        double blur;
        squares += sample_square(residuals, i, &blur);
    }
    *scale = evaluate_losses(evaluator, params, false) / weighting(evaluator) / squares;
    return isfinite(*scale) && *scale > 0 && losses_fit(evaluator, residuals, params, *scale);
}

bool residuals_squared(Context *context, Evaluator *evaluator, Residuals *residuals,
                       const double *params, double *scale) {
    size_t n = residuals->model->parameter_count;
    double *point = NEW(context, double, n + 1);
    double scales[POINTS] = {0};
    bool squared = point != NULL && evaluator->samples > 0;
    Random random;
    random_start(&random, 1);
    for (int k = 0; k < POINTS && squared; k++) {
        for (size_t i = 0; i < n; i++) { /* near: where residuals are not 0 by chance */
            double move = 0.02 * (random_unit(&random) - 0.5);
            point[i] = real_rounded(residuals->model, params[i] + move * (fabs(params[i]) + 1e-3));
        }
        squared = squared_at(evaluator, residuals, point, &scales[k]);
    }
    memory_free(context, point);
    double allowed = residuals->model->single ? single_tolerance : tolerance;
    *scale = scales[0];
    return squared && fabs(scales[0] - scales[1]) <= 10 * allowed * scales[0];
}

/* ---- for people ---- */

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Of sorted values, as R's and NumPy's. */
static double quantile(const double *values, int64_t count, double p) {
    double at = p * (double)(count - 1);
    int64_t below = (int64_t)at;
    int64_t above = below + 1 < count ? below + 1 : below;
    return values[below] + (at - (double)below) * (values[above] - values[below]);
}

/* 1 − Σ r² / Σ (y − mean)²; NaN where y is constant. */
static double determination(const Residuals *residuals, double square) {
    double mean = 0;
    double total = 0;
    double sum = 0;
    for (int64_t i = 0; i < residuals->count; i++) {
        mean += residuals_weight(residuals, i) * residuals->wanted[i];
        sum += residuals_weight(residuals, i);
    }
    mean /= sum;
    for (int64_t i = 0; i < residuals->count; i++) {
        double off = residuals->wanted[i] - mean;
        total += residuals_weight(residuals, i) * off * off;
    }
    return total > 0 ? 1 - square / total : (double)NAN;
}

static void add_line(Text *text, const char *name, double value) {
    text_format(text, "%s = ", name);
    text_number(text, value, true);
    text_string(text, "\n");
}

bool residuals_text(Context *context, Residuals *residuals, const double *params, double freedom,
                    Text *text) {
    static const struct {
        const char *name;
        double p;
    } places[] = {{"residual_min", 0},
                  {"residual_q1", 0.25},
                  {"residual_median", 0.5},
                  {"residual_q3", 0.75},
                  {"residual_max", 1}};
    int64_t count = 0; /* of those that count */
    double *sorted = NEW(context, double, residuals->count + 1);
    if (!sorted || residuals->count == 0) {
        return sorted != NULL;
    }
    residuals_forward(residuals, params);
    double square = 0;
    double sum = 0;
    for (int64_t i = 0; i < residuals->count; i++) {
        if (residuals_weight(residuals, i) > 0) {
            sorted[count++] = residuals->wanted[i] - residuals->found[i];
            square += residuals_square(residuals, i);
            sum += residuals_weight(residuals, i);
        }
    }
    qsort(sorted, (size_t)count, sizeof *sorted, by_size);
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        add_line(text, places[i].name, quantile(sorted, count, places[i].p));
    }
    if (freedom > 0) {
        add_line(text, "residual_error", sqrt(square / freedom));
    } else {
        add_line(text, "residual_rms", sqrt(square / sum));
    }
    double r2 = determination(residuals, square);
    if (isfinite(r2)) {
        add_line(text, "r_squared", r2);
    }
    memory_free(context, sorted);
    return true;
}
