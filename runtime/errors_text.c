/* errors_text.c: standard errors and correlations for people. */
#include "runtime/errors.h"

#include <math.h>

void entry_name(Text *text, const char *name, const Shape *shape, int64_t k) {
    int64_t block = shape->count;
    text_string(text, name);
    for (size_t axis = 0; axis < shape->rank; axis++) {
        block /= shape->shape[axis];
        text_format(text, "%s%lld", axis ? "," : "[", (long long)(k / block));
        k %= block;
    }
    text_string(text, shape->rank ? "]" : "");
}

static void number_cell(Text *text, double value, const char *missing) {
    char cell[NUMBER_SIZE];
    snprintf(cell, sizeof cell, "%.8g", value);
    text_format(text, "  %16s", isfinite(value) ? cell : missing);
}

static void add_title(Text *text, const Errors *errors) {
    if (errors->kind == ERRORS_SQUARES) {
        text_format(text, "standard errors by least squares%s, %.0f degrees of freedom, s %.8g\n",
                    errors->from_hessian ? " (from the Hessian)" : "", errors->freedom,
                    errors->deviation);
    } else {
        text_string(text, "standard errors by the Hessian, the objective as -log likelihood\n");
    }
}

void errors_text(Text *text, const View *view, const Errors *errors, size_t limit) {
    add_title(text, errors);
    text_format(text, "%-20s  %16s  %16s  %16.6g%% interval\n", "", "value", "std.error",
                100 * errors->confidence);
    for (size_t i = 0; i < view->count; i++) {
        const Item *item = &view->items[i];
        const size_t first = (size_t)(item->values - view->numbers);
        if ((uint64_t)item->shape->count > limit) {
            text_format(text, "%-20s  %lld values: in the result file\n", item->name,
                        (long long)item->shape->count);
            continue;
        }
        for (int64_t k = 0; k < item->shape->count; k++) {
            Text name;
            text_start(&name, text->context);
            entry_name(&name, item->name, item->shape, k);
            text_format(text, "%-20s", name.data ? name.data : "");
            text_free(&name);
            size_t at = first + (size_t)k;
            const double cells[] = {view->numbers[at], errors->error[at], errors->low[at],
                                    errors->high[at]};
            for (size_t c = 0; c < sizeof cells / sizeof *cells; c++) {
                number_cell(text, cells[c], "-");
            }
            text_string(text, "\n");
        }
    }
}

void correlations_text(Text *text, const Model *model, const Errors *errors, size_t limit) {
    size_t shown = model->shown_count;
    if (!errors->correlation || shown < 2) {
        return;
    }
    if (shown > limit) {
        text_format(text, "correlations of %zu values: in the result file\n", shown);
        return;
    }
    text_string(text, "correlations\n");
    for (size_t i = 0, a = 0; i < model->param_count; i++) {
        const Param *param = &model->params[i];
        for (int64_t k = 0; k < param->shape.count; k++, a++) {
            Text name;
            text_start(&name, text->context);
            entry_name(&name, param->name, &param->shape, k);
            text_format(text, "%-20s", name.data ? name.data : "");
            text_free(&name);
            for (size_t b = 0; b <= a; b++) {
                double value = errors->correlation[a * shown + b];
                if (isfinite(value)) {
                    text_format(text, " %8.5f", value);
                } else {
                    text_format(text, " %8s", "-");
                }
            }
            text_string(text, "\n");
        }
    }
}
