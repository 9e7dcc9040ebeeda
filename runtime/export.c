/* export.c: `export`: forward with trained parameters as a C99 file and its header, which need
 * nothing but libm: no files, no memory but the stack, no data that change. The C of forward itself
 * was made by the compiler (`code` of abi.h); here it gets its sizes, numbers and names. */
#include "runtime/runtime.h"

#include <math.h>
#include <string.h>

enum {
    LINE_LENGTH = 96,
    STACK_DEPTH = 16,
    WORD_SIZE = 512,
    STACK_BYTES = 1 << 16,
    FIELDS_MAX = 64
};

typedef struct {
    Context *context;
    const Model *model;
    const Export *exported;
    const double *params;
    const char *upper;    /* the prefix, as macros have it */
    const char *real;     /* the type */
    const Argument *out;  /* NULL: the value is returned */
    const Argument *work; /* or NULL */
    int64_t work_size;    /* -1: not known here */
    Text source, header;
} Writer;

static bool has_kind(const Argument *argument, const char *kind) {
    return strcmp(argument->kind, kind) == 0;
}

/* ---- sizes ---- */

static bool rpn_operator(const char *word) {
    static const char *const operators[] = {"+", "-", "*", "//", "%", "max", "min"};
    for (size_t i = 0; i < sizeof operators / sizeof *operators; i++) {
        if (strcmp(operators[i], word) == 0) {
            return true;
        }
    }
    return false;
}

/* A dim that the caller gives, by its C name; NULL: it is known, or no dim. */
static const char *open_dim(const Writer *writer, const char *name) {
    const Dim *dim = model_dim(writer->model, name);
    if (!dim || dim->bound) {
        return NULL;
    }
    for (size_t i = 0; i < writer->exported->argument_count; i++) {
        const Argument *argument = &writer->exported->arguments[i];
        if (has_kind(argument, "dim") && strcmp(argument->name, name) == 0) {
            return argument->c_name;
        }
    }
    return dim->name;
}

static char *push_operand(const Writer *writer, const char *word, bool code) {
    Context *context = writer->context;
    const Dim *dim = model_dim(writer->model, word);
    const char *open = open_dim(writer, word);
    if (open) {
        return memory_format(context, code ? "(int64_t)(%s)" : "%s", open);
    }
    return dim ? memory_format(context, "%lld", (long long)dim->value)
               : memory_format(context, "%s", word);
}

static char *apply_operator(Context *context, const char *word, const char *a, const char *b) {
    if (strcmp(word, "max") == 0 || strcmp(word, "min") == 0) {
        return memory_format(context, "(%s %c %s ? %s : %s)", a, word[1] == 'a' ? '>' : '<', b, a,
                             b);
    }
    return memory_format(context, "(%s %.1s %s)", a, word, b);
}

/* A size as a number, or with what the caller gives as an expression; for C, or for people. */
static const char *size_text(const Writer *writer, const char *rpn, bool code) {
    char *stack[STACK_DEPTH] = {NULL};
    size_t depth = 0;
    int64_t value;
    if (model_size(writer->model, rpn, 1, &value)) {
        return memory_format(writer->context, "%lld", (long long)value);
    }
    for (const char *p = rpn; *p;) {
        char word[WORD_SIZE];
        size_t length = strcspn(p, ",");
        snprintf(word, sizeof word, "%.*s", (int)length, p);
        if (rpn_operator(word) && depth >= 2) {
            depth--;
            stack[depth - 1] =
                apply_operator(writer->context, word, stack[depth - 1], stack[depth]);
        } else if (depth < STACK_DEPTH) {
            stack[depth++] = push_operand(writer, word, code);
        }
        p += length + (p[length] == ',');
    }
    return depth == 1 && stack[0] ? stack[0] : "?";
}

static char *upper_of(Context *context, const char *name) {
    char *copy = name ? memory_copy(context, name, strlen(name)) : NULL; /* NULL: no memory */
    for (char *c = copy; c && *c; c++) {
        if (*c >= 'a' && *c <= 'z') {
            *c = (char)(*c - 'a' + 'A');
        }
    }
    return copy;
}

/* ---- words of the model in comments and strings of C ---- */

