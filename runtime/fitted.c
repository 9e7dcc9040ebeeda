/* fitted.c: the forward of all rows beside the target: numbers, or classes. */
#include "runtime/seeing.h"

#include <math.h>

double column_value(const Model *model, const Data *data, size_t column, int64_t row,
                    int64_t entry) {
    return column_at(model, column, data->columns[column],
                     row * model->columns[column].shape.count + entry);
}

double column_unscaled(const Model *model, size_t column, int64_t entry, double value) {
    const Column *c = &model->columns[column];
    return c->scale ? c->shift[entry] + value * c->scale[entry] : value;
}

const char *column_label(const Column *column) {
    return column->field_count == 1 && column->fields[0][0] ? column->fields[0] : column->name;
}

/* ---- what there is ---- */

static const char *find_target(Session *session, Fitted *fitted) {
    const Model *model = session->model;
    size_t targets = 0;
    for (size_t i = 0; i < model->column_count; i++) {
        if (model->columns[i].target) {
            fitted->target = i;
            targets++;
        }
    }
    if (!model->has_forward || !model->kernels[ROLE_FORWARD].function) {
        return "the model has no `forward`";
    }
    if (targets != 1) {
        return "the model has no single target: an argument of `loss` that `forward` lacks";
    }
    if (model->columns[fitted->target].by_row != model->forward_by_row) {
        return "the target and `forward` are not both of rows, or both of samples";
    }
    for (size_t i = 0; i < model->column_count; i++) {
        if (!session->data.columns[i] &&
            (i == fitted->target || model_uses(model, ROLE_FORWARD, i))) {
            return "`forward` reads columns that were not needed for the training";
        }
    }
    return session->data.samples > 0 ? NULL : "there are no rows";
}

static int64_t only_input(const Model *model) {
    int64_t input = -1;
    size_t count = 0;
    for (size_t i = 0; i < model->column_count; i++) {
        if (model_uses(model, ROLE_FORWARD, i)) {
            const Column *column = &model->columns[i];
            bool plain = column->shape.count == 1 && !column->by_row && !column->limit;
            input = plain ? (int64_t)i : -1;
            count++;
        }
    }
    return count == 1 && !model_rows_dim(model) ? input : -1;
}

/* Of real targets: are they all 0 or 1, and forward a probability? */
static bool is_yes_or_no(const Session *session, const Fitted *fitted) {
    bool both[2] = {false, false};
    for (int64_t i = 0; i < fitted->rows; i++) {
        double value = column_value(session->model, &session->data, fitted->target, i, 0);
        double p = fitted->predicted[i];
        if ((value != 0 && value != 1) || !(p >= 0 && p <= 1)) {
            return false;
        }
        both[value == 1] = true;
    }
    return both[0] && both[1];
}

/* How many classes the target has; 0: it is a number. */
static int64_t class_count(const Session *session, const Fitted *fitted) {
    const Model *model = session->model;
    const Column *target = &model->columns[fitted->target];
    int64_t classes = 0;
    if (target->shape.count != 1) {
        return 0;
    }
    if (target->is_int && target->limit) {
        if (!model_size(model, target->limit, session->data.samples, &classes)) {
            return 0;
        }
        bool scores = fitted->width == classes && classes > 1;
        return scores || fitted->width == 1 ? classes : 0;
    }
    return fitted->width == 1 && is_yes_or_no(session, fitted) ? 2 : 0;
}

/* ---- classes ---- */

/* A single number for two classes is a probability, or a score with the border at 0. */
static double border(const Fitted *fitted) {
    for (int64_t i = 0; i < fitted->rows; i++) {
        if (fitted->predicted[i] < 0 || fitted->predicted[i] > 1) {
            return 0;
        }
    }
    return 0.5;
}

