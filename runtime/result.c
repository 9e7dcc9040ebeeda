/* result.c: trained parameters as safetensors, JSON, CSV, and as text for people.
 *
 * safetensors: an F64 tensor for each param; __metadata__ (all texts, as the format demands) holds
 * the model's name and hash, dims, consts and classes as JSON, and a checksum of the numbers.
 * Definitions are tensors too, for other programs; they are not read back. */
#include "runtime/errors.h"

#include <math.h>
#include <string.h>

static const struct {
    const char *name, *suffix;
} formats[FORMAT_COUNT] = {
    [FORMAT_SAFETENSORS] = {"safetensors", ".safetensors"},
    [FORMAT_JSON] = {"json", ".json"},
    [FORMAT_CSV] = {"csv", ".csv"},
};

bool format_find(const char *name, Format *format) {
    for (int i = 0; i < FORMAT_COUNT; i++) {
        if (strcmp(formats[i].name, name) == 0) {
            *format = (Format)i;
            return true;
        }
    }
    return false;
}

Format format_of_path(const char *path) {
    size_t length = strlen(path);
    for (int i = 0; i < FORMAT_COUNT; i++) {
        size_t suffix = strlen(formats[i].suffix);
        if (length > suffix && strcmp(path + length - suffix, formats[i].suffix) == 0) {
            return (Format)i;
        }
    }
    return strcmp(path, "-") == 0 ? FORMAT_JSON : FORMAT_SAFETENSORS;
}

/* ---- parts that JSON and safetensors share ---- */

static void add_number(Text *text, const Model *model, double value) {
    if (isfinite(value)) {
        text_real(text, model, value);
    } else {
        text_string(text, "null"); /* JSON has no other word for it */
    }
}

static void add_double(Text *text, double value) {
    if (isfinite(value)) {
        text_number(text, value, true);
    } else {
        text_string(text, "null");
    }
}

static void add_dims(Text *text, const Model *model) {
    bool first = true;
    text_string(text, "{");
    for (size_t i = 0; i < model->dim_count; i++) {
        if (model->dims[i].rows) {
            continue; /* other data have other samples */
        }
        text_string(text, first ? "" : ", ");
        first = false;
        json_text(text, model->dims[i].name);
        text_format(text, ": %lld", (long long)model->dims[i].value);
    }
    text_string(text, "}");
}

static void add_consts(Text *text, const Model *model) {
    text_string(text, "{");
    for (size_t i = 0; i < model->const_count; i++) {
        text_string(text, i ? ", " : "");
        json_text(text, model->consts[i].name);
        text_string(text, ": ");
        add_double(text, model->consts[i].value);
    }
    text_string(text, "}");
}

/* What a list of names of a column is, and how long. */
typedef char **Names(const Column *column, size_t *count);

static char **class_names(const Column *column, size_t *count) {
    *count = column->class_count;
    return column->classes;
}

static char **field_names(const Column *column, size_t *count) {
    *count = column->field_count;
    return column->fields;
}

static bool has_names(const Model *model, Names *names) {
    size_t count;
    for (size_t i = 0; i < model->column_count; i++) {
        if (names(&model->columns[i], &count)) {
            return true;
        }
    }
    return false;
}

/* {"y": ["setosa", …], …} */
static void add_names(Text *text, const Model *model, Names *names) {
    bool first = true;
    text_string(text, "{");
    for (size_t i = 0; i < model->column_count; i++) {
        size_t count;
        char **list = names(&model->columns[i], &count);
        if (!list) {
            continue;
        }
        text_string(text, first ? "" : ", ");
        first = false;
        json_text(text, model->columns[i].name);
        text_string(text, ": [");
        for (size_t k = 0; k < count; k++) {
            text_string(text, k ? ", " : "");
            json_text(text, list[k]);
        }
        text_string(text, "]");
    }
    text_string(text, "}");
}

static void add_classes(Text *text, const Model *model) {
    add_names(text, model, class_names);
}

static void add_columns(Text *text, const Model *model) {
    add_names(text, model, field_names);
}