/* A comment does not end, and no other begins, by what a name holds. */
static void add_safe(Text *text, const char *name) {
    for (const char *c = name; *c; c++) {
        bool edge = c > name && ((c[-1] == '*' && *c == '/') || (c[-1] == '/' && *c == '*'));
        bool breaks = (unsigned char)*c < ' ';
        text_bytes(text, edge || breaks ? " " : c, 1);
    }
}

static void add_string(Text *text, const char *string) {
    text_string(text, "\"");
    for (const char *c = string; *c; c++) {
        unsigned char byte = (unsigned char)*c;
        if (byte < ' ' || byte == 127 || byte == '"' || byte == '\\' || byte == '?') {
            text_format(text, "\\%03o", byte);
        } else {
            text_bytes(text, c, 1);
        }
    }
    text_string(text, "\"");
}

/* ---- numbers ---- */

static void add_number(const Writer *writer, bool wide, Text *text, double value) {
    if (isnan(value)) {
        text_string(text, "NAN");
    } else if (isinf(value)) {
        text_string(text, value > 0 ? "INFINITY" : "-INFINITY");
    } else {
        wide ? text_number(text, value, true) : text_real(text, writer->model, value);
        text_string(text, writer->model->single && !wide ? "f" : "");
    }
}

/* `wide`: doubles, whatever the reals of the model are. */
static void add_numbers_as(Writer *writer, bool wide, const char *name, const char *comment,
                           const double *values, size_t count) {
    Text *text = &writer->source;
    text_string(text, "\n/* ");
    add_safe(text, comment);
    text_format(text, " */\nstatic const %s %s[%zu] = {", wide ? "double" : writer->real, name,
                count ? count : 1);
    size_t start = text->length;
    text_string(text, "\n    ");
    for (size_t i = 0; i < (count ? count : 1); i++) {
        add_number(writer, wide, text, count ? values[i] : 0);
        text_string(text, ",");
        if (text->length - start > LINE_LENGTH - 24 && i + 1 < count) {
            start = text->length;
            text_string(text, "\n    ");
        } else if (i + 1 < count) {
            text_string(text, " ");
        }
    }
    text_string(text, "\n};\n");
}

static void add_numbers(Writer *writer, const char *name, const char *comment, const double *values,
                        size_t count) {
    add_numbers_as(writer, false, name, comment, values, count);
}

static const char *data_name(const Writer *writer, const Argument *argument) {
    return memory_format(writer->context, "data_%s", argument->c_name);
}

static const Array *find_array(const Model *model, const char *name) {
    for (size_t i = 0; i < model->array_count; i++) {
        if (strcmp(model->arrays[i].name, name) == 0) {
            return &model->arrays[i];
        }
    }
    return NULL;
}

static void add_param_values(Writer *writer) {
    const Model *model = writer->model;
    Text names;
    text_start(&names, writer->context);
    for (size_t i = 0; i < model->param_count; i++) {
        const Param *param = &model->params[i];
        text_format(&names, "%s%s", i ? ", " : "", param->name);
        for (size_t axis = 0; axis < param->shape.rank; axis++) {
            text_format(&names, "%s%lld%s", axis ? ", " : "[", (long long)param->shape.shape[axis],
                        axis + 1 == param->shape.rank ? "]" : "");
        }
        text_string(&names, param->size ? " (before its constraint)" : "");
    }
    add_numbers(writer, "parameters", names.data ? names.data : "none", writer->params,
                model->parameter_count);
}

static void add_const_values(Writer *writer) {
    const Model *model = writer->model;
    double *values = NEW(writer->context, double, model->const_count + 1);
    Text names;
    text_start(&names, writer->context);
    for (size_t i = 0; values && i < model->const_count; i++) {
        values[i] = model->consts[i].value;
        text_format(&names, "%s%s", i ? ", " : "", model->consts[i].name);
    }
    if (values) {
        add_numbers(writer, "constants", names.data ? names.data : "none", values,
                    model->const_count);
    }
}

/* Of an argument whose inputs were standardised in training: its column; else NULL. */
static const Column *scaled_column(const Writer *writer, const Argument *argument) {
    const Column *column =
        has_kind(argument, "real") ? model_column(writer->model, argument->name) : NULL;
    return column && column->scale ? column : NULL;
}

