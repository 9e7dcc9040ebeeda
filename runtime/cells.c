/* cells.c: one cell of a table: what it means, where it goes, and what is wrong with it. */
#include "runtime/cells.h"

#include <math.h>
#include <string.h>

enum { GUESSES_MAX = 1 << 14, VALUE_MESSAGE = 640 };

void cells_show(char *shown, size_t size, const char *text, size_t length) {
    size_t used = 0;
    size_t i = 0;
    for (; i < length && used + 8 < size; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c < 0x20 || c == 0x7f) {
            used += (size_t)snprintf(shown + used, size - used, "\\x%02x", c);
        } else {
            shown[used++] = (char)c;
        }
    }
    if (i < length) {
        while (used && ((unsigned char)shown[used - 1] & 0xc0) == 0x80) {
            used--; /* no half characters */
        }
        used -= used && (unsigned char)shown[used - 1] >= 0xc0;
        memcpy(shown + used, "\xE2\x80\xA6", 3);
        used += 3;
    }
    shown[used] = 0;
}

static char *bad_message(const Cells *cells, int64_t line, int64_t column, const char *message) {
    if (line > 0) {
        return memory_format(cells->context, "%s:%lld:%lld: error: %s", cells->path,
                             (long long)line, (long long)column, message);
    }
    return memory_format(cells->context, "%s: row %lld: error: %s", cells->path,
                         (long long)cells->data->rows + 1, message);
}

/* The row was not left out. */
static void settle_doubt(Cells *cells) {
    if (cells->doubt) {
        cells->first_bad = cells->bad++ == 0 ? cells->doubt : cells->first_bad;
        cells->doubt = NULL;
    }
}

void cells_bad(Cells *cells, int64_t line, int64_t column, const char *message) {
    settle_doubt(cells);
    if (cells->bad++ == 0) {
        cells->first_bad = bad_message(cells, line, column, message);
        cells->failed |= !cells->first_bad;
    }
}

static void value_message(const Cells *cells, size_t number, const char *text, size_t length,
                          const char *why, char message[VALUE_MESSAGE]) {
    char shown[CELL_SHOWN];
    char where[96];
    const char *argument = cells->fields[number].kind == FIELD_SAMPLE
                               ? "--sample"
                               : cells->model->columns[cells->fields[number].column].name;
    cells_show(shown, sizeof shown, text, length);
    if (cells->names && cells->names[number]) {
        cells_show(where, sizeof where, cells->names[number], strlen(cells->names[number]));
    } else {
        snprintf(where, sizeof where, "%zu", number + 1);
    }
    if (length == 0 && strcmp(why, "is empty") == 0) {
        snprintf(message, VALUE_MESSAGE, "column `%s` (for `%s`): the field is empty", where,
                 argument);
    } else if (length == 0) {
        snprintf(message, VALUE_MESSAGE, "column `%s` (for `%s`): the field %s", where, argument,
                 why);
    } else {
        snprintf(message, VALUE_MESSAGE, "column `%s` (for `%s`): `%s` %s", where, argument, shown,
                 why);
    }
}

void cells_bad_value(Cells *cells, size_t number, const char *text, size_t length,
                     const char *why) {
    char message[VALUE_MESSAGE] = "";
    if (!cells->bad) {
        value_message(cells, number, text, length, why, message);
    }
    cells_bad(cells, cells->line, cells->column, message);
}

/* ---- storing ---- */

static void store_int(Cells *cells, size_t number, const char *text, size_t length, double value) {
    Field *field = &cells->fields[number];
    if (value != (double)(int64_t)value || value > 9007199254740992.0 ||
        value < -9007199254740992.0) {
        cells_bad_value(cells, number, text, length, "is no whole number");
        return;
    }
    int64_t index = (int64_t)value;
    if (cells->model->columns[field->column].limit && (index < 0 || index >= field->limit)) {
        char why[96];
        if (index < 0) {
            snprintf(why, sizeof why, "is negative; indices count from 0");
        } else {
            snprintf(why, sizeof why, "is not below %lld; indices count from 0",
                     (long long)field->limit);
        }
        cells_bad_value(cells, number, text, length, why);
        return;
    }
    field->largest = index > field->largest ? index : field->largest;
    int64_t *array = cells->data->columns[field->column];
    array[cells->data->rows * field->stride + field->entry] = index;
}

/* What was probably meant, or NULL. */
static const char *nearest_class(const Column *column, const char *text, size_t length) {
    char copy[CELL_SHOWN + 1];
    if (length > CELL_SHOWN || column->class_count > GUESSES_MAX) {
        return NULL;
    }
    memcpy(copy, text, length);
    copy[length] = 0;
    return closest_name(copy, (const char *const *)(void *)column->classes, column->class_count);
}