static int64_t predicted_class(const Fitted *fitted, int64_t row, double limit) {
    const double *values = fitted->predicted + row * fitted->width;
    int64_t best = 0;
    if (fitted->width == 1) {
        double value = fitted->class_count == 2 ? values[0] > limit : floor(values[0] + 0.5);
        return value >= 0 && value < (double)fitted->class_count ? (int64_t)value : -1;
    }
    for (int64_t k = 1; k < fitted->width; k++) {
        best = values[k] > values[best] ? k : best;
    }
    return best;
}

static bool count_classes(Session *session, Fitted *fitted) {
    Context *context = session->context;
    const Column *target = &session->model->columns[fitted->target];
    size_t k = fitted->class_count;
    fitted->names = NEW(context, const char *, k);
    fitted->counts = k <= CURVE_POINTS ? NEW(context, int64_t, k * k) : NULL;
    if (k > CURVE_POINTS) {
        fitted->none = "there are too many classes";
        return true;
    }
    if (!fitted->names || !fitted->counts) {
        return false;
    }
    for (size_t i = 0; i < k; i++) {
        fitted->names[i] =
            i < target->class_count ? target->classes[i] : memory_format(context, "%zu", i);
        if (!fitted->names[i]) {
            return false;
        }
    }
    double limit = border(fitted);
    for (int64_t i = 0; i < fitted->rows; i++) {
        double value = column_value(session->model, &session->data, fitted->target, i, 0);
        int64_t said = predicted_class(fitted, i, limit);
        if (said >= 0 && value >= 0 && value < (double)k) {
            fitted->counts[(size_t)value * k + (size_t)said]++;
            fitted->right += (int64_t)value == said;
        }
    }
    return true;
}

/* ---- the whole ---- */

bool fitted_make(Session *session, double *params, Fitted *fitted) {
    const Model *model = session->model;
    *fitted = (Fitted){.input = -1};
    fitted->none = find_target(session, fitted);
    if (fitted->none) {
        return true;
    }
    fitted->width = model->forward.count;
    fitted->rows = model->forward_by_row ? session->data.rows : session->data.samples;
    fitted->predicted =
        NEW(session->context, double, (size_t)(fitted->rows + 1) * (size_t)(fitted->width + 1));
    if (!fitted->predicted || !predict_all(session, params, fitted->predicted)) {
        return false;
    }
    fitted->input = fitted->width == 1 ? only_input(model) : -1;
    fitted->class_count = (size_t)class_count(session, fitted);
    fitted->classes = fitted->class_count > 0;
    if (fitted->classes) {
        return count_classes(session, fitted);
    }
    if (model->columns[fitted->target].shape.count != fitted->width) {
        fitted->none = "`forward` and the target have different shapes";
    }
    return true;
}

bool fitted_curve(Session *session, double *params, const Fitted *fitted, double *x, double *y,
                  size_t count) {
    Context *context = session->context;
    const Model *model = session->model;
    const Column *column = &model->columns[fitted->input];
    const Kernel *kernel = &model->kernels[ROLE_FORWARD];
    size_t size = model_work(context, model, kernel, (int64_t)count);
    int64_t *integers = NEW(context, int64_t, count + 1);
    const void *values = column->is_int ? integers : reals_of(context, model, x, count);
    const void **columns = NEW(context, const void *, model->column_count + 1);
    double *work = size == SIZE_MAX ? NULL : NEW(context, double, size + 1);
    void *reals = reals_of(context, model, params, model->parameter_count);
    if (!integers || !values || !columns || !work || !reals) {
        return false;
    }
    for (size_t i = 0; column->is_int && i < count; i++) {
        integers[i] = (int64_t)floor(x[i] + 0.5);
        x[i] = (double)integers[i];
    }
    columns[fitted->input] = values;
    GradcArgs args = model->args;
    args.params = reals;
    args.columns = columns;
    args.rows = (int64_t)count;
    args.out = y;
    args.work = work;
    kernel->function(&args);
    reals_widen(model, y, count);
    return true;
}