/* {"x": [1.0, …], …} of the columns that have such numbers. */
static void add_lists(Text *text, const Model *model, size_t offset) {
    bool first = true;
    text_string(text, "{");
    for (size_t i = 0; i < model->column_count; i++) {
        const Column *column = &model->columns[i];
        double *list = *(double *const *)(const void *)((const char *)column + offset);
        if (!list) {
            continue;
        }
        text_string(text, first ? "" : ", ");
        first = false;
        json_text(text, column->name);
        text_string(text, ": [");
        for (int64_t k = 0; k < column->shape.count; k++) {
            text_string(text, k ? ", " : "");
            text_number(text, list[k], true);
        }
        text_string(text, "]");
    }
    text_string(text, "}");
}

static void add_means(Text *text, const Model *model) {
    add_lists(text, model, offsetof(Column, means));
}

static void add_shifts(Text *text, const Model *model) {
    add_lists(text, model, offsetof(Column, shift));
}

static void add_scales(Text *text, const Model *model) {
    add_lists(text, model, offsetof(Column, scale));
}

/* What was done to inputs before the model saw them, under these keys. */
static const struct {
    const char *key;
    size_t offset;
    void (*add)(Text *, const Model *);
} input_lists[] = {
    {"means", offsetof(Column, means), add_means},
    {"input_mean", offsetof(Column, shift), add_shifts},
    {"input_sd", offsetof(Column, scale), add_scales},
};
enum { INPUT_LISTS = sizeof input_lists / sizeof *input_lists };

static bool has_lists(const Model *model, size_t offset) {
    for (size_t i = 0; i < model->column_count; i++) {
        if (*(double *const *)(const void *)((const char *)&model->columns[i] + offset)) {
            return true;
        }
    }
    return false;
}

/* Nested brackets of a row-major array. */
static void add_array(Text *text, const Model *model, const Shape *shape, const double *values) {
    if (shape->rank == 0) {
        add_number(text, model, values[0]);
        return;
    }
    if (shape->count == 0) {
        text_string(text, "[]");
        return;
    }
    for (int64_t i = 0; i < shape->count; i++) {
        int64_t block = 1;
        int64_t opened = 0;
        int64_t closed = 0;
        for (size_t axis = shape->rank; axis-- > 0;) {
            block *= shape->shape[axis];
            opened += i % block == 0;
            closed += (i + 1) % block == 0;
        }
        text_string(text, i == 0 ? "" : ", ");
        for (; opened > 0; opened--) {
            text_string(text, "[");
        }
        add_number(text, model, values[i]);
        for (; closed > 0; closed--) {
            text_string(text, "]");
        }
    }
}

/* ---- JSON ---- */

static void add_items(Text *text, const Model *model, const View *view, size_t first, size_t end) {
    for (size_t i = first; i < end; i++) {
        const Item *item = &view->items[i];
        text_string(text, i > first ? ",\n    " : "\n    ");
        json_text(text, item->name);
        text_string(text, ": ");
        add_array(text, model, item->shape, item->values);
    }
    text_string(text, end > first ? "\n  }" : "}");
}

/* Numbers that are beside those of the view, as its items. */
static View view_beside(const View *view, const double *numbers, Item *items) {
    View beside = {items, view->params, view->count, NULL};
    for (size_t i = 0; i < view->count; i++) {
        items[i] = view->items[i];
        items[i].values = numbers + (view->items[i].values - view->numbers);
    }
    return beside;
}

static void add_matrix(Text *text, const double *values, size_t n) {
    text_string(text, "[");
    for (size_t i = 0; i < n * n; i++) {
        text_string(text, i == 0 ? "[" : i % n ? ", " : "], [");
        add_double(text, values[i]);
    }
    text_string(text, n ? "]]" : "]");
}

/* What a prediction's interval needs: of the flat vector, without constraints. */
static void add_covariance(Text *text, const Errors *errors) {
    text_format(text, "{\"kind\": \"%s\", \"freedom\": ",
                errors->kind == ERRORS_SQUARES ? "squares" : "likelihood");
    add_double(text, errors->freedom);
    text_string(text, ", \"deviation\": ");
    add_double(text, errors->deviation);
    text_format(text, ", \"identified\": %s, \"matrix\": ",
                errors->rank == errors->count ? "true" : "false");
    add_matrix(text, errors->covariance, errors->count);
    text_string(text, "}");
}

