/* model.c: reads the description that the compiler left (abi.h), and binds its dims.
 * The description is trusted as the compiler's; still, a line that is not understood is an error.
 */
#include "runtime/runtime.h"

#include <stdlib.h>
#include <string.h>

enum { WORDS_MAX = 4096, STACK_MAX = 64 };

static const char *const role_names[ROLE_COUNT] = {
    [ROLE_OBJECTIVE] = "objective",
    [ROLE_GRADIENT] = "gradient",
    [ROLE_SGD] = "sgd",
    [ROLE_CURVATURE] = "curvature",
    [ROLE_HVP] = "hvp",
    [ROLE_GAUSS] = "gauss",
    [ROLE_STEP] = "step",
    [ROLE_REGULAR] = "regular",
    [ROLE_FORWARD] = "forward",
    [ROLE_SHRINK] = "shrink",
    [ROLE_REGULAR_GRADIENT] = "regular_gradient",
    [ROLE_REGULAR_HVP] = "regular_hvp",
    [ROLE_PRIOR_HVP] = "prior_hvp",
    [ROLE_PRIOR] = "prior",
    [ROLE_PRIOR_GRADIENT] = "prior_gradient",
    [ROLE_CONSTRAIN] = "constrain",
    [ROLE_UNCONSTRAIN] = "unconstrain",
    [ROLE_DEFINE] = "define",
    [ROLE_INIT] = "init",
    [ROLE_METRIC] = "metric",
};

typedef struct {
    Context *context;
    Model *model;
    GradcKernel *const *kernels;
    char **words;
    size_t count;
    Text text, derivation;
    bool out_of_memory;
} Reader;

static bool bad_line(Reader *reader) {
    return report_error(reader->context, "the model's description has a bad line: `%s …`",
                        reader->words[0]);
}

static void *grow(Reader *reader, void *array, size_t count, size_t size) {
    if (count & (count - 1)) {
        return array; /* there is room up to the next power of two */
    }
    void *larger = memory_resize(reader->context, array, (count ? 2 * count : 1) * size);
    if (!larger) {
        reader->out_of_memory = true;
    }
    return larger;
}

/* Appends a zeroed T to model->array. */
#define APPEND(reader, T, array, count)                                                            \
    ((T *)append((reader), (void **)&(reader)->model->array, &(reader)->model->count, sizeof(T)))

static void *append(Reader *reader, void **array, size_t *count, size_t size) {
    void *larger = grow(reader, *array, *count, size);
    if (!larger) {
        return NULL;
    }
    *array = larger;
    char *item = (char *)larger + *count * size;
    memset(item, 0, size);
    ++*count;
    return item;
}

static bool read_role(const char *word, Role *role) {
    for (int i = 0; i < ROLE_COUNT; i++) {
        if (strcmp(role_names[i], word) == 0) {
            *role = (Role)i;
            return true;
        }
    }
    return false;
}

/* RANK SIZE… from word `at`; returns the word after them, or 0. */
static size_t read_shape(Reader *reader, size_t at, Shape *shape) {
    int64_t rank = 0;
    if (at >= reader->count || !integer_read_text(reader->words[at], &rank) || rank < 0 ||
        (size_t)rank > reader->count - at - 1) {
        return 0;
    }
    shape->rank = (size_t)rank;
    shape->sizes = NEW(reader->context, const char *, rank + 1);
    shape->shape = NEW(reader->context, int64_t, rank + 1);
    if (!shape->sizes || !shape->shape) {
        reader->out_of_memory = true;
        return 0;
    }
    for (size_t i = 0; i < shape->rank; i++) {
        shape->sizes[i] = reader->words[at + 1 + i];
    }
    return at + 1 + shape->rank;
}

static bool read_dim(Reader *reader) {
    Dim *dim = APPEND(reader, Dim, dims, dim_count);
    if (!dim || reader->count < 2) {
        return false;
    }
    dim->name = reader->words[1];
    if (reader->count > 2 && strcmp(reader->words[2], "rows") == 0) {
        dim->rows = true;
        return true;
    }
    if (reader->count > 2) {
        dim->bound = true;
        dim->by = "the model";
        return integer_read_text(reader->words[2], &dim->value);
    }
    return true;
}