/* Means and standard deviations. */
static void add_scales(Writer *writer, const Argument *argument, const Column *column) {
    Context *context = writer->context;
    char *mean = memory_format(context, "mean_%s", argument->c_name);
    char *deviation = memory_format(context, "deviation_%s", argument->c_name);
    char *what = memory_format(context, "standard deviations of %s", column->name);
    char *means = memory_format(context, "means of %s in training", column->name);
    if (!mean || !deviation || !what || !means) {
        writer->source.failed = true;
        return;
    }
    add_numbers_as(writer, true, mean, means, column->shift, column->scale_count);
    add_numbers_as(writer, true, deviation, what, column->scale, column->scale_count);
}

/* All that does not change from call to call. */
static bool add_values(Writer *writer) {
    for (size_t i = 0; i < writer->exported->argument_count; i++) {
        const Argument *argument = &writer->exported->arguments[i];
        if (scaled_column(writer, argument)) {
            add_scales(writer, argument, scaled_column(writer, argument));
        } else if (has_kind(argument, "params")) {
            add_param_values(writer);
        } else if (has_kind(argument, "consts")) {
            add_const_values(writer);
        } else if (has_kind(argument, "data")) {
            const Array *array = find_array(writer->model, argument->name);
            const char *name = data_name(writer, argument);
            if (!array || !array->values || !name) {
                return report_error(writer->context, "data `%s` has no values", argument->name);
            }
            add_numbers(writer, name, array->name, array->values, (size_t)array->shape.count);
        }
    }
    return true;
}

/* ---- names of classes ---- */

/* The C name of a column: that of the argument; of a target, what C has of it. */
static const char *column_c_name(const Writer *writer, const Column *column) {
    for (size_t i = 0; i < writer->exported->argument_count; i++) {
        const Argument *argument = &writer->exported->arguments[i];
        if (argument->name && strcmp(argument->name, column->name) == 0 &&
            (has_kind(argument, "int") || has_kind(argument, "real"))) {
            return argument->c_name;
        }
    }
    char *name = memory_copy(writer->context, column->name, strlen(column->name));
    for (char *c = name; c && *c; c++) {
        const bool plain = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
                           (*c >= '0' && *c <= '9') || *c == '_';
        *c = plain ? *c : '_';
    }
    return name ? name : "";
}

static void add_classes(Writer *writer) {
    for (size_t i = 0; i < writer->model->column_count; i++) {
        const Column *column = &writer->model->columns[i];
        if (!column->class_count) {
            continue;
        }
        const char *name = memory_format(writer->context, "%s_%s_classes", writer->exported->prefix,
                                         column_c_name(writer, column));
        text_string(&writer->header, "\n/* The names of the classes of ");
        add_safe(&writer->header, column->name);
        text_format(&writer->header, ", by number. */\nextern const char *const %s[%zu];\n", name,
                    column->class_count);
        text_format(&writer->source, "\nconst char *const %s[%zu] = {", name, column->class_count);
        for (size_t k = 0; k < column->class_count; k++) {
            text_string(&writer->source, k ? ", " : "");
            add_string(&writer->source, column->classes[k]);
        }
        text_string(&writer->source, "};\n");
    }
}

/* ---- the function ---- */

/* "double line_predict(double x)" */
static void add_signature(const Writer *writer, Text *text) {
    const char *separator = "";
    text_format(text, "%s %s_predict(", writer->out ? "void" : writer->real,
                writer->exported->prefix);
    for (size_t i = 0; i < writer->exported->argument_count; i++) {
        const Argument *argument = &writer->exported->arguments[i];
        const char *type = has_kind(argument, "int") ? "int64_t" : writer->real;
        const bool given = has_kind(argument, "int") || has_kind(argument, "real");
        if (has_kind(argument, "dim") && open_dim(writer, argument->name)) {
            text_format(text, "%ssize_t %s", separator, argument->c_name);
        } else if (given) {
            text_format(text, argument->shape.rank ? "%sconst %s *%s" : "%s%s %s", separator, type,
                        argument->c_name);
        } else if (argument == writer->out || (argument == writer->work && writer->work_size < 0)) {
            text_format(text, "%s%s *%s", separator, type, argument->c_name);
        } else {
            continue;
        }
        separator = ", ";
    }
    text_string(text, *separator ? ")" : "void)");
}