static void add_errors(Text *text, const Model *model, const Result *result) {
    const Errors *errors = result->errors;
    Item *items = NEW(text->context, Item, result->view->count + 1);
    const struct {
        const char *key;
        const double *numbers;
    } parts[] = {{"std_error", errors->error}, {"low", errors->low}, {"high", errors->high}};
    if (!items) {
        text->failed = true;
        return;
    }
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        View beside = view_beside(result->view, parts[i].numbers, items);
        text_format(text, ",\n  \"%s\": {", parts[i].key);
        add_items(text, model, &beside, 0, beside.count);
    }
    text_string(text, ",\n  \"confidence\": ");
    add_double(text, errors->confidence);
    if (errors->correlation) {
        text_string(text, ",\n  \"correlations\": ");
        add_matrix(text, errors->correlation, model->shown_count);
    }
    text_string(text, ",\n  \"covariance\": ");
    add_covariance(text, errors);
    memory_free(text->context, items);
}

static void make_json(Text *text, const Model *model, const Result *result) {
    text_string(text, "{\n  \"gradc\": 1,\n  \"model\": ");
    json_text(text, model->name);
    text_string(text, ",\n  \"hash\": ");
    json_text(text, model->hash);
    if (model->single) {
        text_string(text, ",\n  \"precision\": \"f32\"");
    }
    text_string(text, ",\n  \"method\": ");
    json_text(text, result->method);
    text_format(text, ",\n  \"epochs\": %lld,\n  \"objective\": ", (long long)result->epochs);
    add_double(text, result->objective);
    if (result->validation) {
        text_string(text, ",\n  \"validation\": ");
        add_double(text, *result->validation);
    }
    if (result->search) {
        text_format(text, ",\n  \"search\": %s", result->search);
    }
    if (result->folds) {
        text_format(text, ",\n  \"cv\": %s", result->folds);
    }
    text_string(text, ",\n  \"dims\": ");
    add_dims(text, model);
    text_string(text, ",\n  \"consts\": ");
    add_consts(text, model);
    if (model->sample) {
        text_string(text, ",\n  \"sample\": ");
        json_text(text, model->sample);
    }
    if (has_names(model, field_names)) {
        text_string(text, ",\n  \"columns\": ");
        add_columns(text, model);
    }
    if (has_names(model, class_names)) {
        text_string(text, ",\n  \"classes\": ");
        add_classes(text, model);
    }
    for (size_t i = 0; i < INPUT_LISTS; i++) {
        if (has_lists(model, input_lists[i].offset)) {
            text_format(text, ",\n  \"%s\": ", input_lists[i].key);
            input_lists[i].add(text, model);
        }
    }
    text_string(text, ",\n  \"params\": {");
    add_items(text, model, result->view, 0, result->view->params);
    if (result->view->count > result->view->params) {
        text_string(text, ",\n  \"definitions\": {");
        add_items(text, model, result->view, result->view->params, result->view->count);
    }
    if (result->errors) {
        add_errors(text, model, result);
    }
    text_string(text, "\n}\n");
}

/* ---- CSV ---- */

/* What is not known is an empty cell. */
static void add_errors_cells(Text *text, const Errors *errors, size_t at) {
    const double cells[] = {errors->error[at], errors->low[at], errors->high[at]};
    for (size_t i = 0; i < sizeof cells / sizeof *cells; i++) {
        text_string(text, ",");
        if (isfinite(cells[i])) {
            text_number(text, cells[i], true);
        }
    }
}

static void make_csv(Text *text, const Model *model, const Result *result) {
    const Errors *errors = result->errors;
    text_string(text, errors ? "name,value,std_error,low,high\n" : "name,value\n");
    for (size_t i = 0; i < result->view->count; i++) {
        const Item *item = &result->view->items[i];
        const Shape *shape = item->shape;
        for (int64_t k = 0; k < shape->count; k++) {
            const char *quote = shape->rank > 1 ? "\"" : "";
            text_string(text, quote);
            entry_name(text, item->name, shape, k);
            text_format(text, "%s,", quote);
            text_real(text, model, item->values[k]);
            if (errors) {
                add_errors_cells(text, errors, (size_t)(item->values - result->view->numbers + k));
            }
            text_string(text, "\n");
        }
    }
}

/* ---- safetensors ---- */

uint64_t result_checksum(const char *bytes, size_t length) {
    uint64_t hash = 1469598103934665603u; /* FNV-1a */
    for (size_t i = 0; i < length; i++) {
        hash = (hash ^ (unsigned char)bytes[i]) * 1099511628211u;
    }
    return hash;
}

