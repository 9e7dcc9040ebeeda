/* result_read.c: reads trained parameters back, from safetensors or JSON. Nothing of the file is
 * believed: sizes, shapes, types, checksum, and whose model it is are checked. */
#include "runtime/errors.h"

#include <math.h>
#include <string.h>

static bool is_safetensors(const ResultFile *file) {
    return file->length > 8 && file->bytes[8] == '{' && file->bytes[7] == 0 && file->bytes[6] == 0;
}

static uint64_t little_endian(const char *bytes, size_t size) {
    uint64_t value = 0;
    for (size_t i = size; i-- > 0;) {
        value = value << 8 | (unsigned char)bytes[i];
    }
    return value;
}

static double number_at(const char *bytes, bool single) {
    uint64_t bits = little_endian(bytes, single ? 4 : 8);
    uint32_t few = (uint32_t)bits;
    float f;
    double d;
    memcpy(&f, &few, sizeof f);
    memcpy(&d, &bits, sizeof d);
    return single ? (double)f : d;
}

static bool not_json(Context *context, const ResultFile *file, const char *error) {
    return report_error(context, "`%s` is damaged: %s", file->path,
                        error ? error : "no JSON object");
}

static bool open_safetensors(Context *context, ResultFile *file) {
    const char *error;
    uint64_t length = little_endian(file->bytes, 8);
    if (length > file->length - 8) {
        return report_error(context, "`%s` is cut: its header should have %llu bytes", file->path,
                            (unsigned long long)length);
    }
    file->data = file->bytes + 8 + length;
    file->data_length = file->length - 8 - (size_t)length;
    char *header = memory_copy(context, file->bytes + 8, (size_t)length);
    if (!header) {
        return false;
    }
    file->tensors = json_read(context, header, (size_t)length, &error);
    if (!file->tensors || file->tensors->kind != JSON_OBJECT) {
        return not_json(context, file, error);
    }
    uint64_t largest = 0;
    for (const Json *tensor = file->tensors->first; tensor; tensor = tensor->next) {
        const Json *offsets = json_get(tensor, "data_offsets");
        if (offsets && offsets->count == 2 && offsets->first->next->number > (double)largest) {
            largest = (uint64_t)offsets->first->next->number;
        }
    }
    if (largest > file->data_length) {
        return report_error(context, "`%s` is cut: %llu of %llu bytes of numbers are left",
                            file->path, (unsigned long long)file->data_length,
                            (unsigned long long)largest);
    }
    if (largest < file->data_length) {
        return report_error(context, "`%s` is damaged: bytes follow the last tensor", file->path);
    }
    return true;
}

/* The metadata as one object. In safetensors all of it is text, JSON in part. */
static const Json *metadata(const ResultFile *file, const char *key) {
    return json_get(file->data ? json_get(file->tensors, "__metadata__") : file->header, key);
}

static Json *metadata_object(Context *context, const ResultFile *file, const char *key) {
    const Json *value = metadata(file, key);
    const char *error;
    if (!value || value->kind != JSON_TEXT) {
        return (Json *)(uintptr_t)value;
    }
    return json_read(context, value->text, strlen(value->text), &error);
}

static const char *metadata_text(const ResultFile *file, const char *key) {
    const Json *value = metadata(file, key);
    return value && value->kind == JSON_TEXT ? value->text : NULL;
}

