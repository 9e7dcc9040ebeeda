/* missing.c: missing values (--na), once all rows are there: rows with one are left out, or the
 * mean of its column takes its place. Until then NaN stands for one in the arrays of reals. */
#include "runtime/cells.h"
#include "runtime/store.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- rows left out ---- */

static int by_number(const void *a, const void *b) {
    const int64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* In order, each once: loaders may have gone through the rows column by column. */
static void sort_rows(Cells *cells) {
    size_t kept = 0;
    qsort(cells->rows, cells->row_count, sizeof *cells->rows, by_number);
    for (size_t i = 0; i < cells->row_count; i++) {
        if (i == 0 || cells->rows[i] != cells->rows[i - 1]) {
            cells->rows[kept++] = cells->rows[i];
        }
    }
    cells->row_count = kept;
}

/* Rows first … end - 1 of all arrays in memory, down to row `to`. */
static void move_rows(const Cells *cells, int64_t first, int64_t end, int64_t to) {
    for (size_t i = 0; i < cells->model->column_count; i++) {
        size_t width = column_bytes(cells->model, i);
        char *array = cells->data->columns[i];
        if (array) {
            memmove(array + (size_t)to * width, array + (size_t)first * width,
                    (size_t)(end - first) * width);
        }
    }
}

/* Lines of the rows that are left: a jump after each row that is not. */
static bool move_lines(Cells *cells) {
    Data *data = cells->data;
    if (data->jump_count == 0) {
        return true;
    }
    LineJump *jumps = NEW(cells->context, LineJump, data->jump_count + cells->row_count + 1);
    size_t count = 0, old = 0, left_out = 0;
    int64_t at = 0;
    if (!jumps) {
        return false;
    }
    while (old < data->jump_count || left_out < cells->row_count) {
        /* the next row at which the line may jump */
        int64_t jump = old < data->jump_count ? data->jumps[old].row : INT64_MAX;
        int64_t out = left_out < cells->row_count ? cells->rows[left_out] : INT64_MAX;
        at = jump <= out ? jump : out;
        old += jump == at;
        while (left_out < cells->row_count && cells->rows[left_out] == at) {
            left_out++;
            at++;
            old += old < data->jump_count && data->jumps[old].row == at;
        }
        if (at < data->rows) {
            jumps[count++] = (LineJump){at - (int64_t)left_out, data_line(data, at)};
        }
    }
    data->jumps = jumps;
    data->jump_count = data->jump_capacity = count;
    return true;
}

/* Samples that lose all their rows vanish. */
static void move_samples(Cells *cells) {
    Data *data = cells->data;
    int64_t kept = 0;
    size_t before = 0;
    for (int64_t s = 0; s < data->samples; s++) {
        int64_t end = s + 1 < data->samples ? data->starts[s + 1] : data->rows;
        int64_t start = data->starts[s];
        while (before < cells->row_count && cells->rows[before] < start) {
            before++;
        }
        size_t within = before;
        while (within < cells->row_count && cells->rows[within] < end) {
            within++;
        }
        if (end - start > (int64_t)(within - before)) {
            data->starts[kept++] = start - (int64_t)before;
        }
    }
    data->samples = kept;
}

static bool drop_rows(Cells *cells) {
    Data *data = cells->data;
    int64_t to = 0, from = 0;
    sort_rows(cells);
    if ((int64_t)cells->row_count == data->rows) {
        return report_place(cells->context, cells->path,
                            "no row is left: each has a missing value (--na=drop)");
    }
    if (!move_lines(cells)) {
        return false;
    }
    move_samples(cells);
    report_note(cells->context, "%s: %lld of %lld rows are left out for missing values",
                cells->path, (long long)cells->row_count, (long long)data->rows);
    if (data->store) {
        return store_drop(data->store, data, cells->rows, cells->row_count);
    }
    for (size_t i = 0; i <= cells->row_count; i++) {
        int64_t end = i < cells->row_count ? cells->rows[i] : data->rows;
        move_rows(cells, from, end, to);
        to += end - from;
        from = end + 1;
    }
    data->rows = to;
    return true;
}

/* ---- means ---- */

/* A column, gone through row by row; NaN are what is missing. */
typedef struct {
    const Model *model;
    Column *column;
    double *means, *sums; /* by entry */
    int64_t *counts;
} Means;

static void sum_value(void *self, size_t k, double *value) {
    const Means *m = self;
    m->sums[k] += isnan(*value) ? 0 : *value;
    m->counts[k] += !isnan(*value);
}

static void rest_value(void *self, size_t k, double *value) {
    const Means *m = self;
    m->sums[k] += isnan(*value) ? 0 : *value - m->means[k];
}

static void fill_value(void *self, size_t k, double *value) {
    const Means *m = self;
    if (isnan(*value)) {
        *value = m->column->means[k];
    }
}

/* In two passes, so that they are right to rounding. */
static bool take_means(Cells *cells, size_t number) {
    Column *column = &cells->model->columns[number];
    Context *context = cells->context;
    int64_t width = column->shape.count;
    Means m = {.model = cells->model,
               .column = column,
               .means = NEW(context, double, width + 1),
               .sums = NEW(context, double, width + 1),
               .counts = NEW(context, int64_t, width + 1)};
    if (!m.means || !m.sums || !m.counts ||
        !data_entries(m.model, cells->data, number, false, sum_value, &m)) {
        return false;
    }
    for (int64_t k = 0; k < width; k++) {
        if (!m.counts[k]) {
            return report_place(context, cells->path,
                                "value %lld of `%s` is missing in all rows, so it has no mean",
                                (long long)k, column->name);
        }
        m.means[k] = m.sums[k] / (double)m.counts[k];
        m.sums[k] = 0;
    }
    if (!data_entries(m.model, cells->data, number, false, rest_value, &m)) {
        return false;
    }
    for (int64_t k = 0; k < width; k++) {
        m.means[k] += m.sums[k] / (double)m.counts[k];
    }
    memory_free(context, m.sums);
    memory_free(context, m.counts);
    column->means = m.means;
    column->mean_count = (size_t)width;
    return true;
}

/* Training takes the means of its rows, unless it goes on from other ones; all else uses those that
 * training took. */
static bool fill_means(Cells *cells) {
    for (size_t i = 0; i < cells->model->column_count; i++) {
        Column *column = &cells->model->columns[i];
        if (column->is_int || column->target || !cells->data->columns[i]) {
            continue;
        }
        if (!column->means && !cells->options->trained && !take_means(cells, i)) {
            return false;
        }
        if (column->means && column->mean_count != (size_t)column->shape.count) {
            return scales_check(cells->context, cells->model, "the file of -m");
        }
        if (!column->means) {
            return report_error(cells->context,
                                "--na=mean: the parameters were trained without it, so there is no "
                                "mean of `%s`",
                                column->name);
        }
        Means m = {.model = cells->model, .column = column};
        if (!data_entries(m.model, cells->data, i, true, fill_value, &m)) {
            return false;
        }
    }
    if (cells->missing) {
        report_note(cells->context, "%s: %lld missing value%s, replaced by means", cells->path,
                    (long long)cells->missing, cells->missing == 1 ? "" : "s");
    }
    return true;
}

bool cells_finish(Cells *cells) {
    const bool dropped = cells->row_count > 0;
    if (dropped && !drop_rows(cells)) {
        return false;
    }
    if (cells->options->na == NA_MEAN && !fill_means(cells)) {
        return false;
    }
    return labels_finish(cells, dropped);
}
