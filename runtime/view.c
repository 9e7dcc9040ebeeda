/* view.c: the params in the user's terms. Training moves a flat vector without constraints; what is
 * printed, written and read is what the constraints make of it (kernel constrain), with the
 * model's definitions beside it. */
#include "runtime/runtime.h"

#include <math.h>
#include <string.h>

/* out = what the kernel makes of params. */
static bool convert(Context *context, const Model *model, Role role, const double *params,
                    size_t given, double *out, size_t made) {
    const Kernel *kernel = &model->kernels[role];
    size_t size = model_work(context, model, kernel, 1);
    double *work = size == SIZE_MAX ? NULL : NEW(context, double, size + 1);
    void *reals = reals_of(context, model, params, given);
    if (!work || !reals) {
        return false;
    }
    GradcArgs args = model->args;
    args.params = reals;
    args.out = out;
    args.work = work;
    kernel->function(&args);
    reals_widen(model, out, made);
    memory_free(context, reals);
    memory_free(context, work);
    return true;
}

bool view_make(Context *context, const Model *model, double *params, View *view) {
    size_t total = model->shown_count + model->definition_total;
    *view =
        (View){.params = model->param_count, .count = model->param_count + model->definition_count};
    view->items = NEW(context, Item, view->count + 1);
    view->numbers = NEW(context, double, total + 1);
    if (!view->items || !view->numbers) {
        return false;
    }
    double *definitions = view->numbers + model->shown_count;
    if (!model->kernels[ROLE_CONSTRAIN].function) {
        for (size_t i = 0; i < model->shown_count; i++) {
            view->numbers[i] = real_rounded(model, params[i]);
        }
    } else if (!convert(context, model, ROLE_CONSTRAIN, params, model->parameter_count,
                        view->numbers, model->shown_count)) {
        return false;
    }
    if (model->kernels[ROLE_DEFINE].function &&
        !convert(context, model, ROLE_DEFINE, params, model->parameter_count, definitions,
                 model->definition_total)) {
        return false;
    }
    for (size_t i = 0; i < model->param_count; i++) {
        const Param *param = &model->params[i];
        view->items[i] = (Item){param->name, &param->shape, view->numbers + param->shown};
    }
    for (size_t i = 0; i < model->definition_count; i++) {
        const Array *array = &model->definitions[i];
        view->items[model->param_count + i] =
            (Item){array->name, &array->shape, definitions + array->shown};
    }
    return true;
}

void view_free(Context *context, View *view) {
    memory_free(context, view->items);
    memory_free(context, view->numbers);
    *view = (View){0};
}

bool view_check(Context *context, const Model *model, const double *params, const char *where) {
    for (size_t i = 0; i < model->param_count; i++) {
        const Param *param = &model->params[i];
        for (size_t k = 0; k < param->count; k++) {
            double value = params[param->offset + k];
            if (isfinite(value)) {
                continue;
            }
            if (param->size) {
                return report_error(context, "%s of param `%s` does not keep its constraint", where,
                                    param->name);
            }
            char text[NUMBER_SIZE];
            number_write(text, value, false);
            return report_error(context, "%s of param `%s` is not finite: %s", where, param->name,
                                text);
        }
    }
    return true;
}

bool view_take(Context *context, const Model *model, double *shown, double *params,
               const char *where) {
    if (!model->kernels[ROLE_UNCONSTRAIN].function) {
        memcpy(params, shown, model->parameter_count * sizeof *params);
        return true;
    }
    return convert(context, model, ROLE_UNCONSTRAIN, shown, model->shown_count, params,
                   model->parameter_count) &&
           view_check(context, model, params, where);
}