static bool read_const(Reader *reader) {
    Const *item = APPEND(reader, Const, consts, const_count);
    if (!item || reader->count < 3) {
        return false;
    }
    item->name = reader->words[1];
    item->fixed = reader->count > 3 && strcmp(reader->words[3], "fixed") == 0;
    return number_read_text(reader->words[2], &item->value) ||
           number_read_nonfinite(reader->words[2], strlen(reader->words[2]), &item->value);
}

static bool read_param(Reader *reader) {
    Param *param = APPEND(reader, Param, params, param_count);
    if (!param || reader->count < 4) {
        return false;
    }
    param->name = reader->words[1];
    param->c_name = reader->words[2];
    return read_shape(reader, 3, &param->shape) != 0;
}

/* The param stands in the line before. */
static bool read_unconstrained(Reader *reader) {
    Model *model = reader->model;
    if (reader->count < 3 || model->param_count == 0) {
        return false;
    }
    model->params[model->param_count - 1].size = reader->words[2];
    return strcmp(model->params[model->param_count - 1].name, reader->words[1]) == 0;
}

static bool read_array(Reader *reader, Array *array) {
    if (!array || reader->count < 3) {
        return false;
    }
    array->name = reader->words[1];
    return read_shape(reader, 2, &array->shape) != 0;
}

static bool read_data(Reader *reader) {
    return read_array(reader, APPEND(reader, Array, arrays, array_count));
}

static bool read_define(Reader *reader) {
    return read_array(reader, APPEND(reader, Array, definitions, definition_count));
}

static bool read_column(Reader *reader) {
    Column *column = APPEND(reader, Column, columns, column_count);
    if (!column || reader->count < 4) {
        return false;
    }
    column->name = reader->words[1];
    column->is_int = strcmp(reader->words[2], "int") == 0;
    size_t at = read_shape(reader, 3, &column->shape);
    if (at == 0) {
        return false;
    }
    for (; at < reader->count; at++) {
        if (strcmp(reader->words[at], "target") == 0) {
            column->target = true;
        } else if (strcmp(reader->words[at], "in") == 0 && at + 1 < reader->count) {
            column->limit = reader->words[++at];
        } else {
            return false;
        }
    }
    return true;
}

static bool read_forward(Reader *reader) {
    reader->model->has_forward = true;
    return read_shape(reader, 1, &reader->model->forward) != 0;
}

static bool read_metric(Reader *reader) {
    int64_t number = 0;
    Metric *metric = APPEND(reader, Metric, metrics, metric_count);
    if (!metric || reader->count < 3 || !integer_read_text(reader->words[2], &number)) {
        return false;
    }
    metric->name = reader->words[1];
    metric->kernel.function = reader->kernels[number];
    return true;
}

static bool read_derived(Reader *reader) {
    Metric *metric = APPEND(reader, Metric, metrics, metric_count);
    if (!metric || reader->count < 3) {
        return false;
    }
    metric->name = reader->words[1];
    metric->expression = reader->words[2];
    return true;
}

static bool read_setting(Reader *reader) {
    Setting *setting = APPEND(reader, Setting, settings, setting_count);
    if (!setting || reader->count < 3) {
        return false;
    }
    setting->name = reader->words[1];
    setting->value = reader->words[2];
    return true;
}

/* The kernel line of a metric may stand before or after its metric line. */
static bool read_kernel(Reader *reader) {
    Role role;
    int64_t number;
    if (reader->count < 3 || !read_role(reader->words[1], &role) ||
        !integer_read_text(reader->words[2], &number)) {
        return false;
    }
    GradcKernel *function = reader->kernels[number];
    const char *work = reader->count > 3 ? reader->words[3] : "0";
    if (role != ROLE_METRIC) {
        reader->model->kernels[role] = (Kernel){function, work};
        return true;
    }
    Kernel *largest = &reader->model->kernels[ROLE_METRIC];
    *largest = (Kernel){function, work};
    for (size_t i = 0; i < reader->model->metric_count; i++) {
        Kernel *kernel = &reader->model->metrics[i].kernel;
        if (kernel->function == function) {
            kernel->work = work;
        }
    }
    return true;
}

static bool read_uses(Reader *reader) {
    Role role;
    Model *model = reader->model;
    if (reader->count < 2 || !read_role(reader->words[1], &role)) {
        return false;
    }
    if (!model->uses[role]) {
        model->uses[role] = NEW(reader->context, bool, model->column_count + 1);
    }
    if (!model->uses[role]) {
        reader->out_of_memory = true;
        return false;
    }
    for (size_t i = 2; i < reader->count; i++) {
        for (size_t k = 0; k < model->column_count; k++) {
            model->uses[role][k] |= strcmp(model->columns[k].name, reader->words[i]) == 0;
        }
    }
    return true;
}