static void add_shape(const Writer *writer, Text *text, const Shape *shape) {
    for (size_t axis = 0; axis < shape->rank; axis++) {
        text_format(text, "%s%s%s", axis ? ", " : "[", size_text(writer, shape->sizes[axis], false),
                    axis + 1 == shape->rank ? "]" : "");
    }
}

static void add_input_comment(const Writer *writer, Text *text, const Argument *argument) {
    const Column *column = model_column(writer->model, argument->name);
    text_format(text, "\n *   %-8s ", argument->c_name);
    if (argument->shape.rank == 0) {
        text_string(text, has_kind(argument, "int") ? "a whole number" : "a number");
    } else {
        add_safe(text, argument->name);
        add_shape(writer, text, &argument->shape);
    }
    if (column && column->limit) {
        text_format(text, " from 0 to %s - 1", size_text(writer, column->limit, false));
    }
    for (size_t k = 0; column && k < column->field_count && k < FIELDS_MAX; k++) {
        const bool one = column->field_count == 1;
        text_string(text, k ? ", " : one ? "; column " : "; columns ");
        add_safe(text, column->fields[k]);
    }
    text_string(text, column && column->field_count > FIELDS_MAX ? ", …" : "");
    text_string(text, scaled_column(writer, argument) ? "; in the units of the data" : "");
}

/* What the value is: after the target, where there is one. */
static void add_value_comment(const Writer *writer, Text *text) {
    const Model *model = writer->model;
    const char *target = NULL;
    size_t targets = 0;
    for (size_t i = 0; i < model->column_count; i++) {
        if (model->columns[i].target) {
            target = model->columns[i].name;
            targets++;
        }
    }
    text_string(text, "\n/* What the model says of one sample: its `forward`");
    if (targets == 1) {
        text_string(text, ", for ");
        add_safe(text, target);
    }
    text_string(text, ".");
}

static void add_work_comment(const Writer *writer, Text *text) {
    const int64_t size = writer->work_size * (writer->model->single ? 4 : 8);
    if (writer->work_size < 0) {
        text_format(text, "\n *   %-8s scratch memory of %s_PREDICT_WORK(…) numbers",
                    writer->work->c_name, writer->upper);
    } else if (size > STACK_BYTES) {
        text_format(text, "\n * It has %lld bytes of static scratch memory: one call at a time.",
                    (long long)size);
    } else if (size > 0) {
        text_format(text, "\n * It needs %lld bytes of stack for arrays.", (long long)size);
    }
}

static void add_prototype(Writer *writer) {
    Text *text = &writer->header;
    add_value_comment(writer, text);
    for (size_t i = 0; i < writer->exported->argument_count; i++) {
        const Argument *argument = &writer->exported->arguments[i];
        if (has_kind(argument, "int") || has_kind(argument, "real")) {
            add_input_comment(writer, text, argument);
        } else if (has_kind(argument, "dim") && open_dim(writer, argument->name)) {
            text_format(text, "\n *   %-8s a size", argument->c_name);
        }
    }
    if (writer->out) {
        text_format(text, "\n *   %-8s overwritten: %s", writer->out->c_name,
                    writer->model->has_forward && writer->model->forward_by_row ? "by row, " : "");
        add_shape(writer, text, &writer->model->forward);
    }
    if (writer->work) {
        add_work_comment(writer, text);
    }
    text_string(text, " */\n");
    add_signature(writer, text);
    text_string(text, ";\n");
}

/* What stands for an argument in the call. */
static const char *actual(const Writer *writer, const Argument *argument) {
    if (has_kind(argument, "params")) {
        return "parameters";
    }
    if (has_kind(argument, "consts")) {
        return "constants";
    }
    if (has_kind(argument, "data")) {
        return data_name(writer, argument);
    }
    if (scaled_column(writer, argument)) {
        return memory_format(writer->context, "scaled_%s%s", argument->c_name,
                             argument->shape.rank ? "" : "[0]");
    }
    if (has_kind(argument, "dim") && !open_dim(writer, argument->name)) {
        return size_text(writer, argument->name, true);
    }
    return argument->c_name;
}

