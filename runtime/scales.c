/* scales.c: real inputs in units of their standard deviations, from their means (--standardize):
 * x ← (x − mean) / sd, for each entry of each real input but the target. Training takes both from
 * its rows; the result file keeps them, and whoever trains on from there, predicts or evaluates
 * uses these. */
#include "runtime/store.h"

#include <math.h>

/* A column, gone through row by row. */
typedef struct {
    const Model *model;
    const Column *column;
    double *square, *rest; /* by entry */
} Scales;

static void add_value(void *self, size_t k, double *value) {
    const Scales *s = self;
    s->column->shift[k] += *value;
}

static void add_square(void *self, size_t k, double *value) {
    const Scales *s = self;
    double off = *value - s->column->shift[k];
    s->rest[k] += off;
    s->square[k] += off * off;
}

static void scale_value(void *self, size_t k, double *value) {
    const Scales *s = self;
    *value = (*value - s->column->shift[k]) / s->column->scale[k];
}

/* In two passes, so that both are right to rounding whatever the mean is; entries are neighbours,
 * so the rows are the outer loop. A column that does not vary keeps its unit. */
static bool measure(Scales *s, Data *data, size_t number) {
    const Column *column = s->column;
    int64_t width = column->shape.count;
    double rows = (double)data->rows;
    if (!data_entries(s->model, data, number, false, add_value, s)) {
        return false;
    }
    for (int64_t k = 0; k < width; k++) {
        column->shift[k] /= rows;
    }
    if (!data_entries(s->model, data, number, false, add_square, s)) {
        return false;
    }
    for (int64_t k = 0; k < width; k++) {
        double rest = s->rest[k];
        column->shift[k] += rest / rows;
        s->square[k] = (s->square[k] - rest * (rest / rows)) / rows;
        double sd = sqrt(s->square[k]);
        double least = 4 * real_epsilon(s->model) * fabs(column->shift[k]);
        column->scale[k] = sd > least && isfinite(1 / sd) ? sd : 1;
    }
    return true;
}

static bool take_scale(Context *context, Model *model, Data *data, size_t number) {
    Column *column = &model->columns[number];
    size_t width = (size_t)column->shape.count;
    double *sums = NEW(context, double, 2 * width + 1);
    column->shift = NEW(context, double, width + 1);
    column->scale = NEW(context, double, width + 1);
    if (!sums || !column->shift || !column->scale) {
        return false;
    }
    Scales s = {.model = model, .column = column, .square = sums, .rest = sums + width};
    if (width && !measure(&s, data, number)) {
        return false;
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
        Scales s = {.model = model, .column = column};
        if (width && !data_entries(model, data, i, true, scale_value, &s)) {
            return false;
        }
    }
    return true;
}

/* ---- back to the units of the data ---- */

/* The params W and b of a form in other units of its input: Σ W (x − mean) / sd + b is
 * Σ (W / sd) x + (b − Σ W mean / sd). `back`: the other way. */
static void change_form(const Model *model, const AffineForm *form, bool back, double *params) {
    const Column *column = &model->columns[form->column];
    const Param *weights = &model->params[form->weights], *bias = &model->params[form->bias];
    const Shape *shape = &weights->shape;
    int64_t at[FORM_AXES] = {0};
    for (size_t k = 0; k < weights->count; k++) {
        int64_t input = 0, row = 0;
        for (size_t i = 0; i < column->shape.rank; i++) {
            input = input * column->shape.shape[i] + at[form->input_axes[i]];
        }
        for (size_t i = 0; i < bias->shape.rank; i++) {
            row = row * bias->shape.shape[i] + at[form->bias_axes[i]];
        }
        double *w = &params[weights->offset + k], *b = &params[bias->offset + (size_t)row];
        if (back) {
            *b += *w * column->shift[input];
            *w *= column->scale[input];
        } else {
            *w /= column->scale[input];
            *b -= *w * column->shift[input];
        }
        for (size_t axis = shape->rank; axis-- > 0;) { /* the next entry */
            if (++at[axis] < shape->shape[axis]) {
                break;
            }
            at[axis] = 0;
        }
    }
}

static bool has_form(const Model *model, size_t column) {
    bool has = false;
    for (size_t i = 0; i < model->form_count; i++) {
        has |= model->forms[i].column == column;
    }
    return has;
}

bool scales_fold_all(const Model *model) {
    bool all = true;
    for (size_t i = 0; i < model->column_count; i++) {
        const Column *column = &model->columns[i];
        bool other = column->is_int || column->target || i + 1 == model->weights;
        all &= other || has_form(model, i);
    }
    return all;
}

void scales_unfold(const Model *model, double *params) {
    for (size_t i = 0; i < model->form_count; i++) {
        if (model->columns[model->forms[i].column].scale) {
            change_form(model, &model->forms[i], true, params);
        }
    }
}

static void plain_value(void *self, size_t k, double *value) {
    const Scales *s = self;
    *value = *value * s->column->scale[k] + s->column->shift[k];
}

bool scales_plain(const Model *model, const Data *data) {
    for (size_t i = 0; i < model->column_count; i++) {
        const Column *column = &model->columns[i];
        Scales s = {.model = model, .column = column};
        Data all = *data; /* in memory: its arrays; on disk: the files */
        all.rows = column->by_row ? data->rows : data->samples;
        if (column->scale && has_form(model, i) && data->columns &&
            (data->store || data->columns[i]) &&
            !data_entries(model, &all, i, true, plain_value, &s)) {
            return false;
        }
    }
    return true;
}

void scales_fold(Model *model, double *params) {
    for (size_t i = 0; i < model->form_count; i++) {
        if (model->columns[model->forms[i].column].scale) {
            change_form(model, &model->forms[i], false, params);
        }
    }
    for (size_t i = 0; i < model->column_count; i++) {
        Column *column = &model->columns[i];
        if (has_form(model, i)) {
            column->shift = column->scale = NULL;
            column->scale_count = 0;
        }
    }
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