/* A label that is not known matters only if its row is not left out. */
static void bad_class(Cells *cells, size_t number, const char *text, size_t length) {
    const Field *field = &cells->fields[number];
    const Column *column = &cells->model->columns[field->column];
    char why[256];
    if (column->classes) {
        const char *guess = nearest_class(column, text, length);
        snprintf(why, sizeof why, "is none of the classes that the model was trained on%s%.80s%s",
                 guess ? "; did you mean `" : "", guess ? guess : "", guess ? "`?" : "");
    } else {
        snprintf(why, sizeof why, "is one class too many; `%s` has %lld", column->name,
                 (long long)(field->limit < CLASSES_MAX ? field->limit : CLASSES_MAX));
    }
    if (cells->options->na != NA_DROP || cells->bad) {
        cells_bad_value(cells, number, text, length, why);
        return;
    }
    if (cells->row_count && cells->rows[cells->row_count - 1] == cells->data->rows) {
        return;
    }
    char message[VALUE_MESSAGE];
    settle_doubt(cells);
    value_message(cells, number, text, length, why, message);
    cells->doubt = bad_message(cells, cells->line, cells->column, message);
    cells->doubt_row = cells->data->rows;
    cells->failed |= !cells->doubt;
}

static void store_class(Cells *cells, size_t number, const char *text, size_t length) {
    Field *field = &cells->fields[number];
    const Column *column = &cells->model->columns[field->column];
    if (memchr(text, 0, length)) {
        cells_bad_value(cells, number, text, length, "has a zero byte; this is no text file");
        return;
    }
    if (!utf8_valid(text, length)) {
        cells_bad_value(cells, number, text, length, NOT_UTF8);
        return;
    }
    bool add = !column->classes && (int64_t)field->classes->count < field->limit &&
               field->classes->count < CLASSES_MAX;
    int64_t index = classes_find(cells->context, field->classes, text, length, add);
    if (index == -1) {
        cells->failed = true;
        return;
    }
    if (index == -2) {
        bad_class(cells, number, text, length);
        return;
    }
    int64_t *array = cells->data->columns[field->column];
    array[cells->data->rows * field->stride + field->entry] = index;
}

void cells_put_real(const Cells *cells, const Field *field, double value) {
    real_put(cells->model, cells->data->columns[field->column],
             cells->data->rows * field->stride + field->entry, value);
}

static void decide(Cells *cells, Field *field) {
    cells->undecided -= !field->decided;
    field->decided = true;
}

void cells_number_written(Cells *cells, size_t number, double value, const char *text,
                          size_t length) {
    Field *field = &cells->fields[number];
    if (field->kind == FIELD_INT) {
        decide(cells, field);
    }
    if (field->kind == FIELD_INT) {
        store_int(cells, number, text, length, value);
        return;
    }
    if (!real_fits(cells->model->single, value)) {
        cells_bad_value(cells, number, text, length, "is too large for a float");
        return;
    }
    cells_put_real(cells, field, value);
}

/* Labels in one dim are numbered together: the texts of all columns that are in it. A limit that is
 * a number is no dim. */
bool cells_same_labels(const Cells *cells, const Field *a, const Field *b) {
    const char *limit = cells->model->columns[a->column].limit;
    const char *other = cells->model->columns[b->column].limit;
    bool dim = limit && other && (*limit < '0' || *limit > '9');
    return a->column == b->column || (dim && strcmp(limit, other) == 0);
}

static Classes *shared_classes(const Cells *cells, const Field *field) {
    for (size_t i = 0; i < cells->field_count; i++) {
        const Field *other = &cells->fields[i];
        if (other->kind == FIELD_TEXT && other->classes && cells_same_labels(cells, field, other)) {
            return other->classes;
        }
    }
    return NEW(cells->context, Classes, 1);
}

/* A class column is one of texts if its first field is no number. */
static bool choose_kind(Cells *cells, Field *field, const char *text, size_t length) {
    double value;
    if (field->kind != FIELD_INT || field->decided) {
        return true;
    }
    decide(cells, field);
    if (number_read(text, text + length, &value) != NUMBER_BAD) {
        return true;
    }
    field->classes = shared_classes(cells, field);
    field->kind = FIELD_TEXT;
    return field->classes != NULL;
}