/* The inputs in the units of training, by the same operations as there. */
static void add_scaled(const Writer *writer, Text *text, const Argument *argument, size_t count) {
    const char *name = argument->c_name;
    const bool large = count * (writer->model->single ? 4 : 8) > STACK_BYTES;
    const char *at = argument->shape.rank ? "[k]" : "";
    text_format(text, "    %s%s scaled_%s[%zu];\n", large ? "static " : "", writer->real, name,
                count ? count : 1);
    text_format(text, "    for (size_t k = 0; k < %zu; k++) {\n", count);
    text_format(text,
                "        scaled_%s[k] = (%s)((%s%s - mean_%s[k]) / deviation_%s[k]);\n    }\n",
                name, writer->real, name, at, name, name);
}

static void add_function(Writer *writer) {
    Text *text = &writer->source;
    text_string(text, "\n");
    add_signature(writer, text);
    text_string(text, "\n{\n");
    if (writer->work && writer->work_size >= 0) {
        const bool large = writer->work_size * (writer->model->single ? 4 : 8) > STACK_BYTES;
        text_format(text, "    %s%s %s[%lld];\n", large ? "static " : "", writer->real,
                    writer->work->c_name, (long long)(writer->work_size ? writer->work_size : 1));
    }
    for (size_t i = 0; i < writer->exported->argument_count; i++) {
        const Argument *argument = &writer->exported->arguments[i];
        const Column *column = scaled_column(writer, argument);
        if (column) {
            add_scaled(writer, text, argument, column->scale_count);
        }
    }
    text_format(text, "    %s%s(", writer->out ? "" : "return ", writer->exported->function);
    for (size_t i = 0; i < writer->exported->argument_count; i++) {
        text_format(text, "%s%s", i ? ", " : "", actual(writer, &writer->exported->arguments[i]));
    }
    text_string(text, ");\n}\n");
}

/* ---- the files ---- */

static void add_macros(Writer *writer) {
    Text *text = &writer->header;
    text_string(text, writer->exported->argument_count > 0 ? "\n" : "");
    for (size_t i = 0; i < writer->exported->argument_count; i++) {
        const Argument *argument = &writer->exported->arguments[i];
        if (has_kind(argument, "dim") && !open_dim(writer, argument->name)) {
            text_format(text, "#define %s_PREDICT_%s %s\n", writer->upper,
                        upper_of(writer->context, argument->c_name),
                        size_text(writer, argument->name, true));
        }
    }
    if (writer->work && writer->work_size < 0) {
        text_format(text, "#define %s_PREDICT_WORK(", writer->upper);
        const char *separator = "";
        for (size_t i = 0; i < writer->exported->argument_count; i++) {
            const Argument *argument = &writer->exported->arguments[i];
            if (has_kind(argument, "dim") && open_dim(writer, argument->name)) {
                text_format(text, "%s%s", separator, argument->c_name);
                separator = ", ";
            }
        }
        text_format(text, ") ((size_t)%s)\n", size_text(writer, writer->work->name, true));
    }
}

static void add_head(const Writer *writer, Text *text, const char *file, const char *what) {
    const char *slash = strrchr(writer->model->source, '/');
    text_string(text, "/* ");
    add_safe(text, file);
    text_format(text, ": %s `%s`, with trained parameters; made by gradc from ", what,
                writer->model->name);
    add_safe(text, slash ? slash + 1 : writer->model->source);
    text_string(text, ". */\n");
}

static void write_header(Writer *writer, const char *file) {
    Text *text = &writer->header;
    add_head(writer, text, file, "the model");
    text_format(text, "#ifndef %s_PREDICT_H\n#define %s_PREDICT_H\n\n", writer->upper,
                writer->upper);
    text_string(text, "#include <stddef.h>\n#include <stdint.h>\n");
    add_macros(writer);
    text_string(text, "\n#ifdef __cplusplus\nextern \"C\" {\n#endif\n");
    add_prototype(writer);
}

static bool write_source(Writer *writer, const char *header) {
    Text *text = &writer->source;
    text_format(text, "#include \"%s\"\n\n#include <math.h>\n", header);
    text_string(text, writer->exported->code);
    bool done = add_values(writer);
    add_function(writer);
    add_classes(writer);
    text_string(&writer->header, "\n#ifdef __cplusplus\n}\n#endif\n\n#endif\n");
    return done && !text->failed && !writer->header.failed;
}

