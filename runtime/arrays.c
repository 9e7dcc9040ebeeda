/* arrays.c: `data A[N, M]`: arrays that belong to the whole data set. `--data A=FILE` says where
 * one is; else it is A.npy or A.csv beside the data. A table of numbers (with a header or without)
 * has a row for each entry of the leading axes; a vector may be a row or a column; a .npy file has
 * the very shape. What is found binds the dims of the shape. */
#include "runtime/runtime.h"

#include <string.h>
#include <unistd.h>

enum { AXES_MAX = NPY_AXES };

/* The sizes of a file, and how many. */
typedef struct {
    const char *path;
    int64_t sizes[AXES_MAX];
    size_t rank;
    bool table; /* a CSV: rows and columns */
} Found;

/* ---- where ---- */

static const char *given_path(const Options *options, const char *name) {
    size_t length = strlen(name);
    for (size_t i = options->array_count; i-- > 0;) {
        const char *text = options->arrays[i];
        if (strncmp(text, name, length) == 0 && text[length] == '=') {
            return text + length + 1;
        }
    }
    return NULL;
}

bool arrays_check(Context *context, const Model *model, const Options *options) {
    const char **names = NEW(context, const char *, model->array_count + 1);
    for (size_t i = 0; names && i < model->array_count; i++) {
        names[i] = model->arrays[i].name;
    }
    for (size_t k = 0; names && k < options->array_count; k++) {
        const char *text = options->arrays[k];
        const char *equals = strchr(text, '=');
        bool known = false;
        if (!equals || equals == text || !equals[1]) {
            return report_error(context, "--data: expected NAME=FILE, found `%s`", text);
        }
        for (size_t i = 0; i < model->array_count && !known; i++) {
            known = strlen(names[i]) == (size_t)(equals - text) &&
                    strncmp(names[i], text, (size_t)(equals - text)) == 0;
        }
        if (!known) {
            char *name = memory_copy(context, text, (size_t)(equals - text));
            const char *guess = name ? closest_name(name, names, model->array_count) : NULL;
            return report_error(context, "--data: the model has no data `%s`%s%s%s", name,
                                guess ? "; did you mean `" : "", guess ? guess : "",
                                guess ? "`?" : "");
        }
    }
    return names != NULL;
}

static const char *find_file(Context *context, const Options *options, const Array *array) {
    static const char *const endings[] = {".npy", ".csv"};
    const char *given = given_path(options, array->name);
    const char *data = options->data ? options->data : "";
    const char *slash = strrchr(data, '/');
    int folder = slash ? (int)(slash - data) + 1 : 0;
    if (given) {
        return given;
    }
    for (size_t i = 0; i < 2; i++) {
        char *path = memory_format(context, "%.*s%s%s", folder, data, array->name, endings[i]);
        if (!path || access(path, F_OK) == 0) {
            return path;
        }
        memory_free(context, path);
    }
    report_error(context,
                 "no data for `%s`: give --data %s=FILE (.npy or CSV), or put %s.npy or %s.csv "
                 "beside the data",
                 array->name, array->name, array->name, array->name);
    return NULL;
}

/* ---- what ---- */

static char *shape_text(Context *context, const char *name, const Shape *shape) {
    Text text;
    text_start(&text, context);
    text_string(&text, name);
    for (size_t i = 0; i < shape->rank; i++) {
        text_format(&text, "%s%s", i ? ", " : "[", shape->sizes[i]);
    }
    text_string(&text, shape->rank ? "]" : "");
    return text.failed ? NULL : text.data;
}

static char *found_text(Context *context, const Found *found) {
    if (found->table) {
        return memory_format(context, "%lld row%s of %lld", (long long)found->sizes[0],
                             found->sizes[0] == 1 ? "" : "s", (long long)found->sizes[1]);
    }
    Text text;
    text_start(&text, context);
    text_string(&text, "the shape (");
    for (size_t i = 0; i < found->rank; i++) {
        text_format(&text, "%s%lld", i ? ", " : "", (long long)found->sizes[i]);
    }
    text_string(&text, ")");
    return text.failed ? NULL : text.data;
}

static bool wrong_shape(Context *context, const Array *array, const Found *found) {
    char *expected = shape_text(context, array->name, &array->shape);
    char *has = found_text(context, found);
    return expected && has &&
           report_place(context, found->path, "`%s` is expected here, and there is %s", expected,
                        has);
}