/* Another value than in the row before begins another sample. */
static void store_sample(Cells *cells, const char *text, size_t length) {
    const Text *before = &cells->sample;
    if (cells->data->samples > 0 && before->length == length &&
        memcmp(before->data, text, length) == 0) {
        return;
    }
    cells->sample.length = 0;
    text_bytes(&cells->sample, text, length);
    cells->failed = cells->failed || cells->sample.failed ||
                    !data_begin_sample(cells->context, cells->data, cells->data->rows);
}

/* ---- missing values ---- */

/* Texts that stand for no value; in a column of texts fewer, because some may be names. */
static bool is_missing(const Field *field, const char *text, size_t length) {
    static const char *const marks[] = {"NA", "N/A", "NaN", "nan", "null", "NULL"};
    double value;
    while (length && (*text == ' ' || *text == '\t')) {
        text++;
        length--;
    }
    while (length && (text[length - 1] == ' ' || text[length - 1] == '\t')) {
        length--;
    }
    if (length == 0) {
        return true;
    }
    if (field->kind != FIELD_TEXT && field->kind != FIELD_SAMPLE && field->decided) {
        return number_is_missing(text, length) ||
               (number_read_nonfinite(text, length, &value) && isnan(value));
    }
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        if (strlen(marks[i]) == length && memcmp(marks[i], text, length) == 0) {
            return true;
        }
    }
    return false;
}

/* The row of the cell will be left out. */
static void leave_out(Cells *cells) {
    if (cells->row_count && cells->rows[cells->row_count - 1] == cells->data->rows) {
        return;
    }
    if (cells->row_count == cells->row_capacity) {
        size_t capacity = cells->row_capacity ? 2 * cells->row_capacity : 64;
        int64_t *rows = memory_resize(cells->context, cells->rows, capacity * sizeof *rows);
        if (!rows) {
            cells->failed = true;
            return;
        }
        cells->rows = rows;
        cells->row_capacity = capacity;
    }
    cells->rows[cells->row_count++] = cells->data->rows;
    if (cells->doubt && cells->doubt_row == cells->data->rows) {
        cells->doubt = NULL;
    }
}

void cells_missing(Cells *cells, size_t number, const char *why) {
    const Field *field = &cells->fields[number];
    const Column *column = &cells->model->columns[field->column];
    if (cells->options->na == NA_ERROR) {
        cells_bad_value(cells, number, "", 0, why);
        return;
    }
    const bool has_mean = field->kind == FIELD_REAL && !column->target;
    if (cells->options->na == NA_MEAN && !has_mean) {
        cells_bad_value(cells, number, "", 0,
                        field->kind == FIELD_REAL
                            ? "is missing and is not to be guessed; --na=drop leaves such rows out"
                            : "is missing and has no mean; --na=drop leaves such rows out");
        return;
    }
    cells->missing++;
    if (field->kind == FIELD_REAL) {
        cells_put_real(cells, field, NAN);
    } else if (field->kind != FIELD_SAMPLE) {
        int64_t *array = cells->data->columns[field->column];
        array[cells->data->rows * field->stride + field->entry] = 0;
    }
    if (cells->options->na == NA_DROP) {
        leave_out(cells);
    }
}

/* ---- any cell ---- */

/* A text that is to be a number. */
static void store_written(Cells *cells, size_t number, char *text, size_t length) {
    const Field *field = &cells->fields[number];
    double value;
    char after = text[length];
    text[length] = 0;
    NumberStatus status = number_read(text, text + length, &value);
    if (status == NUMBER_BAD && cells->options->nonfinite && field->kind == FIELD_REAL &&
        number_read_nonfinite(text, length, &value)) {
        status = NUMBER_OK;
    }
    text[length] = after;
    if (status == NUMBER_OVERFLOW) {
        cells_bad_value(cells, number, text, length, "is too large for a double");
    } else if (status == NUMBER_BAD) {
        cells_bad_value(cells, number, text, length, number_complaint(text, length));
    } else {
        cells_number_written(cells, number, value, text, length);
    }
}

void cells_text(Cells *cells, size_t number, char *text, size_t length) {
    Field *field = &cells->fields[number];
    if (field->kind == FIELD_SKIP) {
        return;
    }
    if (cells->options->na != NA_ERROR && is_missing(field, text, length)) {
        cells_missing(cells, number, "");
        return;
    }
    if (length == 0) {
        cells_bad_value(cells, number, text, length, "is empty");
        return;
    }
    if (field->kind == FIELD_SAMPLE) {
        store_sample(cells, text, length);
    } else if (!choose_kind(cells, field, text, length)) {
        cells->failed = true;
    } else if (field->kind == FIELD_TEXT) {
        store_class(cells, number, text, length);
    } else {
        store_written(cells, number, text, length);
    }
}