static bool read_text_line(Reader *reader) {
    Model *model = reader->model;
    const char **place = strcmp(reader->words[0], "model") == 0    ? &model->name
                         : strcmp(reader->words[0], "source") == 0 ? &model->source
                                                                   : &model->hash;
    *place = reader->count > 1 ? reader->words[1] : "";
    return true;
}

static bool read_version(Reader *reader) {
    if (reader->count < 2 || strcmp(reader->words[1], "3") != 0) {
        return report_error(reader->context,
                            "the model was compiled for another runtime (format %s)",
                            reader->count < 2 ? "unknown" : reader->words[1]);
    }
    return true;
}

/* A line of the model's text or of its derivation. */
static bool read_page_line(Reader *reader) {
    bool derivation = strcmp(reader->words[0], "derivation") == 0;
    Text *to = derivation ? &reader->derivation : &reader->text;
    text_string(to, reader->words[1]);
    text_string(to, "\n");
    reader->out_of_memory |= to->failed;
    return !to->failed;
}

static size_t find_param(const Model *model, const char *name) {
    size_t k = 0;
    while (k < model->param_count && strcmp(model->params[k].name, name) != 0) {
        k++;
    }
    return k;
}

static bool read_affine(Reader *reader) {
    const Model *model = reader->model;
    AffineForm *form = APPEND(reader, AffineForm, forms, form_count);
    if (!form || reader->count < 4) {
        return false;
    }
    const Column *column = model_column(model, reader->words[1]);
    form->weights = find_param(model, reader->words[2]);
    form->bias = find_param(model, reader->words[3]);
    if (!column || form->weights == model->param_count || form->bias == model->param_count) {
        return false;
    }
    form->column = (size_t)(column - model->columns);
    size_t inputs = column->shape.rank, axes = inputs + model->params[form->bias].shape.rank;
    if (axes > FORM_AXES || reader->count != 4 + axes) {
        return false;
    }
    for (size_t k = 0; k < axes; k++) {
        int64_t axis;
        if (!integer_read_text(reader->words[4 + k], &axis) || axis < 0 ||
            (size_t)axis >= model->params[form->weights].shape.rank) {
            return false;
        }
        size_t *to = k < inputs ? &form->input_axes[k] : &form->bias_axes[k - inputs];
        *to = (size_t)axis;
    }
    return true;
}

static bool read_smooth(Reader *reader) {
    reader->model->smooth = true;
    return reader->count == 1;
}

static bool read_residuals(Reader *reader) {
    reader->model->residuals = reader->count == 2 ? reader->words[1] : NULL;
    return reader->count == 2;
}

static bool read_precision(Reader *reader) {
    reader->model->single = reader->count == 2 && strcmp(reader->words[1], "f32") == 0;
    return reader->model->single;
}

static bool read_predict(Reader *reader) {
    Export *exported = &reader->model->exported;
    exported->prefix = reader->count == 3 ? reader->words[1] : NULL;
    exported->function = reader->count == 3 ? reader->words[2] : NULL;
    return reader->count == 3;
}

static bool read_argument(Reader *reader) {
    Argument *argument = APPEND(reader, Argument, exported.arguments, exported.argument_count);
    if (!argument || reader->count < 3) {
        return false;
    }
    argument->c_name = reader->words[1];
    argument->kind = reader->words[2];
    argument->name = reader->count > 3 ? reader->words[3] : NULL;
    return reader->count <= 4 || read_shape(reader, 4, &argument->shape) != 0;
}

static bool read_unexported(Reader *reader) {
    reader->model->exported.refusal = reader->count > 1 ? reader->words[1] : "";
    return true;
}

typedef struct {
    const char *word;
    bool late; /* needs names that other lines declare */
    bool (*read)(Reader *reader);
} LineKind;