static bool check_identity(Context *context, const Model *model, const ResultFile *file,
                           bool force) {
    const char *name = metadata_text(file, "model");
    const char *hash = metadata_text(file, "hash");
    const char *checksum = metadata_text(file, "checksum");
    if (!metadata(file, "gradc")) {
        const bool by_hand = json_get(file->header, "params") != NULL;
        return force || by_hand ||
               report_error(context,
                            "`%s` was not written by a trainer of gradc; --force takes it anyway",
                            file->path);
    }
    const Json *format = metadata(file, "gradc");
    if (format->kind == JSON_TEXT ? strcmp(format->text, "1") != 0 : format->number != 1) {
        return report_error(context, "`%s` has a format that this runtime does not know",
                            file->path);
    }
    if (file->data && checksum) {
        char found[17];
        snprintf(found, sizeof found, "%016llx",
                 (unsigned long long)result_checksum(file->data, file->data_length));
        if (strcmp(found, checksum) != 0) {
            return report_error(context, "`%s` is damaged: its checksum does not agree",
                                file->path);
        }
    }
    if (force) {
        return true;
    }
    const char *precision = metadata_text(file, "precision");
    const bool single = precision && strcmp(precision, "f32") == 0;
    if (single != model->single) {
        return report_error(
            context,
            "`%s` was trained in %s, and this trainer computes in %s; --force takes "
            "it anyway",
            file->path, single ? "f32" : "f64", model->single ? "f32" : "f64");
    }
    if (!name || strcmp(name, model->name) != 0) {
        return report_error(context, "`%s` holds parameters of model `%s`, not of `%s`", file->path,
                            name ? name : "?", model->name);
    }
    if (!hash || strcmp(hash, model->hash) != 0) {
        return report_error(
            context, "`%s` was trained with another version of model `%s`; --force takes it anyway",
            file->path, model->name);
    }
    return true;
}

static bool bind_dims(Context *context, Model *model, const ResultFile *file) {
    const Json *dims = metadata_object(context, file, "dims");
    for (const Json *value = dims ? dims->first : NULL; value; value = value->next) {
        Dim *dim = value->key ? model_dim(model, value->key) : NULL;
        if (!dim || dim->rows) {
            continue;
        }
        if (value->kind != JSON_NUMBER || value->number != floor(value->number) ||
            value->number < 0 || value->number > 1e15) {
            return report_error(context, "`%s` is damaged: dim `%s` has no size", file->path,
                                value->key);
        }
        char *by = memory_format(context, "`%s`", file->path);
        if (!by || !model_bind_dim(context, model, dim, (int64_t)value->number, by)) {
            return false;
        }
    }
    return true;
}

static bool take_consts(Context *context, Model *model, const ResultFile *file) {
    const Json *consts = metadata_object(context, file, "consts");
    for (const Json *value = consts ? consts->first : NULL; value; value = value->next) {
        Const *item = value->key ? model_const(model, value->key) : NULL;
        if (item && !item->fixed && value->kind == JSON_NUMBER) {
            item->value = value->number;
        }
    }
    return true;
}

/* A list of names of a column, under `key` of the metadata. */
static bool take_names(Context *context, const ResultFile *file, const char *key,
                       const Column *column, char ***names, size_t *count) {
    const Json *list = json_get(metadata_object(context, file, key), column->name);
    if (!list || list->kind != JSON_ARRAY || list->count == 0) {
        return true;
    }
    *names = NEW(context, char *, list->count);
    if (!*names) {
        return false;
    }
    *count = 0;
    for (const Json *name = list->first; name; name = name->next) {
        if (name->kind != JSON_TEXT) {
            return report_error(context, "`%s` is damaged: one of the %s of `%s` is no text",
                                file->path, key, column->name);
        }
        (*names)[(*count)++] = name->text;
    }
    return true;
}

/* Numbers of a column, under `key` of the metadata. */
static bool take_numbers(Context *context, const ResultFile *file, const char *key, bool positive,
                         const Column *column, double **numbers, size_t *count) {
    const Json *list = json_get(metadata_object(context, file, key), column->name);
    if (!list) {
        return true;
    }
    *numbers = NEW(context, double, list->count + 1);
    *count = 0;
    for (const Json *item = list->first; *numbers && item; item = item->next) {
        if (item->kind != JSON_NUMBER || !isfinite(item->number) ||
            (positive && item->number <= 0)) {
            return report_error(context, "`%s` is damaged: one of the %s of `%s` is no such number",
                                file->path, key, column->name);
        }
        (*numbers)[(*count)++] = item->number;
    }
    return *numbers != NULL;
}

static bool take_inputs(Context *context, const ResultFile *file, Column *column) {
    size_t shifts = 0;
    return take_numbers(context, file, "means", false, column, &column->means,
                        &column->mean_count) &&
           take_numbers(context, file, "input_mean", false, column, &column->shift, &shifts) &&
           take_numbers(context, file, "input_sd", true, column, &column->scale,
                        &column->scale_count) &&
           (shifts == column->scale_count ||
            report_error(context, "`%s` is damaged: `%s` has %zu means and %zu deviations",
                         file->path, column->name, shifts, column->scale_count));
}