/* An index that is as it should be; false: nothing is stored. */
static bool store_whole(Cells *cells, size_t number, double value) {
    Field *field = &cells->fields[number];
    if (field->kind != FIELD_INT || !(fabs(value) <= 9007199254740992.0) || value != floor(value)) {
        return false;
    }
    int64_t index = (int64_t)value;
    if (cells->model->columns[field->column].limit && (index < 0 || index >= field->limit)) {
        return false;
    }
    decide(cells, field);
    field->largest = index > field->largest ? index : field->largest;
    int64_t *array = cells->data->columns[field->column];
    array[cells->data->rows * field->stride + field->entry] = index;
    return true;
}

void cells_number(Cells *cells, size_t number, double value) {
    char text[NUMBER_SIZE];
    const Field *field = &cells->fields[number];
    if (field->kind == FIELD_SKIP) {
        return;
    }
    if (isnan(value) && cells->options->na != NA_ERROR) {
        cells_missing(cells, number, "");
        return;
    }
    if (store_whole(cells, number, value)) {
        return;
    }
    const bool plain = field->kind == FIELD_REAL && real_fits(cells->model->single, value);
    if (plain && (isfinite(value) || cells->options->nonfinite)) {
        cells_put_real(cells, field, value);
        return;
    }
    size_t length = number_write(text, value, false);
    if (!isfinite(value)) {
        cells_bad_value(cells, number, text, length, number_complaint(text, length));
    } else if (field->kind == FIELD_TEXT || field->kind == FIELD_SAMPLE) {
        cells_text(cells, number, text, length);
    } else {
        cells_number_written(cells, number, value, text, length);
    }
}

/* ---- fields ---- */

void cells_start(Cells *cells, Context *context, Model *model, const LoadOptions *options,
                 const char *path, Data *data) {
    *cells =
        (Cells){.context = context, .model = model, .options = options, .path = path, .data = data};
    text_start(&cells->sample, context);
}

bool cells_report(Cells *cells) {
    settle_doubt(cells);
    if (!cells->bad || !cells->first_bad) {
        return true;
    }
    if (report_muted(cells->context)) {
        return false;
    }
    fflush(stdout);
    fprintf(stderr, "%s\n", cells->first_bad);
    if (cells->bad > 1) {
        fprintf(stderr, "%s: %lld more bad field%s or row%s\n", cells->path,
                (long long)cells->bad - 1, cells->bad == 2 ? "" : "s", cells->bad == 2 ? "" : "s");
    }
    return false;
}

bool cells_make_fields(Cells *cells, size_t count, const char *where) {
    Target *targets = NEW(cells->context, Target, count);
    cells->fields = NEW(cells->context, Field, count);
    cells->field_count = count;
    if (!targets || !cells->fields ||
        !columns_match(cells->context, cells->model, cells->options, where, cells->names, count,
                       targets)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        Field *field = &cells->fields[i];
        if (targets[i].separates && targets[i].used) {
            cells->data->separator = targets[i];
        }
        if (!targets[i].used) {
            field->kind = targets[i].separates ? FIELD_SAMPLE : FIELD_SKIP;
            continue;
        }
        Column *column = &cells->model->columns[targets[i].column];
        *field = (Field){.kind = column->is_int ? FIELD_INT : FIELD_REAL,
                         .decided = !column->is_int || !column->limit || column->classes,
                         .column = targets[i].column,
                         .entry = targets[i].entry,
                         .stride = column->shape.count,
                         .limit = INT64_MAX,
                         .largest = -1};
        cells->undecided += !field->decided;
        if (column->limit && !model_size(cells->model, column->limit, 0, &field->limit)) {
            field->limit = INT64_MAX;
        }
        if (column->classes) {
            field->kind = FIELD_TEXT;
            for (size_t k = 0; k < i && !field->classes; k++) {
                const Field *other = &cells->fields[k];
                bool same = other->kind == FIELD_TEXT && other->column == field->column;
                field->classes = same ? other->classes : NULL;
            }
            if (field->classes) {
                continue;
            }
            field->classes = NEW(cells->context, Classes, 1);
            for (size_t k = 0; k < column->class_count; k++) {
                if (!field->classes ||
                    classes_find(cells->context, field->classes, column->classes[k],
                                 strlen(column->classes[k]), true) < 0) {
                    return false;
                }
            }
        }
    }
    memory_free(cells->context, targets);
    return true;
}
