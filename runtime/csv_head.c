/* csv_head.c: the first row of a CSV file: its delimiter, whether it names the columns, and where
 * their fields go. */
#include "runtime/csv.h"

#include <string.h>

enum { COLUMNS_MAX = 1 << 22 };

static char sniff_delimiter(const Csv *csv) {
    size_t tabs = 0;
    size_t commas = 0;
    bool quoted = false;
    for (const char *p = csv->input->position; p < csv->input->end && (*p != '\n' || quoted); p++) {
        quoted ^= *p == '"';
        tabs += *p == '\t' && !quoted;
        commas += *p == ',' && !quoted;
    }
    return commas == 0 && tabs > 0 ? '\t' : ',';
}

bool csv_read_delimiter(Csv *csv) {
    if (!csv->cells.options->delimiter) {
        csv->delimiter = sniff_delimiter(csv);
        return true;
    }
    return delimiter_read(csv->cells.context, csv->cells.options->delimiter, &csv->delimiter);
}

static bool add_first(Csv *csv, FirstRow *row) {
    if (row->count == row->capacity) {
        size_t capacity = row->capacity ? 2 * row->capacity : 64;
        size_t *starts = memory_resize(csv->cells.context, row->starts, capacity * sizeof *starts);
        row->starts = starts ? starts : row->starts;
        int64_t *columns =
            memory_resize(csv->cells.context, row->columns, capacity * sizeof *columns);
        row->columns = columns ? columns : row->columns;
        if (!starts || !columns) {
            return false;
        }
        row->capacity = capacity;
    }
    row->starts[row->count] = row->text.length;
    row->columns[row->count++] = csv->cells.column;
    text_bytes(&row->text, csv->start, (size_t)(csv->stop - csv->start));
    text_bytes(&row->text, "", 1);
    return !row->text.failed;
}

bool csv_read_first(Csv *csv, FirstRow *row) {
    text_start(&row->text, csv->cells.context);
    row->line = csv->line;
    do {
        row->end = csv_scan_field(csv);
        csv_unquote(csv);
        if (csv->cells.failed) {
            return false;
        }
        if (csv->overlong || row->count == COLUMNS_MAX) {
            return report_place(csv->cells.context, csv->input->path,
                                "the first line is too long for a table");
        }
        if (!add_first(csv, row)) {
            return false;
        }
    } while (row->end == END_DELIMITER);
    if (row->end == END_LINE) {
        csv_new_line(csv, csv->input->position);
    } else {
        csv_warn_end(csv);
    }
    return true;
}

char *csv_first_text(const FirstRow *row, size_t field, size_t *length) {
    size_t end = field + 1 < row->count ? row->starts[field + 1] : row->text.length;
    *length = end - row->starts[field] - 1;
    return row->text.data + row->starts[field];
}

/* Does the first row name the columns? It does if none of its fields is a number (or could be meant
 * as one), or if one of them is the name of an argument. */
bool csv_is_header(const Csv *csv, const FirstRow *row) {
    if (csv->cells.options->header[0] != 'a') {
        return csv->cells.options->header[0] == 'y';
    }
    size_t words = 0;
    bool numbers = false;
    for (size_t i = 0; i < row->count; i++) {
        size_t length;
        double value;
        const char *text = csv_first_text(row, i, &length);
        if (model_column(csv->cells.model, text)) {
            return true;
        }
        if (length == 0) {
            continue; /* the nameless index column of a data frame, or a missing value */
        }
        bool plain = number_could_be_name(text, length);
        numbers |= number_read(text, text + length, &value) != NUMBER_BAD || !plain;
        words += plain;
    }
    return words > 0 && !numbers;
}

static void strip(char **text, size_t *length) {
    while (*length && (**text == ' ' || **text == '\t')) {
        ++*text;
        --*length;
    }
    while (*length && ((*text)[*length - 1] == ' ' || (*text)[*length - 1] == '\t')) {
        (*text)[--*length] = 0;
    }
}

bool csv_take_names(Csv *csv, FirstRow *row) {
    csv->cells.names = NEW(csv->cells.context, char *, row->count);
    if (!csv->cells.names) {
        return false;
    }
    for (size_t i = 0; i < row->count; i++) {
        size_t length;
        csv->cells.names[i] = csv_first_text(row, i, &length);
        if (memchr(csv->cells.names[i], 0, length)) {
            return report_place(csv->cells.context, csv->input->path,
                                "a name of a column has a zero byte");
        }
        strip(&csv->cells.names[i], &length);
    }
    return true;
}

/* Files with other delimiters, other ends of lines, or of another kind. */
static const char *wrong_kind(const Csv *csv, const FirstRow *row, const char *text) {
    static const struct {
        char c;
        bool single; /* matters only where it leaves one column */
        const char *why;
    } signs[] = {
        {';', false, "the fields are separated by `;`; use --delimiter=';'"},
        {'\t', true, "the fields are separated by tabs; use --delimiter=tab"},
        {'|', true, "the fields are separated by `|`; use --delimiter='|'"},
        {'\r', false, "a carriage return without a line feed; convert the file: tr '\\r' '\\n'"},
    };
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++) {
        if (signs[i].c != csv->delimiter && (row->count == 1 || !signs[i].single) &&
            strchr(text, signs[i].c)) {
            return signs[i].why;
        }
    }
    const char *blank = strchr(text, ' ');
    double ignored;
    if (row->count > 1 || !blank || number_read(text, blank, &ignored) != NUMBER_OK) {
        return NULL;
    }
    blank += strspn(blank, " ");
    const char *end = blank + strcspn(blank, " ");
    return number_read(blank, end, &ignored) == NUMBER_OK
               ? "the fields are separated by blanks; convert the file: tr -s ' ' ,"
               : NULL;
}

bool csv_check_first(Csv *csv, const FirstRow *row) {
    for (size_t i = 0; i < row->count; i++) {
        size_t length;
        const char *text = csv_first_text(row, i, &length);
        const char *why = wrong_kind(csv, row, text);
        if (why) {
            char *place = memory_format(csv->cells.context, "%s:%lld:%lld", csv->input->path,
                                        (long long)row->line, (long long)row->columns[i]);
            return place && report_place(csv->cells.context, place, "%s", why);
        }
    }
    return true;
}