static bool take_columns(Context *context, Model *model, const ResultFile *file) {
    model->sample = metadata_text(file, "sample");
    for (size_t i = 0; i < model->column_count; i++) {
        Column *column = &model->columns[i];
        if (!take_names(context, file, "classes", column, &column->classes, &column->class_count) ||
            !take_names(context, file, "columns", column, &column->fields, &column->field_count) ||
            !take_inputs(context, file, column)) {
            return false;
        }
    }
    return true;
}

bool result_open_any(Context *context, const char *path, ResultFile *file) {
    const char *error = NULL;
    *file = (ResultFile){.path = path};
    file->bytes = file_read(context, path, &file->length);
    if (!file->bytes) {
        return false;
    }
    if (is_safetensors(file)) {
        if (!open_safetensors(context, file)) {
            return false;
        }
    } else {
        if (file->length == 0 || file->bytes[0] != '{') {
            return report_error(context, "`%s` is neither safetensors nor JSON", path);
        }
        file->header = json_read(context, file->bytes, file->length, &error);
        if (!file->header) {
            return not_json(context, file, error);
        }
    }
    return true;
}

bool result_open(Context *context, Model *model, const char *path, bool force, ResultFile *file) {
    return result_open_any(context, path, file) && check_identity(context, model, file, force) &&
           bind_dims(context, model, file) && take_consts(context, model, file) &&
           take_columns(context, model, file);
}

/* ---- parameters ---- */

static bool same_shape(const Json *shape, const Param *param) {
    if (!shape || shape->kind != JSON_ARRAY || shape->count != param->shape.rank) {
        return false;
    }
    size_t axis = 0;
    for (const Json *size = shape->first; size; size = size->next, axis++) {
        if (size->kind != JSON_NUMBER || size->number != (double)param->shape.shape[axis]) {
            return false;
        }
    }
    return true;
}

static bool wrong_shape(Context *context, const ResultFile *file, const Param *param) {
    return report_error(context, "`%s`: param `%s` has another shape than in the model", file->path,
                        param->name);
}

static bool read_tensor(Context *context, const ResultFile *file, const Param *param,
                        double *values) {
    const Json *tensor = json_get(file->tensors, param->name);
    const Json *type = json_get(tensor, "dtype");
    const Json *offsets = json_get(tensor, "data_offsets");
    if (!tensor) {
        return report_error(context, "`%s` has no param `%s`", file->path, param->name);
    }
    const bool single = type && type->kind == JSON_TEXT && strcmp(type->text, "F32") == 0;
    const size_t size = single ? sizeof(float) : sizeof(double);
    if (!single && (!type || type->kind != JSON_TEXT || strcmp(type->text, "F64") != 0)) {
        return report_error(context, "`%s`: param `%s` is not of type F64 or F32", file->path,
                            param->name);
    }
    if (!same_shape(json_get(tensor, "shape"), param)) {
        return wrong_shape(context, file, param);
    }
    if (!offsets || offsets->kind != JSON_ARRAY || offsets->count != 2) {
        return report_error(context, "`%s` is damaged: param `%s` has no offsets", file->path,
                            param->name);
    }
    double begin = offsets->first->number;
    double end = offsets->first->next->number;
    if (!(begin >= 0) || begin != floor(begin) ||
        end - begin != (double)size * (double)param->shape.count ||
        end > (double)file->data_length) {
        return report_error(context, "`%s` is damaged: param `%s` has bad offsets", file->path,
                            param->name);
    }
    for (int64_t i = 0; i < param->shape.count; i++) {
        values[i] = number_at(file->data + (size_t)begin + size * (size_t)i, single);
    }
    return true;
}

/* Nested arrays, in the shape of the param. Depth is the param's rank. */
static bool read_nested(const Json *json, const Shape *shape, size_t axis, double **next) {
    if (axis == shape->rank) {
        if (json->kind != JSON_NUMBER) {
            return false;
        }
        *(*next)++ = json->number;
        return true;
    }
    if (json->kind != JSON_ARRAY || json->count != (size_t)shape->shape[axis]) {
        return shape->count == 0 && json->kind == JSON_ARRAY;
    }
    for (const Json *member = json->first; member; member = member->next) {
        if (!read_nested(member, shape, axis + 1, next)) {
            return false;
        }
    }
    return true;
}