static const LineKind line_kinds[] = {
    {"gradc", false, read_version},
    {"precision", false, read_precision},
    {"model", false, read_text_line},
    {"source", false, read_text_line},
    {"hash", false, read_text_line},
    {"dim", false, read_dim},
    {"const", false, read_const},
    {"param", false, read_param},
    {"column", false, read_column},
    {"forward", false, read_forward},
    {"metric", false, read_metric},
    {"derived", false, read_derived},
    {"setting", false, read_setting},
    {"data", false, read_data},
    {"define", false, read_define},
    {"kernel", true, read_kernel},
    {"uses", true, read_uses},
    {"affine", true, read_affine},
    {"unconstrained", false, read_unconstrained},
    {"residuals", false, read_residuals},
    {"predict", false, read_predict},
    {"argument", false, read_argument},
    {"unexported", false, read_unexported},
    {"text", false, read_page_line},
    {"derivation", false, read_page_line},
    {"smooth", false, read_smooth},
};

static bool read_words(Reader *reader, bool late) {
    for (size_t i = 0; i < sizeof line_kinds / sizeof *line_kinds; i++) {
        if (strcmp(line_kinds[i].word, reader->words[0]) == 0) {
            if (line_kinds[i].late != late || line_kinds[i].read(reader)) {
                return true;
            }
            return reader->out_of_memory ? false : bad_line(reader);
        }
    }
    return bad_line(reader);
}

/* Cuts one line of the private copy into words. The text is cut by the first of the two passes. */
static void split(Reader *reader, char *line, char *end) {
    reader->count = 0;
    for (char *p = line; p < end && reader->count < WORDS_MAX;) {
        while (p < end && (*p == ' ' || *p == 0)) {
            p++;
        }
        if (p < end) {
            reader->words[reader->count++] = p;
        }
        while (p < end && *p != ' ' && *p != 0) {
            p++;
        }
        *p = 0;
    }
}

/* A text that holds blanks (a path, a setting) is the rest of its line. */
static bool whole_line(const char *line) {
    return strncmp(line, "source ", 7) == 0 || strncmp(line, "setting ", 8) == 0 ||
           strncmp(line, "unexported ", 11) == 0 || strncmp(line, "text ", 5) == 0 ||
           strncmp(line, "derivation ", 11) == 0;
}

static void split_whole(Reader *reader, char *line, char *end, size_t words) {
    reader->count = 0;
    *end = 0;
    while (reader->count < words) {
        reader->words[reader->count++] = line;
        char *blank = strchr(line, ' ');
        if (!blank || reader->count == words) {
            return;
        }
        *blank = 0;
        line = blank + 1;
    }
}

static const char code_line[] = "code\n"; /* the last one: what follows is C */

static bool read_lines(Reader *reader, const char *text, bool late) {
    char *copy = memory_copy(reader->context, text, strlen(text));
    if (!copy) {
        return false;
    }
    for (char *line = copy; *line;) {
        if (strncmp(line, code_line, sizeof code_line - 1) == 0) {
            reader->model->exported.code = text + (line - copy) + sizeof code_line - 1;
            break;
        }
        char *end = line + strcspn(line, "\n");
        bool last = *end == 0;
        if (whole_line(line)) {
            split_whole(reader, line, end, strncmp(line, "setting ", 8) == 0 ? 3 : 2);
        } else {
            split(reader, line, end);
        }
        if (reader->count && !read_words(reader, late)) {
            return false;
        }
        line = last ? end : end + 1;
    }
    return true;
}

/* The axis of the rows of a sample goes: what is left is the shape of a row. */
static bool drop_rows(const Model *model, Shape *shape) {
    const Dim *dim = shape->rank ? model_dim(model, shape->sizes[0]) : NULL;
    if (!dim || !dim->rows) {
        return false;
    }
    shape->rank--;
    shape->sizes++;
    return true;
}

static Model *note_rows(Model *model) {
    for (size_t i = 0; i < model->column_count; i++) {
        model->columns[i].by_row = drop_rows(model, &model->columns[i].shape);
    }
    model->forward_by_row = drop_rows(model, &model->forward);
    return model;
}

Model *model_read(Context *context, const char *text, GradcKernel *const *kernels) {
    Reader reader = {.context = context, .kernels = kernels};
    reader.model = NEW(context, Model, 1);
    reader.words = NEW(context, char *, WORDS_MAX);
    if (!reader.model || !reader.words) {
        return NULL;
    }
    text_start(&reader.text, context);
    text_start(&reader.derivation, context);
    reader.model->name = reader.model->source = reader.model->hash = "";
    if (strncmp(text, "gradc ", 6) != 0) {
        report_error(context, "this executable holds no model description");
        return NULL;
    }
    if (!read_lines(&reader, text, false) || !read_lines(&reader, text, true)) {
        return NULL;
    }
    reader.model->text = reader.text.data ? reader.text.data : "";
    reader.model->derivation = reader.derivation.data ? reader.derivation.data : "";
    return note_rows(reader.model);
}

