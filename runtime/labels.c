/* labels.c: the labels of a data set, once all rows are there: texts are numbered in the order of
 * their bytes, and what the labels say of dims is bound. */
#include "runtime/cells.h"
#include "runtime/store.h"

#include <string.h>

/* A field of labels, gone through row by row. */
typedef struct {
    const Field *field;
    int64_t *rank; /* by label */
    int64_t largest, wanted, row;
} Labels;

static bool mark_piece(void *self, void *array, int64_t first, int64_t count) {
    const Labels *labels = self;
    const int64_t *at = (const int64_t *)array + labels->field->entry;
    (void)first;
    for (int64_t i = 0; i < count; i++) {
        labels->rank[at[i * labels->field->stride]] = 0;
    }
    return true;
}

static bool number_piece(void *self, void *array, int64_t first, int64_t count) {
    const Labels *labels = self;
    int64_t *at = (int64_t *)array + labels->field->entry;
    (void)first;
    for (int64_t i = 0; i < count; i++) {
        int64_t *label = &at[i * labels->field->stride];
        *label = labels->rank[*label];
    }
    return true;
}

static bool largest_piece(void *self, void *array, int64_t first, int64_t count) {
    Labels *labels = self;
    const int64_t *at = (const int64_t *)array + labels->field->entry;
    (void)first;
    for (int64_t i = 0; i < count; i++) {
        int64_t index = at[i * labels->field->stride];
        labels->largest = index > labels->largest ? index : labels->largest;
    }
    return true;
}

/* The first row that has the label. */
static bool find_piece(void *self, void *array, int64_t first, int64_t count) {
    Labels *labels = self;
    const int64_t *at = (const int64_t *)array + labels->field->entry;
    for (int64_t i = 0; labels->row < 0 && i < count; i++) {
        labels->row = at[i * labels->field->stride] == labels->wanted ? first + i : -1;
    }
    return true;
}

/* rank[label] = 0 of the texts that rows still have. */
static bool mark_used(const Cells *cells, const Classes *classes, int64_t *rank) {
    for (size_t k = 0; k < cells->field_count; k++) {
        const Field *field = &cells->fields[k];
        Labels labels = {.field = field, .rank = rank};
        if (field->kind == FIELD_TEXT && field->classes == classes &&
            !data_pieces(cells->data, field->column, false, mark_piece, &labels)) {
            return false;
        }
    }
    return true;
}

/* The classes of a text column are numbered in the order of their bytes, whatever the order of
 * rows. */
static bool number_classes(Cells *cells, const Classes *classes, bool pruned) {
    size_t count = classes->count;
    uint32_t *order = NEW(cells->context, uint32_t, count + 1);
    int64_t *rank = NEW(cells->context, int64_t, count + 1);
    char **texts = NEW(cells->context, char *, count + 1);
    if (!order || !rank || !texts || !classes_sort(cells->context, classes, order)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        rank[i] = pruned ? -1 : 0;
    }
    if (pruned && !mark_used(cells, classes, rank)) {
        return false;
    }
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        if (rank[order[i]] >= 0) {
            texts[used] = classes->texts[order[i]];
            rank[order[i]] = (int64_t)used++;
        }
    }
    count = used;
    for (size_t k = 0; k < cells->field_count; k++) {
        const Field *field = &cells->fields[k];
        if (field->kind != FIELD_TEXT || field->classes != classes) {
            continue;
        }
        Column *column = &cells->model->columns[field->column];
        Labels labels = {.field = field, .rank = rank};
        if (!data_pieces(cells->data, field->column, true, number_piece, &labels)) {
            return false;
        }
        column->classes = texts;
        column->class_count = count;
        if (!data_bind_limit(cells->context, cells->model, column, (int64_t)count, NULL)) {
            return false;
        }
    }
    memory_free(cells->context, order);
    memory_free(cells->context, rank);
    return true;
}

/* Numbers and texts in one dim have nothing to do with each other. */
static bool labels_alike(Cells *cells, const Field *texts) {
    for (size_t i = 0; i < cells->field_count; i++) {
        const Field *field = &cells->fields[i];
        if (field->kind == FIELD_INT && cells_same_labels(cells, field, texts)) {
            const Column *column = &cells->model->columns[texts->column];
            return report_place(
                cells->context, cells->path,
                "`%s` has texts and `%s` whole numbers, but both are in `%s`; write "
                "all of its labels as texts, or all as numbers",
                column->name, cells->model->columns[field->column].name, column->limit);
        }
    }
    return true;
}

/* Of the rows that are left. */
static bool find_largest(Cells *cells) {
    for (size_t k = 0; k < cells->field_count; k++) {
        Field *field = &cells->fields[k];
        Labels labels = {.field = field, .largest = -1};
        if (field->kind == FIELD_INT &&
            !data_pieces(cells->data, field->column, false, largest_piece, &labels)) {
            return false;
        }
        field->largest = labels.largest;
    }
    return true;
}

/* FILE:LINE of the largest index of a field. NULL: reported. */
static char *largest_place(Cells *cells, const Field *field) {
    Labels labels = {.field = field, .wanted = field->largest, .row = -1};
    if (!data_pieces(cells->data, field->column, false, find_piece, &labels)) {
        return NULL;
    }
    int64_t row = labels.row < 0 ? 0 : labels.row;
    return cells->data->jump_count
               ? memory_format(cells->context, "%s:%lld", cells->path,
                               (long long)data_line(cells->data, row))
               : memory_format(cells->context, "%s: row %lld", cells->path, (long long)row + 1);
}

bool labels_finish(Cells *cells, bool pruned) {
    if (pruned && !find_largest(cells)) {
        return false;
    }
    for (size_t i = 0; i < cells->field_count; i++) {
        Field *field = &cells->fields[i];
        bool none = field->kind == FIELD_SKIP || field->kind == FIELD_SAMPLE;
        Column *column = none ? NULL : &cells->model->columns[field->column];
        if (!column || !column->limit) {
            continue;
        }
        if (field->kind == FIELD_TEXT) {
            if (!labels_alike(cells, field) ||
                (!column->classes && !number_classes(cells, field->classes, pruned))) {
                return false;
            }
            continue;
        }
        /* an array of indices has several fields, a dim several columns: the largest of all counts
         */
        const Field *most = field;
        for (size_t k = 0; k < cells->field_count; k++) {
            const Field *other = &cells->fields[k];
            bool same = other->kind == FIELD_INT && cells_same_labels(cells, field, other);
            most = same && other->largest > most->largest ? other : most;
        }
        Column *of = &cells->model->columns[most->column];
        char *place = largest_place(cells, most);
        if (!place ||
            !data_bind_limit(cells->context, cells->model, of, most->largest + 1, place)) {
            return false;
        }
    }
    return true;
}
