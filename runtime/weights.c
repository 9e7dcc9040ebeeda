/* weights.c: a weight for each sample, `--weights=COLUMN`. The column is one more of the model's:
 * so it is loaded, moved, shuffled and split with the samples. J = (Σ w loss − prior) / Σ w +
 * penalty; kernels know nothing of it: they are called for runs of samples of one weight
 * (evaluate.c). */
#include "runtime/store.h"

#include <math.h>
#include <string.h>

static bool too_many(Context *context) {
    return report_error(context, "--weights: not for a model of more than %d columns",
                        WEIGHTED_COLUMNS);
}

static bool use_column(Context *context, Model *model, size_t column) {
    const Column *c = &model->columns[column];
    if (model->column_count > WEIGHTED_COLUMNS) {
        return too_many(context);
    }
    if (c->by_row || c->shape.rank > 0) {
        return report_error(context,
                            "--weights: `%s` has more than one value for a sample; a weight is "
                            "one number",
                            c->name);
    }
    model->weights = column + 1;
    return true;
}

bool weights_take(Context *context, Model *model, const char *name) {
    const Column *found = model_column(model, name);
    if (found) {
        return use_column(context, model, (size_t)(found - model->columns));
    }
    Column *columns = NEW(context, Column, model->column_count + 2);
    if (!columns) {
        return false;
    }
    if (model->column_count >= WEIGHTED_COLUMNS) {
        return too_many(context);
    }
    for (int role = 0; role < ROLE_COUNT; role++) { /* no kernel reads it */
        if (!model->uses[role]) {
            continue;
        }
        bool *uses = NEW(context, bool, model->column_count + 2);
        if (!uses) {
            return false;
        }
        memcpy(uses, model->uses[role], model->column_count * sizeof *uses);
        model->uses[role] = uses;
    }
    if (model->column_count > 0) {
        memcpy(columns, model->columns, model->column_count * sizeof *columns);
    }
    columns[model->column_count] = (Column){.name = name, .shape = {.count = 1}};
    model->columns = columns;
    model->weights = ++model->column_count;
    return true;
}

double weights_at(const Model *model, const void *const *columns, int64_t sample) {
    return column_at(model, model->weights - 1, columns[model->weights - 1], sample);
}

/* The weights, gone through sample by sample. */
typedef struct {
    const Model *model;
    double sum;
    int64_t zeros;
    int64_t bad; /* the first sample whose weight is none, or -1 */
    double value;
} Weights;

static bool sum_piece(void *self, void *array, int64_t first, int64_t count) {
    Weights *w = self;
    for (int64_t i = 0; i < count; i++) {
        double weight = column_at(w->model, w->model->weights - 1, array, i);
        w->sum += weight;
        w->zeros += weight == 0;
        if (w->bad < 0 && !(weight >= 0 && isfinite(weight))) {
            w->bad = first + i;
            w->value = weight;
        }
    }
    return true;
}

/* Of samples that are blocks of rows, too: the column has one value for each. */
static bool add_up(const Model *model, const Data *data, Weights *w) {
    *w = (Weights){.model = model, .bad = -1};
    Data all = *data; /* what is not on disk is not changed */
    all.rows = data->samples;
    return data_pieces(&all, model->weights - 1, false, sum_piece, w);
}

double weights_sum(const Model *model, const Data *data, int64_t *zeros) {
    Weights w;
    bool done = add_up(model, data, &w);
    *zeros = w.zeros;
    return done ? w.sum : (double)NAN;
}

bool weights_check(Context *context, const Model *model, const Data *data) {
    Weights w;
    if (!model->weights) {
        return true;
    }
    const char *name = model->columns[model->weights - 1].name;
    if (!add_up(model, data, &w)) {
        return false;
    }
    if (w.bad >= 0) {
        int64_t row = data->starts ? data->starts[w.bad] : w.bad;
        char number[NUMBER_SIZE];
        number_write(number, w.value, false);
        char *place = memory_format(context, data_line(data, row) ? "%s:%lld" : "%s", data->path,
                                    (long long)data_line(data, row));
        return place && report_place(context, place,
                                     "the weight `%s` is %s; a weight is a number of at least 0",
                                     name, number);
    }
    return (w.sum > 0 && isfinite(w.sum)) ||
           report_error(context, "`%s`: the weights `%s` add up to %s", data->path, name,
                        w.sum > 0 ? "more than a number can be" : "0");
}