/* ---- look-up and sizes ---- */

Dim *model_dim(const Model *model, const char *name) {
    for (size_t i = 0; i < model->dim_count; i++) {
        if (strcmp(model->dims[i].name, name) == 0) {
            return &model->dims[i];
        }
    }
    return NULL;
}

Column *model_column(const Model *model, const char *name) {
    for (size_t i = 0; i < model->column_count; i++) {
        if (strcmp(model->columns[i].name, name) == 0) {
            return &model->columns[i];
        }
    }
    return NULL;
}

Const *model_const(const Model *model, const char *name) {
    for (size_t i = 0; i < model->const_count; i++) {
        if (strcmp(model->consts[i].name, name) == 0) {
            return &model->consts[i];
        }
    }
    return NULL;
}

static int64_t floor_div(int64_t a, int64_t b) {
    int64_t q = a / b;
    return q - (a % b != 0 && (a < 0) != (b < 0));
}

static bool apply(const char *operator, int64_t * stack, size_t *depth) {
    if (*depth < 2) {
        return false;
    }
    int64_t b = stack[--*depth];
    int64_t *a = &stack[*depth - 1];
    if (strcmp(operator, "+") == 0) {
        return !__builtin_add_overflow(*a, b, a);
    }
    if (strcmp(operator, "-") == 0) {
        return !__builtin_sub_overflow(*a, b, a);
    }
    if (strcmp(operator, "*") == 0) {
        return !__builtin_mul_overflow(*a, b, a);
    }
    if (b == 0) {
        return false;
    }
    if (strcmp(operator, "//") == 0) {
        *a = floor_div(*a, b);
        return true;
    }
    if (strcmp(operator, "%") == 0) {
        *a -= floor_div(*a, b) * b;
        return true;
    }
    if (strcmp(operator, "max") == 0) {
        *a = *a > b ? *a : b;
        return true;
    }
    if (strcmp(operator, "min") == 0) {
        *a = *a < b ? *a : b;
        return true;
    }
    return false;
}

static bool push_word(const Model *model, const char *word, int64_t rows, int64_t *stack,
                      size_t *depth) {
    int64_t value;
    const Dim *dim = model_dim(model, word);
    if (dim) {
        value = dim->value;
        if (!dim->bound) {
            return false;
        }
    } else if (strcmp(word, "m") == 0) {
        value = rows;
    } else if (!integer_read_text(word, &value)) {
        return apply(word, stack, depth);
    }
    if (*depth == STACK_MAX) {
        return false;
    }
    stack[(*depth)++] = value;
    return true;
}

bool model_size(const Model *model, const char *rpn, int64_t rows, int64_t *value) {
    int64_t stack[STACK_MAX];
    size_t depth = 0;
    for (const char *p = rpn; *p;) {
        char word[256];
        size_t length = strcspn(p, ",");
        if (length >= sizeof word) {
            return false;
        }
        memcpy(word, p, length);
        word[length] = 0;
        if (!push_word(model, word, rows, stack, &depth)) {
            return false;
        }
        p += length + (p[length] == ',');
    }
    *value = depth == 1 ? stack[0] : 0;
    return depth == 1;
}

bool model_bind_dim(Context *context, Model *model, Dim *dim, int64_t value, const char *by) {
    (void)model;
    if (!dim->bound) {
        dim->bound = true;
        dim->value = value;
        dim->by = by;
        return true;
    }
    if (dim->value != value) {
        return report_error(context, "dim `%s` is %lld by %s, but %lld by %s", dim->name,
                            (long long)dim->value, dim->by, (long long)value, by);
    }
    return true;
}

bool shape_resolve(Context *context, const Model *model, Shape *shape) {
    (void)context;
    shape->count = 1;
    for (size_t i = 0; i < shape->rank; i++) {
        if (!model_size(model, shape->sizes[i], 0, &shape->shape[i]) || shape->shape[i] < 0 ||
            __builtin_mul_overflow(shape->count, shape->shape[i], &shape->count)) {
            return false;
        }
    }
    return true;
}

