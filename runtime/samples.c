/* samples.c: samples that are blocks of rows (`dim T = rows`): consecutive rows with one value in
 * the column of --sample are a sample; without it the whole file is one. A column without the axis
 * T has one value for a sample, which all of its rows must repeat. */
#include "runtime/runtime.h"

#include <string.h>

Dim *model_rows_dim(const Model *model) {
    for (size_t i = 0; i < model->dim_count; i++) {
        if (model->dims[i].rows) {
            return &model->dims[i];
        }
    }
    return NULL;
}

bool data_begin_sample(Context *context, Data *data, int64_t row) {
    if (data->samples == data->sample_capacity) {
        int64_t capacity = data->sample_capacity ? 2 * data->sample_capacity : 64;
        int64_t *larger =
            memory_resize(context, data->starts, ((size_t)capacity + 1) * sizeof *larger);
        if (!larger) {
            return false;
        }
        data->starts = larger;
        data->sample_capacity = capacity;
    }
    data->starts[data->samples++] = row;
    return true;
}

/* Where the model itself reads the column that separates, its values tell. */
static bool separate_by_values(Context *context, const Model *model, Data *data) {
    const Target *target = &data->separator;
    const Column *column = &model->columns[target->column];
    const size_t size = column->is_int || !model->single ? sizeof(double) : sizeof(float);
    size_t width = (size_t)column->shape.count;
    const char *values = data->columns[target->column];
    for (int64_t row = 0; row < data->rows; row++) {
        const char *here = values + ((size_t)row * width + (size_t)target->entry) * size;
        bool first = row == 0 || memcmp(here, here - width * size, size) != 0;
        if (first && !data_begin_sample(context, data, row)) {
            return false;
        }
    }
    return true;
}

static bool differs(Context *context, const Model *model, const Data *data, size_t column,
                    int64_t row) {
    int64_t line = data_line(data, row);
    char *place = line ? memory_format(context, "%s:%lld", data->path, (long long)line)
                       : memory_format(context, "%s", data->path);
    const char *name = model->columns[column].name;
    return place &&
           report_place(context, place,
                        "`%s` is one value for a sample, and differs here from the row before "
                        "(row %lld); a value for each row is declared `%s[%s]`",
                        name, (long long)row + 1, name, model_rows_dim(model)->name);
}

/* One entry for each sample, of a column that was read for each row. */
static bool compact(Context *context, const Model *model, Data *data, size_t column) {
    size_t size = column_bytes(model, column);
    char *values = data->columns[column];
    for (int64_t s = 0; values && s < data->samples; s++) {
        const char *first = values + (size_t)data->starts[s] * size;
        for (int64_t row = data->starts[s] + 1; row < data->starts[s + 1]; row++) {
            if (memcmp(first, values + (size_t)row * size, size) != 0) {
                return differs(context, model, data, column, row);
            }
        }
        memmove(values + (size_t)s * size, first, size);
    }
    return true;
}

bool data_make_samples(Context *context, Model *model, Data *data) {
    Dim *dim = model_rows_dim(model);
    if (!dim) {
        data->samples = data->rows;
        return true;
    }
    bool done = data->separator.used ? separate_by_values(context, model, data)
                                     : data->samples > 0 || data_begin_sample(context, data, 0);
    if (!done) {
        return false;
    }
    data->starts[data->samples] = data->rows;
    int64_t most = 0;
    for (int64_t s = 0; s < data->samples; s++) {
        int64_t rows = data->starts[s + 1] - data->starts[s];
        most = rows > most ? rows : most;
    }
    for (size_t i = 0; i < model->column_count; i++) {
        if (!model->columns[i].by_row && !compact(context, model, data, i)) {
            return false;
        }
    }
    return model_bind_dim(context, model, dim, most, "the data");
}
