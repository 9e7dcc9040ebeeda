/* scales.c: real inputs in units of their standard deviations, from their means (--standardize):
 * x ← (x − mean) / sd, for each entry of each real input but the target. Training takes both from
 * its rows; the result file keeps them, and whoever trains on from there, predicts or evaluates
 * uses these. */
#include "runtime/runtime.h"

#include <math.h>

/* In two passes, so that both are right to rounding whatever the mean is; entries are neighbours,
 * so the rows are the outer loop. A column that does not vary keeps its unit. */
static void measure(const Model *model, const Data *data, size_t number, double *sums) {
    const Column *column = &model->columns[number];
    const void *array = data->columns[number];
    int64_t width = column->shape.count;
    double rows = (double)data->rows;
    double *square = sums, *rest = sums + width;
    for (int64_t row = 0; row < data->rows; row++) {
        for (int64_t k = 0; k < width; k++) {
            column->shift[k] += real_at(model, array, row * width + k);
        }
    }
    for (int64_t k = 0; k < width; k++) {
        column->shift[k] /= rows;
    }
    for (int64_t row = 0; row < data->rows; row++) {
        for (int64_t k = 0; k < width; k++) {
            double off = real_at(model, array, row * width + k) - column->shift[k];
            rest[k] += off;
            square[k] += off * off;
        }
    }
    for (int64_t k = 0; k < width; k++) {
        column->shift[k] += rest[k] / rows;
        square[k] = (square[k] - rest[k] * (rest[k] / rows)) / rows;
    }
    for (int64_t k = 0; k < width; k++) {
        double sd = sqrt(square[k]);
        double least = 4 * real_epsilon(model) * fabs(column->shift[k]);
        column->scale[k] = sd > least && isfinite(1 / sd) ? sd : 1;
    }
}

static bool take_scale(Context *context, Model *model, const Data *data, size_t number) {
    Column *column = &model->columns[number];
    size_t width = (size_t)column->shape.count;
    double *sums = NEW(context, double, 2 * width + 1);
    column->shift = NEW(context, double, width + 1);
    column->scale = NEW(context, double, width + 1);
    if (!sums || !column->shift || !column->scale) {
        return false;
    }
    if (width) {
        measure(model, data, number, sums);
    }
    memory_free(context, sums);
    column->scale_count = width;
    for (size_t k = 0; k < width; k++) {
        if (!isfinite(column->shift[k]) || !isfinite(column->scale[k])) {
            return report_error(context,
                                "--standardize: value %zu of `%s` has no finite mean and deviation",
                                k, column->name);
        }
    }
    return true;
}

bool scales_apply(Context *context, Model *model, const LoadOptions *options, Data *data) {
    for (size_t i = 0; i < model->column_count; i++) {
        Column *column = &model->columns[i];
        if (column->is_int || column->target || !data->columns[i] || !options->needed[i] ||
            i + 1 == model->weights) {
            continue;
        }
        if (!column->scale && !options->standardize) {
            continue;
        }
        if (!column->scale && !take_scale(context, model, data, i)) {
            return false;
        }
        int64_t width = column->shape.count;
        if (column->scale_count != (size_t)width) {
            return scales_check(context, model, "the file of -m");
        }
        for (int64_t row = 0; row < data->rows; row++) {
            for (int64_t k = 0; k < width; k++) {
                double value = real_at(model, data->columns[i], row * width + k);
                real_put(model, data->columns[i], row * width + k,
                         (value - column->shift[k]) / column->scale[k]);
            }
        }
    }
    return true;
}

bool scales_any(const Model *model) {
    bool any = false;
    for (size_t i = 0; i < model->column_count; i++) {
        any |= model->columns[i].scale != NULL;
    }
    return any;
}

bool scales_check(Context *context, const Model *model, const char *path) {
    for (size_t i = 0; i < model->column_count; i++) {
        const Column *column = &model->columns[i];
        if ((column->means && column->mean_count != (size_t)column->shape.count) ||
            (column->scale && column->scale_count != (size_t)column->shape.count)) {
            return report_error(context, "`%s` is damaged: `%s` has %lld values a sample", path,
                                column->name, (long long)column->shape.count);
        }
    }
    return true;
}