/* Both to standard output: the header in place of its #include. */
static bool write_stdout(Writer *writer) {
    Text whole;
    char *line = strstr(writer->source.data, "#include \"");
    text_start(&whole, writer->context);
    text_bytes(&whole, writer->source.data, (size_t)(line - writer->source.data));
    text_bytes(&whole, writer->header.data, writer->header.length);
    text_string(&whole, strchr(line, '\n') + 1);
    return !whole.failed && file_write(writer->context, "-", whole.data, whole.length);
}

static bool write_both(Writer *writer, const char *path) {
    Context *context = writer->context;
    const char *slash = strrchr(path, '/');
    const char *file = strcmp(path, "-") == 0 ? NULL : slash ? slash + 1 : path;
    char *header = file ? memory_copy(context, path, strlen(path))
                        : memory_format(context, "%s_predict.h", writer->exported->prefix);
    if (!header) {
        return false;
    }
    header[strlen(header) - 1] = 'h';
    slash = strrchr(header, '/');
    const char *name = slash ? slash + 1 : header;
    add_head(writer, &writer->source, file ? file : "<stdout>", "the model");
    write_header(writer, name);
    if (!write_source(writer, name)) {
        return false;
    }
    if (!file) {
        return write_stdout(writer);
    }
    return file_write(context, header, writer->header.data, writer->header.length) &&
           file_write(context, path, writer->source.data, writer->source.length);
}

/* The arguments that are not the caller's alone. */
static void find_arguments(Writer *writer) {
    for (size_t i = 0; i < writer->exported->argument_count; i++) {
        const Argument *argument = &writer->exported->arguments[i];
        if (has_kind(argument, "out")) {
            writer->out = argument;
        } else if (has_kind(argument, "work")) {
            writer->work = argument;
            writer->work_size = -1;
            if (!model_size(writer->model, argument->name, 1, &writer->work_size)) {
                writer->work_size = -1;
            }
        }
    }
}

static bool check_options(const Session *session) {
    const char *path = session->options->values[OPT_output];
    const char *format = session->options->values[OPT_format];
    size_t length = path ? strlen(path) : 0;
    if (format && strcmp(format, "c") != 0) {
        return report_error(session->context, "--format: expected c, found `%s`", format);
    }
    return !path || strcmp(path, "-") == 0 ||
           (length > 2 && strcmp(path + length - 2, ".c") == 0) ||
           report_error(session->context, "-o: expected a name that ends in `.c`, found `%s`",
                        path);
}

int command_export(Session *session) {
    Model *model = session->model;
    const Export *exported = &model->exported;
    Context *context = session->context;
    if (!check_options(session)) {
        return STATUS_USAGE;
    }
    if (exported->refusal) {
        report_error(context, "`forward` of model `%s` uses %s, which C without libraries lacks",
                     model->name, exported->refusal);
        return STATUS_FAILED;
    }
    if (!exported->code) {
        report_error(context, "model `%s` has no `forward`", model->name);
        return STATUS_FAILED;
    }
    for (size_t i = 0; i < model->column_count; i++) {
        if (model->columns[i].scale && model->columns[i].by_row) {
            report_error(context,
                         "export of standardised inputs that have a row each, as `%s` does, is not "
                         "supported yet; train without --standardize",
                         model->columns[i].name);
            return STATUS_FAILED;
        }
    }
    Dim *rows = model_rows_dim(model);
    if (rows) {
        rows->bound = false; /* the caller's */
    }
    Writer writer = {.context = context,
                     .model = model,
                     .exported = exported,
                     .params = session->params,
                     .upper = upper_of(context, exported->prefix),
                     .real = model->single ? "float" : "double"};
    const char *path = session->options->values[OPT_output];
    path = path ? path : memory_format(context, "%s_predict.c", exported->prefix);
    text_start(&writer.source, context);
    text_start(&writer.header, context);
    find_arguments(&writer);
    return path && writer.upper && write_both(&writer, path) ? STATUS_OK : STATUS_FAILED;
}