static void add_quoted(Text *text, const char *key, void (*add)(Text *, const Model *),
                       const Model *model) {
    Text inner;
    text_start(&inner, text->context);
    add(&inner, model);
    text_string(text, ",");
    json_text(text, key);
    text_string(text, ":");
    json_text(text, inner.data ? inner.data : "");
    text->failed |= inner.failed;
    text_free(&inner);
}

/* What the covariance is: texts, as all metadata. */
static void add_errors_kind(Text *text, const Errors *errors) {
    text_format(text, ",\"errors\":\"%s\",\"freedom\":\"",
                errors->kind == ERRORS_SQUARES ? "squares" : "likelihood");
    text_number(text, errors->freedom, true);
    text_string(text, "\",\"deviation\":\"");
    text_number(text, errors->deviation, true);
    text_format(text, "\",\"identified\":\"%s\",\"confidence\":\"",
                errors->rank == errors->count ? "true" : "false");
    text_number(text, errors->confidence, true);
    text_string(text, "\"");
}

static void add_metadata(Text *text, const Model *model, const Result *result, uint64_t checksum) {
    text_string(text, "{\"__metadata__\":{\"gradc\":\"1\",\"model\":");
    json_text(text, model->name);
    text_string(text, ",\"hash\":");
    json_text(text, model->hash);
    text_string(text, model->single ? ",\"precision\":\"f32\"" : "");
    text_string(text, ",\"method\":");
    json_text(text, result->method);
    text_format(text, ",\"epochs\":\"%lld\",\"objective\":\"", (long long)result->epochs);
    text_number(text, result->objective, true);
    text_string(text, "\"");
    if (result->validation) {
        text_string(text, ",\"validation\":\"");
        text_number(text, *result->validation, true);
        text_string(text, "\"");
    }
    if (result->search) {
        text_string(text, ",\"search\":");
        json_text(text, result->search);
    }
    if (result->folds) {
        text_string(text, ",\"cv\":");
        json_text(text, result->folds);
    }
    add_quoted(text, "dims", add_dims, model);
    add_quoted(text, "consts", add_consts, model);
    if (model->sample) {
        text_string(text, ",\"sample\":");
        json_text(text, model->sample);
    }
    if (has_names(model, field_names)) {
        add_quoted(text, "columns", add_columns, model);
    }
    if (has_names(model, class_names)) {
        add_quoted(text, "classes", add_classes, model);
    }
    if (result->errors) {
        add_errors_kind(text, result->errors);
    }
    for (size_t i = 0; i < INPUT_LISTS; i++) {
        if (has_lists(model, input_lists[i].offset)) {
            add_quoted(text, input_lists[i].key, input_lists[i].add, model);
        }
    }
    text_format(text, ",\"checksum\":\"%016llx\"}", (unsigned long long)checksum);
}

/* order: items by name, the order of the format's own writer */
static void sort_items(const View *view, size_t *order) {
    for (size_t i = 0; i < view->count; i++) {
        size_t at = i;
        for (; at > 0 && strcmp(view->items[order[at - 1]].name, view->items[i].name) > 0; at--) {
            order[at] = order[at - 1];
        }
        order[at] = i;
    }
}

static void add_little_endian(Text *text, uint64_t value, size_t size) {
    char bytes[8];
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (char)(value >> 8 * i & 0xff);
    }
    text_bytes(text, bytes, size);
}

static void add_real(Text *text, const Model *model, double value) {
    const float single = (float)value;
    uint64_t bits;
    uint32_t few;
    memcpy(&bits, &value, sizeof bits);
    memcpy(&few, &single, sizeof few);
    add_little_endian(text, model->single ? few : bits, model->single ? sizeof few : sizeof bits);
}

static void add_data(Text *text, const Model *model, const View *view, const size_t *order) {
    for (size_t i = 0; i < view->count; i++) {
        const Item *item = &view->items[order[i]];
        for (int64_t k = 0; k < item->shape->count; k++) {
            add_real(text, model, item->values[k]);
        }
    }
}

static void add_tensors(Text *text, const Model *model, const View *view, const size_t *order) {
    int64_t offset = 0;
    for (size_t i = 0; i < view->count; i++) {
        const Shape *shape = view->items[order[i]].shape;
        text_string(text, ",");
        json_text(text, view->items[order[i]].name);
        text_format(text, ":{\"dtype\":\"%s\",\"shape\":[", model->single ? "F32" : "F64");
        for (size_t axis = 0; axis < shape->rank; axis++) {
            text_format(text, "%s%lld", axis ? "," : "", (long long)shape->shape[axis]);
        }
        int64_t end = offset + (model->single ? 4 : 8) * shape->count;
        text_format(text, "],\"data_offsets\":[%lld,%lld]}", (long long)offset, (long long)end);
        offset = end;
    }
    text_string(text, "}");
    while (!text->failed && text->length % 8) {
        text_string(text, " ");
    }
}

