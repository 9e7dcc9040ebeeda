/* info.c: `info`: what the executable holds. */
#include "runtime/runtime.h"

#include <string.h>

/* RPN as it was written, more or less: `D,1,+` becomes `D + 1`. */
static void print_size(const char *rpn) {
    if (!strchr(rpn, ',')) {
        printf("%s", rpn);
        return;
    }
    char stack[16][128];
    size_t depth = 0;
    for (const char *p = rpn; *p;) {
        size_t length = strcspn(p, ",");
        bool operator= length <= 2 && strchr("+-*/%", *p) && (length == 1 || *p == '/');
        if (operator&& depth >= 2) {
            char joined[300];
            snprintf(joined, sizeof joined, "(%s %.*s %s)", stack[depth - 2], (int)length, p,
                     stack[depth - 1]);
            depth--;
            snprintf(stack[depth - 1], sizeof stack[0], "%.127s", joined);
        } else if (depth < 16) {
            snprintf(stack[depth++], sizeof stack[0], "%.*s", (int)length, p);
        }
        p += length + (p[length] == ',');
    }
    size_t length = depth ? strlen(stack[depth - 1]) : 0;
    bool round = length > 2 && stack[depth - 1][0] == '(';
    printf("%.*s", (int)(round ? length - 2 : length), depth ? stack[depth - 1] + round : "");
}

/* `rows`: the dim of an axis that comes before the shape, or NULL. */
static void print_rows_shape(const Shape *shape, const Dim *rows) {
    printf("%s", rows ? "[" : "");
    printf("%s", rows ? rows->name : "");
    for (size_t i = 0; i < shape->rank; i++) {
        printf("%s", i || rows ? ", " : "[");
        print_size(shape->sizes[i]);
    }
    printf("%s", shape->rank || rows ? "]" : "");
}

static void print_shape(const Shape *shape) {
    print_rows_shape(shape, NULL);
}

static void print_columns(const Model *model) {
    for (size_t i = 0; i < model->column_count; i++) {
        const Column *column = &model->columns[i];
        printf("column %s", column->name);
        print_rows_shape(&column->shape, column->by_row ? model_rows_dim(model) : NULL);
        if (column->limit) {
            printf(" in ");
            print_size(column->limit);
        }
        printf("%s\n", column->target ? " (target)" : "");
    }
}

static void print_consts(const Model *model) {
    for (size_t i = 0; i < model->const_count; i++) {
        char value[NUMBER_SIZE];
        number_write(value, model->consts[i].value, false);
        printf("const %s = %s%s\n", model->consts[i].name, value,
               model->consts[i].fixed ? " (fixed)" : "");
    }
}

static void print_arrays(const char *word, const Array *arrays, size_t count) {
    for (size_t i = 0; i < count; i++) {
        printf("%s %s", word, arrays[i].name);
        print_shape(&arrays[i].shape);
        printf("\n");
    }
}

int command_info(Context *context, const Model *model) {
    (void)context;
    printf("model %s\nsource %s\nhash %s\n", model->name, model->source, model->hash);
    if (model->single) {
        printf("precision f32\n");
    }
    for (size_t i = 0; i < model->dim_count; i++) {
        const Dim *dim = &model->dims[i];
        if (dim->rows) {
            printf("dim %s (the rows of a sample)\n", dim->name);
        } else if (dim->bound) {
            printf("dim %s = %lld\n", dim->name, (long long)dim->value);
        } else {
            printf("dim %s (from the data)\n", dim->name);
        }
    }
    print_consts(model);
    print_arrays("data", model->arrays, model->array_count);
    for (size_t i = 0; i < model->param_count; i++) {
        printf("param %s", model->params[i].name);
        print_shape(&model->params[i].shape);
        printf("%s\n", model->params[i].size ? " (constrained)" : "");
    }
    print_arrays("definition", model->definitions, model->definition_count);
    print_columns(model);
    if (model->has_forward) {
        printf("forward");
        print_rows_shape(&model->forward, model->forward_by_row ? model_rows_dim(model) : NULL);
        printf("\n");
    }
    for (size_t i = 0; i < model->metric_count; i++) {
        printf("metric %s\n", model->metrics[i].name);
    }
    for (size_t i = 0; i < model->setting_count; i++) {
        printf("setting %s = %s\n", model->settings[i].name, model->settings[i].value);
    }
    return STATUS_OK;
}