static bool read_member(Context *context, const ResultFile *file, const Param *param,
                        double *values) {
    const Json *json = json_get(json_get(file->header, "params"), param->name);
    if (!json) {
        return report_error(context, "`%s` has no param `%s`", file->path, param->name);
    }
    double *next = values;
    return read_nested(json, &param->shape, 0, &next) || wrong_shape(context, file, param);
}

static bool take_param(Context *context, const ResultFile *file, const Param *param,
                       double *values) {
    if (!(file->data ? read_tensor(context, file, param, values)
                     : read_member(context, file, param, values))) {
        return false;
    }
    for (int64_t k = 0; k < param->shape.count; k++) {
        if (!isfinite(values[k])) {
            return report_error(context, "`%s`: param `%s` holds a number that is not finite",
                                file->path, param->name);
        }
    }
    return true;
}

bool result_params(Context *context, const Model *model, const ResultFile *file, double *shown) {
    for (size_t i = 0; i < model->param_count; i++) {
        const Param *param = &model->params[i];
        if (!take_param(context, file, param, shown + param->shown)) {
            return false;
        }
    }
    return true;
}

bool result_holds(const ResultFile *file, const char *param) {
    return json_get(file->data ? file->tensors : json_get(file->header, "params"), param) != NULL;
}

bool result_known_params(Context *context, const Model *model, const ResultFile *file,
                         double *shown, size_t *found) {
    *found = 0;
    for (size_t i = 0; i < model->param_count; i++) {
        const Param *param = &model->params[i];
        if (!result_holds(file, param->name)) {
            continue;
        }
        if (!take_param(context, file, param, shown + param->shown)) {
            return false;
        }
        ++*found;
    }
    return true;
}

/* ---- the covariance ---- */

static double number_of(const Json *json) {
    double value = INFINITY;
    if (json && json->kind == JSON_NUMBER) {
        value = json->number;
    } else if (json && json->kind == JSON_TEXT && !number_read_text(json->text, &value)) {
        value = INFINITY;
    }
    return value;
}

static bool no_errors(Context *context, const ResultFile *file) {
    return report_error(context, "`%s` has no covariance of this model: train with --errors",
                        file->path);
}

/* Takes the matrix as a param of its name and shape. */
static bool read_covariance(Context *context, const Model *model, const ResultFile *file,
                            Errors *errors) {
    int64_t sizes[] = {(int64_t)model->parameter_count, (int64_t)model->parameter_count};
    Param matrix = {.name = "errors.covariance",
                    .shape = {.rank = 2, .shape = sizes, .count = sizes[0] * sizes[1]}};
    errors->count = model->parameter_count;
    errors->covariance = NEW(context, double, matrix.shape.count + 1);
    if (!errors->covariance) {
        return false;
    }
    if (file->data) {
        return read_tensor(context, file, &matrix, errors->covariance);
    }
    const Json *json = json_get(json_get(file->header, "covariance"), "matrix");
    double *next = errors->covariance;
    return json && read_nested(json, &matrix.shape, 0, &next) ? true : no_errors(context, file);
}

bool result_errors(Context *context, const Model *model, const ResultFile *file, Errors *errors) {
    *errors = (Errors){.kind = ERRORS_LIKELIHOOD};
    const Json *all =
        file->data ? json_get(file->tensors, "__metadata__") : json_get(file->header, "covariance");
    const Json *kind = json_get(all, file->data ? "errors" : "kind");
    const Json *identified = json_get(all, "identified");
    if (!kind || kind->kind != JSON_TEXT) {
        return no_errors(context, file);
    }
    errors->kind = strcmp(kind->text, "squares") == 0 ? ERRORS_SQUARES : ERRORS_LIKELIHOOD;
    errors->freedom = number_of(json_get(all, "freedom"));
    errors->deviation = number_of(json_get(all, "deviation"));
    if (identified && (identified->kind == JSON_FALSE ||
                       (identified->kind == JSON_TEXT && strcmp(identified->text, "true") != 0))) {
        report_warning(context,
                       "not all params of `%s` were identified: intervals are those of "
                       "what the data told",
                       file->path);
    }
    return read_covariance(context, model, file, errors);
}