/* The first dim that the RPN names and nothing has bound, or NULL. */
static const Dim *unbound_dim(const Model *model) {
    for (size_t i = 0; i < model->dim_count; i++) {
        if (!model->dims[i].bound) {
            return &model->dims[i];
        }
    }
    return NULL;
}

static bool bind_args(Context *context, Model *model, int64_t samples) {
    int64_t *dims = NEW(context, int64_t, model->dim_count + 1);
    double *consts = NEW(context, double, model->const_count + 1);
    const double **data = NEW(context, const double *, model->array_count + 1);
    if (!dims || !consts || !data) {
        return false;
    }
    for (size_t i = 0; i < model->dim_count; i++) {
        dims[i] = model->dims[i].value;
    }
    for (size_t i = 0; i < model->const_count; i++) {
        consts[i] = model->consts[i].value;
    }
    for (size_t i = 0; i < model->array_count; i++) {
        const Array *array = &model->arrays[i];
        data[i] = !model->single || !array->values
                      ? array->values
                      : reals_of(context, model, array->values, (size_t)array->shape.count);
        if (array->values && !data[i]) {
            return false;
        }
    }
    double *reals = reals_of(context, model, consts, model->const_count);
    if (!reals) {
        return false;
    }
    model->const_reals = reals;
    model->args = (GradcArgs){.dims = dims, .consts = reals, .data = data, .total = samples};
    return true;
}

static bool bind_param(Context *context, const Model *model, Param *param, size_t offset,
                       size_t shown) {
    int64_t count = 0;
    bool known = shape_resolve(context, model, &param->shape);
    if (known && param->size) {
        known = model_size(model, param->size, 0, &count) && count >= 0;
    } else {
        count = param->shape.count;
    }
    if (!known || count > INT64_MAX / 64 - (int64_t)offset ||
        param->shape.count > INT64_MAX / 64 - (int64_t)shown) {
        return report_error(context, "the shape of param `%s` is not possible with these dims",
                            param->name);
    }
    param->offset = offset;
    param->count = (size_t)count;
    param->shown = shown;
    return true;
}

bool model_bind(Context *context, Model *model, int64_t samples) {
    const Dim *unbound = unbound_dim(model);
    if (unbound) {
        return report_error(context, "dim `%s` has no value: the data do not bind it; give -D %s=…",
                            unbound->name, unbound->name);
    }
    for (size_t i = 0; i < model->param_count; i++) {
        Param *param = &model->params[i];
        if (!bind_param(context, model, param, model->parameter_count, model->shown_count)) {
            return false;
        }
        model->parameter_count += param->count;
        model->shown_count += (size_t)param->shape.count;
    }
    for (size_t i = 0; i < model->definition_count; i++) {
        Array *array = &model->definitions[i];
        if (!shape_resolve(context, model, &array->shape)) {
            return report_error(context, "the shape of `%s` is not possible with these dims",
                                array->name);
        }
        array->shown = model->definition_total;
        model->definition_total += (size_t)array->shape.count;
    }
    for (size_t i = 0; i < model->column_count; i++) {
        if (!shape_resolve(context, model, &model->columns[i].shape)) {
            return report_error(context, "the shape of `%s` is not possible with these dims",
                                model->columns[i].name);
        }
    }
    if (model->has_forward && !shape_resolve(context, model, &model->forward)) {
        return report_error(context, "the shape of `forward` is not possible with these dims");
    }
    return bind_args(context, model, samples);
}

void model_set_const(Model *model, size_t item, double value) {
    double *consts = model->const_reals;
    model->consts[item].value = value;
    if (model->single) {
        ((float *)consts)[item] = (float)value;
    } else {
        consts[item] = value;
    }
}

size_t model_work(Context *context, const Model *model, const Kernel *kernel, int64_t rows) {
    int64_t size = 0;
    if (kernel->work && !model_size(model, kernel->work, rows, &size)) {
        report_error(context, "the model's description has a bad size: `%s`", kernel->work);
        return SIZE_MAX;
    }
    return size < 0 ? 0 : (size_t)size;
}

bool model_uses(const Model *model, Role role, size_t column) {
    if (model->uses[role]) {
        return model->uses[role][column];
    }
    return role != ROLE_FORWARD || !model->columns[column].target;
}
