/* split.c: parts of the data as data of their own, sample by sample. They are copies: kernels want
 * their rows side by side. */
#include "runtime/validate.h"

#include <string.h>

static int64_t rows_of(const Data *data, int64_t sample) {
    return data->starts ? data->starts[sample + 1] - data->starts[sample] : 1;
}

/* Rows or samples of one column. */
static void *copy_column(Context *context, const Model *model, const Data *whole, size_t column,
                         const Data *part) {
    size_t size = column_bytes(model, column);
    bool by_row = model->columns[column].by_row && whole->starts;
    size_t count = (size_t)(by_row ? part->rows : part->samples);
    const char *from = whole->columns[column];
    char *values = memory_new(context, count + 1, size + 1);
    char *to = values;
    for (int64_t i = 0; values && i < part->samples; i++) {
        int64_t sample = part->origin[i];
        size_t length = size * (size_t)(by_row ? rows_of(whole, sample) : 1);
        int64_t first = by_row ? whole->starts[sample] : sample;
        memcpy(to, from + (size_t)first * size, length);
        to += length;
    }
    return values;
}

static bool copy_starts(Context *context, const Data *whole, Data *part) {
    int64_t at = 0;
    part->starts = NEW(context, int64_t, part->samples + 1);
    for (int64_t i = 0; part->starts && i < part->samples; i++) {
        part->starts[i] = at;
        at += rows_of(whole, part->origin[i]);
        part->starts[i + 1] = at;
    }
    return part->starts != NULL;
}

bool data_part(Context *context, const Model *model, const Data *whole, const bool *marks,
               bool marked, Data *part) {
    *part = (Data){.path = whole->path, .whole = whole};
    if (whole->store) {
        return report_error(context,
                            "a part of data that are on disk is not supported yet; if there "
                            "is memory for them, --memory says so, and --validate takes a "
                            "file");
    }
    int64_t *origin = NEW(context, int64_t, whole->samples + 1);
    part->columns = NEW(context, void *, model->column_count + 1);
    if (!origin || !part->columns) {
        return false;
    }
    for (int64_t i = 0; i < whole->samples; i++) {
        if (marks[i] == marked) {
            origin[part->samples++] = i;
            part->rows += rows_of(whole, i);
        }
    }
    part->origin = origin;
    if (whole->starts && !copy_starts(context, whole, part)) {
        return false;
    }
    for (size_t c = 0; c < model->column_count; c++) {
        if (whole->columns[c]) {
            part->columns[c] = copy_column(context, model, whole, c, part);
            if (!part->columns[c]) {
                return false;
            }
        }
    }
    return true;
}

bool data_folds(Context *context, const Data *data, int64_t count, uint64_t seed, int64_t *folds) {
    Random random;
    int64_t *order = NEW(context, int64_t, data->samples + 1);
    if (!order) {
        return false;
    }
    random_start(&random, seed);
    for (int64_t i = 0; i < data->samples; i++) {
        order[i] = i;
    }
    random_shuffle(&random, order, data->samples);
    for (int64_t i = 0; i < data->samples; i++) {
        folds[order[i]] = i % count;
    }
    memory_free(context, order);
    return true;
}

int64_t data_sample_of_file(const Data *data, int64_t sample) {
    return data->whole ? data->origin[sample] : sample;
}
