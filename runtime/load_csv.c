/* load_csv.c: CSV and TSV into the columns of the model.
 *
 * The file is read in blocks; a field is looked at where it lies in the block. The common field, a
 * plain number that ends within the block, is parsed in place (fast_field); every other one is
 * first cut out (scan_field), which knows quotes, block ends, and fields of any length. Memory is
 * the block, the names of the columns and the arrays. After the first bad field the rest is read
 * only to be counted. */
#include "runtime/csv.h"

#include <string.h>

enum { SHOWN = 40, ESTIMATE_AFTER = 1 << 19, FIELD_LONGEST = 1 << 20 };

/* ---- places and complaints ---- */

static int64_t characters(const char *from, const char *to) {
    int64_t count = 0;
    for (; from < to; from++) {
        count += ((unsigned char)*from & 0xc0) != 0x80;
    }
    return count;
}

/* From 1. Counts on from where it last was, so that a row of many fields is counted once. */
int64_t csv_column(Csv *csv, char *at) {
    if (at < csv->line_start) {
        return csv->columns_before - characters(at, csv->line_start) + 1;
    }
    csv->columns_before += characters(csv->line_start, at);
    csv->line_start = at;
    return csv->columns_before + 1;
}

void csv_new_line(Csv *csv, char *start) {
    csv->line++;
    csv->line_start = start;
    csv->columns_before = 0;
}

/* More bytes; keeps those from `keep` on. */
bool csv_refill(Csv *csv, char *keep) {
    if (csv->line_start <= keep) {
        csv->columns_before += characters(csv->line_start, keep);
        csv->line_start = csv->input->buffer;
    } else {
        csv->line_start -= keep - csv->input->buffer;
    }
    if (!input_fill(csv->input, keep)) {
        csv->failed = true;
        return false;
    }
    return true;
}