/* One axis has that size. */
static bool bind_axis(Context *context, Model *model, const Array *array, const Found *found,
                      size_t axis, int64_t size) {
    const char *rpn = array->shape.sizes[axis];
    int64_t known;
    if (model_size(model, rpn, 0, &known)) {
        if (known == size) {
            return true;
        }
        const Dim *dim = model_dim(model, rpn);
        if (dim) {
            char *expected = shape_text(context, array->name, &array->shape);
            return expected &&
                   report_place(context, found->path,
                                "axis %zu of `%s` is %lld, and `%s` is %lld by %s", axis, expected,
                                (long long)size, dim->name, (long long)dim->value, dim->by);
        }
        return wrong_shape(context, array, found);
    }
    Dim *dim = model_dim(model, rpn);
    char *by = memory_format(context, "data `%s`", array->name);
    if (!dim) {
        return report_error(context,
                            "the size `%s` of data `%s` is not known; give -D NAME=VALUE for its "
                            "dims",
                            rpn, array->name);
    }
    return by && model_bind_dim(context, model, dim, size, by);
}

/* The rows of a table are the leading axes; one of these may still be open. */
static bool spread_rows(Context *context, Model *model, const Array *array, const Found *found) {
    size_t last = array->shape.rank - 1;
    size_t open = last;
    int64_t known = 1;
    for (size_t axis = 0; axis < last; axis++) {
        int64_t size;
        if (model_size(model, array->shape.sizes[axis], 0, &size)) {
            known = known <= found->sizes[0] ? known * size : known;
        } else if (open < last) {
            return report_error(context,
                                "the sizes of data `%s` are not known; give -D NAME=VALUE for its "
                                "dims, or a .npy file",
                                array->name);
        } else {
            open = axis;
        }
    }
    if (known < 1 || found->sizes[0] % known != 0) {
        return wrong_shape(context, array, found);
    }
    return open == last ? found->sizes[0] == known || wrong_shape(context, array, found)
                        : bind_axis(context, model, array, found, open, found->sizes[0] / known);
}

static bool spread_table(Context *context, Model *model, const Array *array, const Found *found) {
    size_t rank = array->shape.rank;
    int64_t rows = found->sizes[0];
    int64_t columns = found->sizes[1];
    bool line = rows == 1 || columns == 1;
    if (rank < 2) {
        if (!line || (rank == 0 && rows * columns != 1)) {
            return wrong_shape(context, array, found);
        }
        return rank == 0 || bind_axis(context, model, array, found, 0, rows * columns);
    }
    if (rank == 2 && !bind_axis(context, model, array, found, 0, rows)) {
        return false;
    }
    return (rank == 2 || spread_rows(context, model, array, found)) &&
           bind_axis(context, model, array, found, rank - 1, columns);
}

static bool bind_found(Context *context, Model *model, Array *array, Found *found) {
    if (found->table) {
        if (!spread_table(context, model, array, found)) {
            return false;
        }
    } else if (found->rank != array->shape.rank) {
        return wrong_shape(context, array, found);
    }
    for (size_t axis = 0; !found->table && axis < found->rank; axis++) {
        if (!bind_axis(context, model, array, found, axis, found->sizes[axis])) {
            return false;
        }
    }
    int64_t count = 1;
    for (size_t i = 0; i < (found->table ? 2 : found->rank); i++) {
        count *= found->sizes[i];
    }
    return (shape_resolve(context, model, &array->shape) && array->shape.count == count) ||
           wrong_shape(context, array, found);
}

/* The file is read as the data of a model whose only column is as wide as the file. */
static bool load_array(Context *context, Model *model, const Options *options, const char *path,
                       Array *array) {
    const char *size = "columns";
    int64_t extent = 0;
    Dim width = {.name = size};
    Column column = {.name = array->name, .shape = {1, &size, &extent, 0}};
    Model table = {.dims = &width, .dim_count = 1, .columns = &column, .column_count = 1};
    bool needed = true;
    LoadOptions load = {
        .header = "auto", .nonfinite = options->values[OPT_nonfinite] != NULL, .needed = &needed};
    Data data;
    if (!data_load(context, &table, &load, path, &data)) {
        return false;
    }
    Found found = {.path = path, .rank = data.axis_count, .table = data.axis_count == 0};
    memcpy(found.sizes, data.axes, sizeof found.sizes);
    if (found.table) {
        found.sizes[0] = data.rows;
        found.sizes[1] = column.shape.count;
    }
    array->values = data.columns[0];
    return bind_found(context, model, array, &found);
}

bool arrays_load(Context *context, Model *model, const Options *options) {
    for (size_t i = 0; i < model->array_count; i++) {
        const char *path = find_file(context, options, &model->arrays[i]);
        if (!path || !load_array(context, model, options, path, &model->arrays[i])) {
            return false;
        }
    }
    return true;
}