/* Tensors `std_error.NAME` and the like beside the others, and the covariance. False: no memory. */
static bool add_error_tensors(Context *context, const Result *result, View *view) {
    const Errors *errors = result->errors;
    const View *given = result->view;
    const struct {
        const char *prefix;
        const double *numbers;
    } parts[] = {{"std_error", errors->error}, {"low", errors->low}, {"high", errors->high}};
    const size_t kinds = sizeof parts / sizeof *parts;
    Item *items = NEW(context, Item, (kinds + 1) * given->count + 1);
    Shape *square = NEW(context, Shape, 1);
    int64_t *sizes = NEW(context, int64_t, 2);
    if (!items || !square || !sizes) {
        return false;
    }
    memcpy(items, given->items, given->count * sizeof *items);
    size_t count = given->count;
    for (size_t kind = 0; kind < kinds; kind++) {
        for (size_t i = 0; i < given->count; i++, count++) {
            const Item *item = &given->items[i];
            items[count] =
                (Item){memory_format(context, "%s.%s", parts[kind].prefix, item->name), item->shape,
                       parts[kind].numbers + (item->values - given->numbers)};
            if (!items[count].name) {
                return false;
            }
        }
    }
    sizes[0] = sizes[1] = (int64_t)errors->count;
    *square = (Shape){.rank = 2, .shape = sizes, .count = sizes[0] * sizes[0]};
    items[count++] = (Item){"errors.covariance", square, errors->covariance};
    *view = (View){.items = items, .params = given->params, .count = count};
    return true;
}

static void make_safetensors(Text *text, const Model *model, const Result *result) {
    Text header, data;
    View view = *result->view;
    if (result->errors && !add_error_tensors(text->context, result, &view)) {
        text->failed = true;
        return;
    }
    text_start(&header, text->context);
    text_start(&data, text->context);
    size_t *order = NEW(text->context, size_t, view.count + 1);
    if (order) {
        sort_items(&view, order);
        add_data(&data, model, &view, order);
        add_metadata(&header, model, result, result_checksum(data.data, data.length));
        add_tensors(&header, model, &view, order);
        add_little_endian(text, header.length, 8);
        text_bytes(text, header.data, header.length);
        text_bytes(text, data.data, data.length);
    }
    text->failed |= !order || header.failed || data.failed;
    memory_free(text->context, order);
    text_free(&header);
    text_free(&data);
}

bool result_write(Context *context, const Model *model, const Result *result, const char *path,
                  Format format) {
    static void (*const makers[FORMAT_COUNT])(Text *, const Model *, const Result *) = {
        [FORMAT_SAFETENSORS] = make_safetensors,
        [FORMAT_JSON] = make_json,
        [FORMAT_CSV] = make_csv};
    Text text;
    text_start(&text, context);
    makers[format](&text, model, result);
    bool done = !text.failed && file_write(context, path, text.data, text.length);
    text_free(&text);
    return done;
}

/* ---- for people ---- */

void view_text(Text *text, const Model *model, const View *view, size_t limit) {
    for (size_t i = 0; i < view->count; i++) {
        const Shape *shape = view->items[i].shape;
        const double *values = view->items[i].values;
        text_format(text, "%s = ", view->items[i].name);
        if ((uint64_t)shape->count <= limit) {
            add_array(text, model, shape, values);
            text_string(text, "\n");
            continue;
        }
        double square = 0;
        double least = values[0];
        double largest = values[0];
        for (int64_t k = 0; k < shape->count; k++) {
            square += values[k] * values[k];
            least = values[k] < least ? values[k] : least;
            largest = values[k] > largest ? values[k] : largest;
        }
        text_string(text, "[");
        for (size_t axis = 0; axis < shape->rank; axis++) {
            text_format(text, "%s%lld", axis ? ", " : "", (long long)shape->shape[axis]);
        }
        text_format(text, "] values from %.6g to %.6g, norm %.6g\n", least, largest, sqrt(square));
    }
}
