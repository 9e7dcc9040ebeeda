/* load_csv.c: CSV and TSV into the columns of the model.
 *
 * The file is read in blocks; a field is looked at where it lies in the block. The common field, a
 * plain number that ends within the block, is parsed in place (fast_field); every other one is
 * first cut out (scan_field), which knows quotes, block ends, and fields of any length. Memory is
 * the block, the names of the columns and the arrays. After the first bad field the rest is read
 * only to be counted. */
#include "runtime/csv.h"
#include "runtime/load.h"

#include <string.h>

enum { ESTIMATE_AFTER = 1 << 19, FIELD_LONGEST = 1 << 20 };

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
        csv->cells.failed = true;
        return false;
    }
    return true;
}

/* ---- cutting out a field ---- */

/* At the end of the block. Keeps the field from its start, or, when it fills the block, drops it.
 */
static bool more(Csv *csv, char **p) {
    Input *input = csv->input;
    if (input->finished || csv->cells.failed) {
        return false;
    }
    char *keep = csv->overlong ? *p : csv->start;
    if (keep == input->buffer && *p == input->buffer + input->size) {
        csv->overlong = true;
        keep = *p;
    }
    size_t offset = (size_t)(*p - keep);
    if (!csv_refill(csv, keep)) {
        csv->start = *p = input->end; /* what was kept has moved */
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
    csv->cells.line = csv->line;
    csv->cells.column = csv_column(csv, p);
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
        if (!csv->cells.failed) {
            cells_bad(&csv->cells, line, column, "the quote `\"` is never closed");
        }
        return end_field(csv, p);
    }
    size_t length = (size_t)(p - 1 - csv->start);
    while (!at_end(csv, &p) && (*p == ' ' || *p == '\r')) {
        p++;
    }
    bool clean = at_end(csv, &p) || ends_field(csv, *p);
    if (!clean && !csv->cells.failed) {
        cells_bad(&csv->cells, csv->line, csv_column(csv, p),
                  "text stands after the closing quote of a field");
    }
    while (!at_end(csv, &p) && !ends_field(csv, *p)) {
        p++;
    }
    FieldEnd end = end_field(csv, p);
    csv->stop = csv->overlong || csv->cells.failed ? csv->start : csv->start + length;
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

static FieldEnd slow_field(Csv *csv, size_t number) {
    int64_t bad_before = csv->cells.bad;
    FieldEnd end = csv_scan_field(csv);
    csv->overlong |= csv->stop - csv->start >= FIELD_LONGEST; /* whatever the size of the block */
    if (csv->cells.failed || number >= csv->cells.field_count || csv->cells.bad != bad_before) {
        return end;
    }
    if (csv->cells.fields[number].kind == FIELD_SKIP) {
        if (!csv->overlong && memchr(csv->start, 0, (size_t)(csv->stop - csv->start))) {
            cells_bad(&csv->cells, csv->cells.line, csv->cells.column,
                      "a zero byte; this is no text file");
        }
        return end;
    }
    if (csv->overlong) {
        cells_bad_value(&csv->cells, number, "", 0, "is longer than a million characters");
        return end;
    }
    csv_unquote(csv);
    cells_text(&csv->cells, number, csv->start, (size_t)(csv->stop - csv->start));
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
    Field *field = &csv->cells.fields[number];
    if (field->kind == FIELD_REAL) {
        if (!real_fits(csv->cells.model->single, value)) {
            return false;
        }
        cells_put_real(&csv->cells, field, value);
    } else {
        csv->cells.line = csv->line;
        csv->cells.column = csv_column(csv, p);
        cells_number_written(&csv->cells, number, value, p, length);
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
    if (number < csv->cells.field_count) {
        FieldKind kind = csv->cells.fields[number].kind;
        if ((kind == FIELD_REAL || (kind == FIELD_INT && csv->cells.fields[number].decided)) &&
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
    Data *data = csv->cells.data;
    if (data->jump_count) {
        LineJump last = data->jumps[data->jump_count - 1];
        if (last.line + (data->rows - last.row) == line) {
            return true;
        }
    }
    if (data->jump_count == data->jump_capacity) {
        size_t capacity = data->jump_capacity ? 2 * data->jump_capacity : 16;
        LineJump *jumps = memory_resize(csv->cells.context, data->jumps, capacity * sizeof *jumps);
        if (!jumps) {
            csv->cells.failed = true;
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
    const Data *data = csv->cells.data;
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
    expected = csv->cells.data->store ? rows : expected;
    return data_reserve(csv->cells.context, csv->cells.model, csv->cells.options, csv->cells.data,
                        rows > expected ? rows : expected);
}

/* Before a row. False: no memory. */
static bool row_fits(Csv *csv) {
    const Data *data = csv->cells.data;
    if (data->rows == data->capacity && !csv_more_room(csv, data->rows + 1)) {
        csv->cells.failed = true;
    }
    return !csv->cells.failed && note_line(csv, csv->line);
}

static void bad_length(Csv *csv, int64_t line, int64_t column, size_t found) {
    char message[200];
    snprintf(message, sizeof message, "the row has %zu field%s, %s %zu%s", found,
             found == 1 ? "" : "s", csv->cells.names ? "the header" : "the first row",
             csv->cells.field_count,
             found == csv->cells.field_count + 1 ? " (a delimiter at the end of the row?)" : "");
    cells_bad(&csv->cells, line, column, message);
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
    return !csv->cells.failed && input->position < input->end;
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
        cells_bad(&csv->cells, first, 1, "the line is empty");
    }
    return more_rows(csv);
}

void csv_warn_end(const Csv *csv) {
    if (!csv->cells.failed && csv->cells.bad == 0) {
        csv->cells.data->warned = true;
        report_warning(csv->cells.context,
                       "%s: the last line has no end; the file may have been cut",
                       csv->input->path);
    }
}

static void read_row(Csv *csv) {
    int64_t line = csv->line;
    int64_t bad_before = csv->cells.bad;
    FieldEnd end;
    size_t number = 0;
    int64_t column = 0; /* of the first field too many */
    do {
        end = read_field(csv, number++);
        column = number == csv->cells.field_count + 1 ? csv->cells.column : column;
    } while (end == END_DELIMITER && !csv->cells.failed);
    if (number != csv->cells.field_count && csv->cells.bad == bad_before && !csv->cells.failed) {
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
    csv->cells.data->rows += csv->cells.bad == 0;
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
        csv->cells.line = row->line;
        csv->cells.column = row->columns[i];
        cells_text(&csv->cells, i, text, length);
    }
    csv->cells.data->rows += csv->cells.bad == 0;
    return fits && !csv->cells.failed;
}

static bool read_table(Csv *csv, FirstRow *row) {
    if (!csv_read_first(csv, row) || !csv_check_first(csv, row)) {
        return false;
    }
    bool header = csv_is_header(csv, row);
    if (header && !csv_take_names(csv, row)) {
        return false;
    }
    char *where =
        memory_format(csv->cells.context, "%s:%lld:1", csv->input->path, (long long)row->line);
    if (!where || !cells_make_fields(&csv->cells, row->count, where) ||
        (!header && !store_first(csv, row))) {
        return false;
    }
    while (skip_blank(csv) && row_fits(csv)) {
        if (!csv_read_plain(csv) && !csv->cells.failed) {
            read_row(csv);
        }
    }
    return !csv->cells.failed;
}

bool load_csv(Context *context, Model *model, const LoadOptions *options, Input *input,
              Data *data) {
    Csv csv = {.input = input};
    FirstRow row = {0};
    cells_start(&csv.cells, context, model, options, input->path, data);
    data->may_store = !model_rows_dim(model);
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
    if (!cells_report(&csv.cells)) {
        return false;
    }
    if (done && data->rows == 0) {
        return report_place(context, input->path, "there is a header, but no row");
    }
    return done && cells_finish(&csv.cells);
}