/* Text for a message: control characters and what is too long are replaced. */
static void show(char *shown, size_t size, const char *text, size_t length) {
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

static void bad(Csv *csv, int64_t line, int64_t column, const char *message) {
    if (csv->bad++ == 0) {
        csv->first_bad = memory_format(csv->context, "%s:%lld:%lld: error: %s", csv->input->path,
                                       (long long)line, (long long)column, message);
        csv->failed |= !csv->first_bad;
    }
}

static void bad_value(Csv *csv, size_t field, const char *text, size_t length, const char *why) {
    char shown[SHOWN + 16];
    char where[96];
    char message[512];
    if (csv->bad) {
        csv->bad++;
        return;
    }
    const char *argument = csv->fields[field].kind == FIELD_SAMPLE
                               ? "--sample"
                               : csv->model->columns[csv->fields[field].column].name;
    show(shown, sizeof shown, text, length);
    if (csv->names) {
        show(where, sizeof where, csv->names[field], strlen(csv->names[field]));
    } else {
        snprintf(where, sizeof where, "%zu", field + 1);
    }
    if (length == 0 && strcmp(why, "is empty") == 0) {
        snprintf(message, sizeof message, "column `%s` (for `%s`): the field is empty", where,
                 argument);
    } else {
        snprintf(message, sizeof message, "column `%s` (for `%s`): `%s` %s", where, argument, shown,
                 why);
    }
    bad(csv, csv->field_line, csv->field_column, message);
}

/* ---- cutting out a field ---- */

/* At the end of the block. Keeps the field from its start, or, when it fills the block, drops it.
 */
static bool more(Csv *csv, char **p) {
    Input *input = csv->input;
    if (input->finished || csv->failed) {
        return false;
    }
    char *keep = csv->overlong ? *p : csv->start;
    if (keep == input->buffer && *p == input->buffer + input->size) {
        csv->overlong = true;
        keep = *p;
    }
    size_t offset = (size_t)(*p - keep);
    if (!csv_refill(csv, keep)) {
        return false;
    }
    csv->start = input->buffer;
    *p = input->buffer + offset;
    return *p < input->end;
}

static bool at_end(Csv *csv, char **p) {
    return *p == csv->input->end && !more(csv, p);
}

static FieldEnd end_field(Csv *csv, char *p) {
    csv->stop = p;
    if (at_end(csv, &p)) {
        csv->stop = p;
        csv->input->position = p;
        return END_FILE;
    }
    csv->stop = p;
    if (*p == '\n') {
        csv->stop -= p > csv->start && p[-1] == '\r';
        csv->input->position = p + 1;
        return END_LINE;
    }
    csv->input->position = p + 1;
    return END_DELIMITER;
}

/* p is after the opening quote. Leaves p after the closing one. False: there is none. */
static bool scan_quoted(Csv *csv, char **p) {
    for (;;) {
        if (at_end(csv, p)) {
            return false;
        }
        char c = *(*p)++;
        if (c == '"') {
            if (at_end(csv, p) || **p != '"') {
                return true;
            }
            csv->doubled = true;
            ++*p;
        } else if (c == '\n') {
            csv_new_line(csv, *p);
        }
    }
}

static bool ends_field(const Csv *csv, char c) {
    return c == csv->delimiter || c == '\n';
}

/* Cuts out the field at position: start … stop, without quotes. Fields longer than the block are
 * `overlong`: their text is lost. */
FieldEnd csv_scan_field(Csv *csv) {
    char *p = csv->input->position;
    csv->start = p;
    csv->overlong = csv->quoted = csv->doubled = false;
    csv->field_line = csv->line;
    csv->field_column = csv_column(csv, p);
    while (!at_end(csv, &p) && *p == ' ') {
        p++;
    }
    if (at_end(csv, &p) || *p != '"') {
        while (!at_end(csv, &p) && !ends_field(csv, *p)) {
            p++;
        }
        return end_field(csv, p);
    }
    int64_t line = csv->line;
    int64_t column = csv_column(csv, p);
    csv->quoted = true;
    p++;
    csv->start = p;
    if (!scan_quoted(csv, &p)) {
        if (!csv->failed) {
            bad(csv, line, column, "the quote `\"` is never closed");
        }
        return end_field(csv, p);
    }
    size_t length = (size_t)(p - 1 - csv->start);
    while (!at_end(csv, &p) && (*p == ' ' || *p == '\r')) {
        p++;
    }
    bool clean = at_end(csv, &p) || ends_field(csv, *p);
    if (!clean && !csv->failed) {
        bad(csv, csv->line, csv_column(csv, p), "text stands after the closing quote of a field");
    }
    while (!at_end(csv, &p) && !ends_field(csv, *p)) {
        p++;
    }
    FieldEnd end = end_field(csv, p);
    csv->stop = csv->overlong ? csv->start : csv->start + length;
    return end;
}

/* "" to " within the field last cut out. */
void csv_unquote(Csv *csv) {
    if (!csv->doubled || csv->overlong) {
        return;
    }
    char *to = csv->start;
    for (char *from = csv->start; from < csv->stop; from++) {
        *to++ = *from;
        from += *from == '"' && from + 1 < csv->stop && from[1] == '"';
    }
    csv->stop = to;
    csv->doubled = false;
}

/* ---- storing ---- */

static void store_int(Csv *csv, size_t number, const char *text, size_t length, double value) {
    Field *field = &csv->fields[number];
    if (value != (double)(int64_t)value || value > 9007199254740992.0 ||
        value < -9007199254740992.0) {
        bad_value(csv, number, text, length, "is no whole number");
        return;
    }
    int64_t index = (int64_t)value;
    if (csv->model->columns[field->column].limit && (index < 0 || index >= field->limit)) {
        char why[96];
        if (index < 0) {
            snprintf(why, sizeof why, "is negative; indices count from 0");
        } else {
            snprintf(why, sizeof why, "is not below %lld; indices count from 0",
                     (long long)field->limit);
        }
        bad_value(csv, number, text, length, why);
        return;
    }
    field->largest = index > field->largest ? index : field->largest;
    int64_t *array = csv->data->columns[field->column];
    array[csv->data->rows * field->stride + field->entry] = index;
}

static void store_class(Csv *csv, size_t number, const char *text, size_t length) {
    Field *field = &csv->fields[number];
    const Column *column = &csv->model->columns[field->column];
    if (length == 0) {
        bad_value(csv, number, text, length, "is empty");
        return;
    }
    if (memchr(text, 0, length)) {
        bad_value(csv, number, text, length, "has a zero byte; this is no text file");
        return;
    }
    if (!utf8_valid(text, length)) {
        bad_value(csv, number, text, length, NOT_UTF8);
        return;
    }
    bool add = !column->classes && (int64_t)field->classes->count < field->limit &&
               field->classes->count < CLASSES_MAX;
    int64_t index = classes_find(csv->context, field->classes, text, length, add);
    if (index == -1) {
        csv->failed = true;
        return;
    }
    if (index == -2) {
        char why[96];
        if (column->classes) {
            snprintf(why, sizeof why, "is none of the classes that the model was trained on");
        } else {
            snprintf(why, sizeof why, "is one class too many; `%s` has %lld", column->name,
                     (long long)(field->limit < CLASSES_MAX ? field->limit : CLASSES_MAX));
        }
        bad_value(csv, number, text, length, why);
        return;
    }
    int64_t *array = csv->data->columns[field->column];
    array[csv->data->rows * field->stride + field->entry] = index;
}

static void put_real(const Csv *csv, const Field *field, double value) {
    void *array = csv->data->columns[field->column];
    const int64_t at = csv->data->rows * field->stride + field->entry;
    if (csv->model->single) {
        ((float *)array)[at] = (float)value;
    } else {
        ((double *)array)[at] = value;
    }
}

static void store_number(Csv *csv, size_t number, const char *text, size_t length, double value) {
    Field *field = &csv->fields[number];
    if (field->kind == FIELD_INT) {
        store_int(csv, number, text, length, value);
        return;
    }
    if (!real_fits(csv->model->single, value)) {
        bad_value(csv, number, text, length, "is too large for a float");
        return;
    }
    put_real(csv, field, value);
}

/* Labels in one dim are numbered together: the texts of all columns that are in it. A limit that is
 * a number is no dim. */
static bool same_labels(const Csv *csv, const Field *a, const Field *b) {
    const char *limit = csv->model->columns[a->column].limit;
    const char *other = csv->model->columns[b->column].limit;
    bool dim = limit && other && (*limit < '0' || *limit > '9');
    return a->column == b->column || (dim && strcmp(limit, other) == 0);
}

static Classes *shared_classes(const Csv *csv, const Field *field) {
    for (size_t i = 0; i < csv->field_count; i++) {
        const Field *other = &csv->fields[i];
        if (other->kind == FIELD_TEXT && other->classes && same_labels(csv, field, other)) {
            return other->classes;
        }
    }
    return NEW(csv->context, Classes, 1);
}

/* A class column is one of texts if its first field is no number. */
static bool choose_kind(Csv *csv, Field *field, const char *text, size_t length) {
    double value;
    if (field->kind != FIELD_INT || csv->data->rows > 0 || field->classes) {
        return true;
    }
    const Column *column = &csv->model->columns[field->column];
    if (!column->limit || length == 0 || number_read(text, text + length, &value) != NUMBER_BAD) {
        return true;
    }
    field->classes = shared_classes(csv, field);
    field->kind = FIELD_TEXT;
    return field->classes != NULL;
}

/* Another value than in the row before begins another sample. */
static void store_sample(Csv *csv, size_t number, const char *text, size_t length) {
    const Text *before = &csv->sample;
    if (length == 0) {
        bad_value(csv, number, text, length, "is empty");
        return;
    }
    if (csv->data->samples > 0 && before->length == length &&
        memcmp(before->data, text, length) == 0) {
        return;
    }
    csv->sample.length = 0;
    text_bytes(&csv->sample, text, length);
    csv->failed = csv->failed || csv->sample.failed ||
                  !data_begin_sample(csv->context, csv->data, csv->data->rows);
}

/* Any field, cut out. The byte after the text may be changed and is put back. */
static void store(Csv *csv, size_t number, char *text, size_t length) {
    Field *field = &csv->fields[number];
    double value;
    if (field->kind == FIELD_SKIP) {
        return;
    }
    if (field->kind == FIELD_SAMPLE) {
        store_sample(csv, number, text, length);
        return;
    }
    if (!choose_kind(csv, field, text, length)) {
        csv->failed = true;
        return;
    }
    if (field->kind == FIELD_TEXT) {
        store_class(csv, number, text, length);
        return;
    }
    char after = text[length];
    text[length] = 0;
    NumberStatus status = number_read(text, text + length, &value);
    if (status == NUMBER_BAD && csv->options->nonfinite && field->kind == FIELD_REAL &&
        number_read_nonfinite(text, length, &value)) {
        status = NUMBER_OK;
    }
    text[length] = after;
    if (status == NUMBER_OVERFLOW) {
        bad_value(csv, number, text, length, "is too large for a double");
    } else if (status == NUMBER_BAD) {
        bad_value(csv, number, text, length, number_complaint(text, length));
    } else {
        store_number(csv, number, text, length, value);
    }
}

static FieldEnd slow_field(Csv *csv, size_t number) {
    int64_t bad_before = csv->bad;
    FieldEnd end = csv_scan_field(csv);
    csv->overlong |= csv->stop - csv->start >= FIELD_LONGEST; /* whatever the size of the block */
    if (csv->failed || number >= csv->field_count || csv->bad != bad_before) {
        return end;
    }
    if (csv->fields[number].kind == FIELD_SKIP) {
        if (!csv->overlong && memchr(csv->start, 0, (size_t)(csv->stop - csv->start))) {
            bad(csv, csv->field_line, csv->field_column, "a zero byte; this is no text file");
        }
        return end;
    }
    if (csv->overlong) {
        bad_value(csv, number, "", 0, "is longer than a million characters");
        return end;
    }
    csv_unquote(csv);
    store(csv, number, csv->start, (size_t)(csv->stop - csv->start));
    return end;
}

/* A plain number that ends within the block; false: nothing is read. */
static bool fast_field(Csv *csv, size_t number, FieldEnd *end) {
    Input *input = csv->input;
    char *p = input->position;
    const char *stop;
    double value;
    if (number_scan(p, input->end, &value, &stop) != NUMBER_OK) {
        return false;
    }
    size_t length = (size_t)(stop - p);
    char c = *stop;
    if (c == csv->delimiter) {
        *end = END_DELIMITER;
    } else if (c == '\n' || (c == '\r' && stop[1] == '\n')) {
        *end = END_LINE;
    } else {
        return false;
    }
    Field *field = &csv->fields[number];
    if (field->kind == FIELD_REAL) {
        if (!real_fits(csv->model->single, value)) {
            return false;
        }
        put_real(csv, field, value);
    } else {
        csv->field_line = csv->line;
        csv->field_column = csv_column(csv, p);
        store_int(csv, number, p, length, value);
    }
    input->position = p + length + 1 + (c == '\r');
    return true;
}

static bool skip_field(Csv *csv, FieldEnd *end) {
    Input *input = csv->input;
    char *p = input->position;
    if (*p == '"' || *p == ' ') {
        return false;
    }
    while (*p != csv->delimiter && *p != '\n' && *p != 0) {
        p++;
    }
    if (*p == 0) {
        return false;
    }
    *end = *p == '\n' ? END_LINE : END_DELIMITER;
    input->position = p + 1;
    return true;
}

static FieldEnd read_field(Csv *csv, size_t number) {
    FieldEnd end;
    if (number < csv->field_count) {
        FieldKind kind = csv->fields[number].kind;
        if ((kind == FIELD_REAL || (kind == FIELD_INT && csv->data->rows > 0)) &&
            fast_field(csv, number, &end)) {
            return end;
        }
        if (kind == FIELD_SKIP && skip_field(csv, &end)) {
            return end;
        }
    }
    return slow_field(csv, number);
}

/* ---- rows ---- */

static bool note_line(Csv *csv, int64_t line) {
    Data *data = csv->data;
    if (data->jump_count) {
        LineJump last = data->jumps[data->jump_count - 1];
        if (last.line + (data->rows - last.row) == line) {
            return true;
        }
    }
    if (data->jump_count == data->jump_capacity) {
        size_t capacity = data->jump_capacity ? 2 * data->jump_capacity : 16;
        LineJump *jumps = memory_resize(csv->context, data->jumps, capacity * sizeof *jumps);
        if (!jumps) {
            csv->failed = true;
            return false;
        }
        data->jumps = jumps;
        data->jump_capacity = capacity;
    }
    data->jumps[data->jump_count++] = (LineJump){data->rows, line};
    return true;
}

/* How many rows to make room for: by the size of the file, once a part of it is read. */
static int64_t rows_expected(const Csv *csv) {
    const Data *data = csv->data;
    const Input *input = csv->input;
    int64_t read = input->consumed + (input->position - input->buffer);
    if (read < ESTIMATE_AFTER || input->total < read) {
        return data->capacity < 64 ? 64 : data->capacity + data->capacity / 2;
    }
    double expected = (double)data->rows / (double)read * (double)input->total * 1.02 + 16;
    int64_t least = data->capacity + data->capacity / 8;
    return expected > (double)least ? (int64_t)expected : least;
}

bool csv_more_room(Csv *csv, int64_t rows) {
    int64_t expected = rows_expected(csv);
    return data_reserve(csv->context, csv->model, csv->options, csv->data,
                        rows > expected ? rows : expected);
}

/* Before a row. False: no memory. */
static bool row_fits(Csv *csv) {
    const Data *data = csv->data;
    if (data->rows == data->capacity && !csv_more_room(csv, data->rows + 1)) {
        csv->failed = true;
    }
    return !csv->failed && note_line(csv, csv->line);
}

static void bad_length(Csv *csv, int64_t line, int64_t column, size_t found) {
    char message[200];
    snprintf(message, sizeof message, "the row has %zu field%s, %s %zu%s", found,
             found == 1 ? "" : "s", csv->names ? "the header" : "the first row", csv->field_count,
             found == csv->field_count + 1 ? " (a delimiter at the end of the row?)" : "");
    bad(csv, line, column, message);
}

/* At the start of a line: are there only blanks until its end? Leaves position as it is. */
static bool blank_line(const Csv *csv) {
    const char *p = csv->input->position;
    while (*p == ' ' || *p == '\r') {
        p++;
    }
    return *p == '\n' || (*p == 0 && p == csv->input->end);
}

static bool more_rows(Csv *csv) {
    Input *input = csv->input;
    if (input->end - input->position < 256 && !input->finished) {
        csv_refill(csv, input->position);
    }
    return !csv->failed && input->position < input->end;
}

/* Blank lines may stand at the end only. */
static bool skip_blank(Csv *csv) {
    int64_t first = 0;
    while (more_rows(csv) && blank_line(csv)) {
        char *newline =
            memchr(csv->input->position, '\n', (size_t)(csv->input->end - csv->input->position));
        first = first ? first : csv->line;
        csv->input->position = newline ? newline + 1 : csv->input->end;
        if (newline) {
            csv_new_line(csv, csv->input->position);
        }
    }
    if (first && more_rows(csv)) {
        bad(csv, first, 1, "the line is empty");
    }
    return more_rows(csv);
}

void csv_warn_end(const Csv *csv) {
    if (!csv->failed && csv->bad == 0) {
        csv->data->warned = true;
        report_warning(csv->context, "%s: the last line has no end; the file may have been cut",
                       csv->input->path);
    }
}

static void read_row(Csv *csv) {
    int64_t line = csv->line;
    int64_t bad_before = csv->bad;
    FieldEnd end;
    size_t number = 0;
    int64_t column = 0; /* of the first field too many */
    do {
        end = read_field(csv, number++);
        column = number == csv->field_count + 1 ? csv->field_column : column;
    } while (end == END_DELIMITER && !csv->failed);
    if (number != csv->field_count && csv->bad == bad_before && !csv->failed) {
        if (column == 0) {
            column = csv_column(csv, csv->input->position) - (end == END_LINE);
        }
        bad_length(csv, line, column, number);
    }
    if (end == END_LINE) {
        csv_new_line(csv, csv->input->position);
    } else {
        csv_warn_end(csv);
    }
    csv->data->rows += csv->bad == 0;
}

/* ---- the table ---- */

static bool store_first(Csv *csv, FirstRow *row) {
    int64_t line = csv->line;
    csv->line = row->line;
    bool fits = row_fits(csv);
    csv->line = line;
    for (size_t i = 0; fits && i < row->count; i++) {
        size_t length;
        char *text = csv_first_text(row, i, &length);
        csv->field_line = row->line;
        csv->field_column = row->columns[i];
        store(csv, i, text, length);
    }
    csv->data->rows += csv->bad == 0;
    return fits && !csv->failed;
}

static bool read_table(Csv *csv, FirstRow *row) {
    if (!csv_read_first(csv, row) || !csv_check_first(csv, row)) {
        return false;
    }
    bool header = csv_is_header(csv, row);
    if (header && !csv_take_names(csv, row)) {
        return false;
    }
    if (!csv_make_fields(csv, row->count, row->line) || (!header && !store_first(csv, row))) {
        return false;
    }
    while (skip_blank(csv) && row_fits(csv)) {
        if (!csv_read_plain(csv) && !csv->failed) {
            read_row(csv);
        }
    }
    return !csv->failed;
}

/* ---- classes in order ---- */

/* The classes of a text column are numbered in the order of their bytes, whatever the order of
 * rows. */
static bool number_classes(Csv *csv, const Classes *classes) {
    size_t count = classes->count;
    uint32_t *order = NEW(csv->context, uint32_t, count + 1);
    int64_t *rank = NEW(csv->context, int64_t, count + 1);
    char **texts = NEW(csv->context, char *, count + 1);
    if (!order || !rank || !texts || !classes_sort(csv->context, classes, order)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        texts[i] = classes->texts[order[i]];
        rank[order[i]] = (int64_t)i;
    }
    for (size_t k = 0; k < csv->field_count; k++) {
        const Field *field = &csv->fields[k];
        if (field->kind != FIELD_TEXT || field->classes != classes) {
            continue;
        }
        Column *column = &csv->model->columns[field->column];
        int64_t *array = csv->data->columns[field->column];
        for (int64_t i = 0; i < csv->data->rows; i++) {
            int64_t *label = &array[i * field->stride + field->entry];
            *label = rank[*label];
        }
        column->classes = texts;
        column->class_count = count;
        if (!data_bind_limit(csv->context, csv->model, column, (int64_t)count, NULL)) {
            return false;
        }
    }
    memory_free(csv->context, order);
    memory_free(csv->context, rank);
    return true;
}

/* Numbers and texts in one dim have nothing to do with each other. */
static bool labels_alike(Csv *csv, const Field *texts) {
    for (size_t i = 0; i < csv->field_count; i++) {
        const Field *field = &csv->fields[i];
        if (field->kind == FIELD_INT && same_labels(csv, field, texts)) {
            const Column *column = &csv->model->columns[texts->column];
            return report_place(
                csv->context, csv->input->path,
                "`%s` has texts and `%s` whole numbers, but both are in `%s`; write "
                "all of its labels as texts, or all as numbers",
                column->name, csv->model->columns[field->column].name, column->limit);
        }
    }
    return true;
}

/* FILE:LINE of the largest index. */
static char *largest_place(Csv *csv, uint32_t column, int64_t largest) {
    const int64_t *array = csv->data->columns[column];
    int64_t width = csv->model->columns[column].shape.count;
    int64_t at = 0;
    while (at < csv->data->rows * width && array[at] != largest) {
        at++;
    }
    int64_t row = width > 0 ? at / width : 0;
    return memory_format(csv->context, "%s:%lld", csv->input->path,
                         (long long)data_line(csv->data, row));
}

static bool finish_classes(Csv *csv) {
    for (size_t i = 0; i < csv->field_count; i++) {
        Field *field = &csv->fields[i];
        bool none = field->kind == FIELD_SKIP || field->kind == FIELD_SAMPLE;
        Column *column = none ? NULL : &csv->model->columns[field->column];
        if (!column || !column->limit) {
            continue;
        }
        if (field->kind == FIELD_TEXT) {
            if (!labels_alike(csv, field) ||
                (!column->classes && !number_classes(csv, field->classes))) {
                return false;
            }
            continue;
        }
        /* an array of indices has several fields, a dim several columns: the largest of all counts
         */
        const Field *most = field;
        for (size_t k = 0; k < csv->field_count; k++) {
            const Field *other = &csv->fields[k];
            bool same = other->kind == FIELD_INT && same_labels(csv, field, other);
            most = same && other->largest > most->largest ? other : most;
        }
        Column *of = &csv->model->columns[most->column];
        char *place = largest_place(csv, most->column, most->largest);
        if (!place || !data_bind_limit(csv->context, csv->model, of, most->largest + 1, place)) {
            return false;
        }
    }
    return true;
}

bool load_csv(Context *context, Model *model, const LoadOptions *options, Input *input,
              Data *data) {
    Csv csv = {
        .context = context, .model = model, .options = options, .input = input, .data = data};
    FirstRow row = {0};
    text_start(&csv.sample, context);
    if (input->end - input->position >= 3 && memcmp(input->position, "\xEF\xBB\xBF", 3) == 0) {
        input->position += 3;
    }
    csv.line = 1;
    if (input->position == input->end) {
        return report_place(context, input->path, "the file is empty");
    }
    if (strspn(input->position, " \r\n") == (size_t)(input->end - input->position) &&
        (!input_fill(input, input->position) || input->finished)) {
        return report_place(context, input->path, "the file has only blank lines");
    }
    csv.line_start = input->position;
    if (!csv_read_delimiter(&csv)) {
        return false;
    }
    bool done = read_table(&csv, &row);
    csv_end_plain(&csv);
    if (input->failed) {
        return false; /* what its bytes seemed to mean does not matter */
    }
    if (csv.bad && csv.first_bad) {
        fflush(stdout);
        fprintf(stderr, "%s\n", csv.first_bad);
        if (csv.bad > 1) {
            fprintf(stderr, "%s: %lld more bad field%s or row%s\n", input->path,
                    (long long)csv.bad - 1, csv.bad == 2 ? "" : "s", csv.bad == 2 ? "" : "s");
        }
        return false;
    }
    if (done && data->rows == 0) {
        return report_place(context, input->path, "there is a header, but no row");
    }
    return done && finish_classes(&csv);
}
