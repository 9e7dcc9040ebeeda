/* load_libsvm.c: `label index:value index:value … # comment`, indices from 1, ascending, others 0.
 *
 * The entries are first kept as they come, so that the width need not be known; then they become
 * the columns of x[D], zeros included. Where the width is known, each line becomes a row at once. A
 * model with `dim T = rows` that has an index and a value for each row, `j[T] in D` and `v[T]`,
 * gets the entries themselves: each line is a sample, each of its entries a row. */
#include "runtime/cells.h"
#include "runtime/load.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

enum { TOKEN_MOST = 1024, LOOK_LINES = 64, INDEX_MOST = 1 << 30, DENSE_MOST = 1 << 22 };

typedef struct {
    int32_t index; /* from 0 */
    double value;
} Entry;

typedef struct {
    double label;
    int64_t line;
    size_t first; /* entry */
} Line;

typedef struct {
    Cells cells;
    Input *input;
    int64_t line, line_offset; /* in the file: where the line starts */
    Entry *entries;
    size_t entry_count, entry_room;
    Line *lines;
    size_t line_count, line_room;
    int64_t width; /* the largest index */
    /* columns of the model, or SIZE_MAX */
    size_t label, values, indices;
    bool label_first; /* of dense fields */
    size_t label_field;
} Svm;

/* ---- is it one? ---- */

/* After the token at p: `index:value` or `qid:number`; NULL: it is something else. */
static const char *pair_end(const char *p, const char *end) {
    const char *start = p;
    double value;
    if (end - p > 4 && memcmp(p, "qid:", 4) == 0) {
        p += 3;
    } else {
        while (*p >= '0' && *p <= '9') {
            p++;
        }
    }
    if (p == start || *p != ':') {
        return NULL;
    }
    const char *number = ++p;
    while (p < end && !strchr(" \t\r\n", *p)) {
        p++;
    }
    return number_read_nonfinite(number, (size_t)(p - number), &value) ||
                   (p > number && strspn(number, "0123456789+-.eE") >= (size_t)(p - number))
               ? p
               : NULL;
}

bool libsvm_looks_so(const Input *input) {
    const char *p = input->buffer;
    for (int line = 0; line < LOOK_LINES && p < input->end; line++) {
        const char *feed = memchr(p, '\n', (size_t)(input->end - p));
        const char *end = feed ? feed : input->end;
        double label;
        const char *stop;
        if (*p != '#' && p < end) {
            if (number_scan(p, input->end, &label, &stop) != NUMBER_OK) {
                return false;
            }
            bool blank = stop < end && (*stop == ' ' || *stop == '\t');
            stop += strspn(stop, " \t\r");
            if (stop < end && *stop != '#') {
                return blank && pair_end(stop, input->end) != NULL;
            }
        }
        p = feed ? feed + 1 : input->end;
    }
    return false;
}

/* ---- tokens ---- */

typedef enum { TOKEN_WORD, TOKEN_LINE, TOKEN_FILE } TokenKind;

static int64_t column_of(const Svm *svm, const char *at) {
    return svm->input->consumed + (at - svm->input->buffer) - svm->line_offset + 1;
}

/* So much of the input that a token is there as a whole. */
static bool look_ahead(Svm *svm) {
    Input *input = svm->input;
    while (input->end - input->position < TOKEN_MOST && !input->finished) {
        if (!input_fill(input, input->position)) {
            svm->cells.failed = true;
            return false;
        }
    }
    return input->position < input->end;
}

static void skip_comment(Svm *svm) {
    while (look_ahead(svm) && *svm->input->position != '\n') {
        Input *input = svm->input;
        char *feed = memchr(input->position, '\n', (size_t)(input->end - input->position));
        input->position = feed ? feed : input->end;
    }
}

/* The next word of the line; ends with position after it. */
static TokenKind next_token(Svm *svm, char **start, size_t *length) {
    Input *input = svm->input;
    while (look_ahead(svm) && strchr(" \t\r#", *input->position) && *input->position) {
        if (*input->position == '#') {
            skip_comment(svm);
        } else {
            input->position++;
        }
    }
    if (svm->cells.failed || input->position == input->end) {
        return TOKEN_FILE;
    }
    if (*input->position == '\n') {
        input->position++;
        return TOKEN_LINE;
    }
    char *p = input->position;
    while (p < input->end && !strchr(" \t\r\n", *p)) {
        p++;
    }
    *start = input->position;
    *length = (size_t)(p - input->position);
    /* a zero byte belongs to no token */
    if (*length == 0 || *length >= TOKEN_MOST) {
        cells_bad(&svm->cells, svm->line, column_of(svm, p),
                  *length ? "a word of more than a thousand characters; this is no libsvm file"
                          : "a zero byte; this is no text file");
        svm->cells.failed = true;
        return TOKEN_FILE;
    }
    input->position = p;
    return TOKEN_WORD;
}

/* ---- a line ---- */

static void bad_word(Svm *svm, const char *at, size_t length, const char *what, const char *why) {
    char message[256], shown[CELL_SHOWN];
    cells_show(shown, sizeof shown, at, length);
    snprintf(message, sizeof message, "%s `%s` %s", what, shown, why);
    cells_bad(&svm->cells, svm->line, column_of(svm, at), message);
}

/* A number, or what is let pass: a missing value is NaN. */
static bool take_number(Svm *svm, char *at, size_t length, const char *what, double *value) {
    const LoadOptions *options = svm->cells.options;
    char after = at[length];
    at[length] = 0;
    NumberStatus status = number_read(at, at + length, value);
    bool odd = status == NUMBER_BAD && number_read_nonfinite(at, length, value);
    bool none = status == NUMBER_BAD && !odd && (length == 0 || number_is_missing(at, length));
    const char *why = status == NUMBER_OVERFLOW ? "is too large for a double"
                      : status == NUMBER_BAD    ? number_complaint(at, length)
                                                : "is too large for a float";
    at[length] = after;
    if (options->na != NA_ERROR && (none || (odd && isnan(*value)))) {
        *value = NAN;
        return true;
    }
    if ((status == NUMBER_OK && real_fits(svm->cells.model->single, *value)) ||
        (odd && options->nonfinite)) {
        return true;
    }
    bad_word(svm, at, length, what, why);
    return false;
}

static bool add_entry(Svm *svm, int32_t index, double value) {
    if (svm->entry_count == svm->entry_room) {
        size_t room = svm->entry_room ? svm->entry_room + svm->entry_room / 2 : 1024;
        Entry *entries = data_array(svm->cells.context, svm->entries, room * sizeof *entries);
        if (!entries) {
            svm->cells.failed = true;
            return false;
        }
        svm->entries = entries;
        svm->entry_room = room;
    }
    svm->entries[svm->entry_count++] = (Entry){index, value};
    svm->width = index + 1 > svm->width ? index + 1 : svm->width;
    return true;
}

static bool add_line(Svm *svm, double label) {
    if (svm->line_count == svm->line_room) {
        size_t room = svm->line_room ? 2 * svm->line_room : 256;
        Line *lines = memory_resize(svm->cells.context, svm->lines, room * sizeof *lines);
        if (!lines) {
            svm->cells.failed = true;
            return false;
        }
        svm->lines = lines;
        svm->line_room = room;
    }
    svm->lines[svm->line_count++] = (Line){label, svm->line, svm->entry_count};
    return true;
}

static void take_pair(Svm *svm, char *at, size_t length) {
    const Line *line = &svm->lines[svm->line_count - 1];
    char *colon = memchr(at, ':', length);
    int64_t index = 0;
    double value;
    if (length > 4 && memcmp(at, "qid:", 4) == 0) {
        return; /* the query of a ranking */
    }
    for (char *p = at; colon && p < colon; p++) {
        bool digit = *p >= '0' && *p <= '9';
        index = digit && index >= 0 && index < INDEX_MOST ? index * 10 + (*p - '0') : -1;
    }
    if (!colon || colon == at || index < 0 || index >= INDEX_MOST) {
        bad_word(svm, at, length, "the entry",
                 colon ? "has an index that is no whole number from 1 to 1073741823"
                       : "has no colon; expected index:value");
        return;
    }
    if (index == 0) {
        bad_word(svm, at, length, "the entry",
                 "has index 0; libsvm counts from 1 (scikit-learn: zero_based=False)");
        return;
    }
    if (svm->entry_count > line->first && index <= svm->entries[svm->entry_count - 1].index + 1) {
        bad_word(svm, at, length, "the entry",
                 index == svm->entries[svm->entry_count - 1].index + 1
                     ? "has the index of the one before"
                     : "has a smaller index than the one before; they ascend in a line");
        return;
    }
    if (take_number(svm, colon + 1, length - (size_t)(colon + 1 - at), "the value", &value)) {
        add_entry(svm, (int32_t)index - 1, value);
    }
}

/* False: the end. */
static bool read_line(Svm *svm) {
    char *word;
    size_t length;
    double label;
    svm->line++;
    svm->line_offset = svm->input->consumed + (svm->input->position - svm->input->buffer);
    TokenKind kind = next_token(svm, &word, &length);
    if (kind != TOKEN_WORD) {
        return kind == TOKEN_LINE; /* empty, or a comment */
    }
    if (memchr(word, ':', length)) {
        bad_word(svm, word, length, "the line begins with", "and not with its label");
        label = 0;
    } else if (!take_number(svm, word, length, "the label", &label)) {
        label = 0;
    }
    if (!add_line(svm, label)) {
        return false;
    }
    while ((kind = next_token(svm, &word, &length)) == TOKEN_WORD) {
        take_pair(svm, word, length);
    }
    if (kind == TOKEN_FILE && !svm->cells.failed && !svm->cells.bad) {
        report_warning(svm->cells.context,
                       "%s: the last line has no end; the file may have been cut", svm->cells.path);
    }
    return kind == TOKEN_LINE;
}

/* ---- into the model ---- */

/* Which column is which: a label, and the values; or the values of each row and their indices. */
static bool find_columns(Svm *svm) {
    const Model *model = svm->cells.model;
    const bool rows = model_rows_dim(model) != NULL;
    svm->label = svm->values = svm->indices = SIZE_MAX;
    for (size_t i = 0; i < model->column_count; i++) {
        const Column *column = &model->columns[i];
        size_t *role = column->target || (rows && !column->by_row) ? &svm->label
                       : rows && column->is_int                    ? &svm->indices
                                                                   : &svm->values;
        bool fits = role != &svm->values || !column->is_int;
        if (*role != SIZE_MAX || !fits) {
            return report_place(svm->cells.context, svm->cells.path,
                                "a libsvm file has a label and numbered values, and model `%s` "
                                "wants `%s` besides",
                                model->name, column->name);
        }
        *role = i;
    }
    if (svm->values == SIZE_MAX || (rows && svm->indices == SIZE_MAX)) {
        return report_place(svm->cells.context, svm->cells.path,
                            rows ? "a libsvm file needs an index and a value for each row, as in "
                                   "`j[T] in D` and `v[T]`"
                                 : "a libsvm file has numbered values, which no argument of the "
                                   "model takes, as `x[D]` does");
    }
    return svm->cells.options->columns == NULL ||
           report_error(svm->cells.context,
                        "--columns: `%s` is a libsvm file, whose columns have no names",
                        svm->cells.path);
}

static bool too_wide(Svm *svm, int64_t width) {
    double bytes = (double)width * (double)svm->line_count * (svm->cells.model->single ? 4 : 8);
    double memory = (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE);
    if (width <= DENSE_MOST && !(memory > 0 && bytes > memory)) {
        return false;
    }
    report_place(svm->cells.context, svm->cells.path,
                 "%zu samples of %lld values each are %.3g GB, zeros included; a model with `dim T "
                 "= rows`, `j[T] in D` and `v[T]` takes the %zu entries alone",
                 svm->line_count, (long long)width, bytes / 1e9, svm->entry_count);
    return true;
}

/* Only for messages: the other fields are numbers. */
static bool name_label(Svm *svm, size_t number) {
    static char label[] = "label";
    svm->cells.names = NEW(svm->cells.context, char *, svm->cells.field_count + 1);
    if (svm->cells.names && svm->label != SIZE_MAX) {
        svm->cells.names[number] = label;
    }
    return svm->cells.names != NULL;
}

/* What the label of a line says, as field `number`. */
static void store_label(Svm *svm, const Line *line, size_t number) {
    if (svm->label != SIZE_MAX) {
        svm->cells.line = line->line;
        svm->cells.column = 1;
        cells_number(&svm->cells, number, line->label);
    }
}

static size_t line_end(const Svm *svm, size_t line) {
    return line + 1 < svm->line_count ? svm->lines[line + 1].first : svm->entry_count;
}

static bool beyond(Svm *svm, const Line *line, int64_t index, int64_t width) {
    char *place =
        memory_format(svm->cells.context, "%s:%lld", svm->cells.path, (long long)line->line);
    return place &&
           report_place(svm->cells.context, place, "index %lld is beyond the %lld value%s of `%s`",
                        (long long)index + 1, (long long)width, width == 1 ? "" : "s",
                        svm->cells.model->columns[svm->values].name);
}

/* The lines of the rows that follow. */
static bool keep_lines(Svm *svm) {
    Data *data = svm->cells.data;
    for (size_t i = 0; i < svm->line_count; i++) {
        int64_t row = data->rows + (int64_t)i;
        if (data->jump_count && data_line(data, row) == svm->lines[i].line) {
            continue;
        }
        if (data->jump_count == data->jump_capacity) {
            data->jump_capacity = data->jump_capacity ? 2 * data->jump_capacity : 64;
            LineJump *jumps =
                memory_resize(svm->cells.context, data->jumps, data->jump_capacity * sizeof *jumps);
            if (!jumps) {
                return false;
            }
            data->jumps = jumps;
        }
        data->jumps[data->jump_count++] = (LineJump){row, svm->lines[i].line};
    }
    return true;
}

/* The fields are all columns of the model in their order. */
static bool dense_fields(Svm *svm, int64_t width) {
    const bool labelled = svm->label != SIZE_MAX;
    svm->label_first = labelled && svm->label < svm->values;
    svm->label_field = svm->label_first ? 0 : (size_t)width;
    return cells_make_fields(&svm->cells, (size_t)width + labelled, svm->cells.path) &&
           name_label(svm, svm->label_field);
}

/* All lines that are kept become rows, for which there is room. */
static bool store_lines(Svm *svm, int64_t width) {
    Cells *cells = &svm->cells;
    size_t bytes = column_bytes(cells->model, svm->values);
    if (!keep_lines(svm)) {
        return false;
    }
    for (size_t i = 0; i < svm->line_count; i++) {
        const Line *line = &svm->lines[i];
        char *values = cells->data->columns[svm->values];
        if (values) { /* else nobody needs them */
            memset(values + (size_t)cells->data->rows * bytes, 0, bytes);
        }
        store_label(svm, line, svm->label_field);
        for (size_t k = line->first; k < line_end(svm, i); k++) {
            if (svm->entries[k].index >= width) {
                return beyond(svm, line, svm->entries[k].index, width);
            }
            cells_number(cells, (size_t)svm->entries[k].index + svm->label_first,
                         svm->entries[k].value);
        }
        cells->data->rows++;
    }
    return !cells->failed;
}

static bool store_dense(Svm *svm) {
    Cells *cells = &svm->cells;
    int64_t width = svm->width;
    if (width == 0) {
        return report_place(cells->context, cells->path, "no sample has a value");
    }
    return !too_wide(svm, width) && dense_fields(svm, width) &&
           data_reserve(cells->context, cells->model, cells->options, cells->data,
                        (int64_t)svm->line_count) &&
           store_lines(svm, width);
}

/* The last line becomes a row; after one that is wrong all that counts is what else is. */
static bool store_last(Svm *svm, int64_t width) {
    Data *data = svm->cells.data;
    bool done = true;
    if (svm->line_count && svm->cells.bad == 0) {
        int64_t room = data->store           ? data->rows + 1
                       : data->capacity < 64 ? 64
                                             : data->capacity + data->capacity / 2;
        done = (data->rows < data->capacity || data_reserve(svm->cells.context, svm->cells.model,
                                                            svm->cells.options, data, room)) &&
               store_lines(svm, width);
    }
    svm->line_count = svm->entry_count = 0;
    return done;
}

/* Is the number of values of a sample known before they are read? */
static bool width_known(const Svm *svm, int64_t *width) {
    Model *model = svm->cells.model;
    Shape *shape = &model->columns[svm->values].shape;
    bool known = !model_rows_dim(model) && shape_resolve(svm->cells.context, model, shape);
    *width = known ? shape->count : 0;
    return *width > 0 && *width <= DENSE_MOST;
}

/* Line by line. */
static bool read_dense(Svm *svm, int64_t width) {
    svm->cells.data->may_store = true;
    if (!dense_fields(svm, width)) {
        return false;
    }
    for (bool more = true; more;) {
        more = read_line(svm);
        if (!store_last(svm, width)) {
            return false;
        }
    }
    if (svm->input->failed || !cells_report(&svm->cells) || svm->cells.failed) {
        return false;
    }
    return svm->cells.data->rows > 0 ||
           report_place(svm->cells.context, svm->cells.path,
                        "the file has no sample"); /* rare: it looks like no libsvm */
}

/* The fields are the columns of the model; an empty line is a row of index 0 and value 0. */
static bool store_entries(Svm *svm) {
    Cells *cells = &svm->cells;
    static const Entry none = {0, 0};
    if (!cells_make_fields(cells, cells->model->column_count, cells->path) ||
        !name_label(svm, svm->label) ||
        !data_reserve(cells->context, cells->model, cells->options, cells->data,
                      (int64_t)(svm->entry_count + svm->line_count))) {
        return false;
    }
    for (size_t i = 0; i < svm->line_count; i++) {
        const Line *line = &svm->lines[i];
        size_t count = line_end(svm, i) - line->first;
        if (!data_begin_sample(cells->context, cells->data, cells->data->rows)) {
            return false;
        }
        for (size_t k = 0; k < count + !count; k++) {
            const Entry *entry = count ? &svm->entries[line->first + k] : &none;
            store_label(svm, line, svm->label);
            cells->line = line->line;
            cells->column = 1;
            cells_number(cells, svm->indices, entry->index);
            cells_number(cells, svm->values, entry->value);
            cells->data->rows++;
        }
    }
    return !cells->failed;
}

bool load_libsvm(Context *context, Model *model, const LoadOptions *options, Input *input,
                 Data *data) {
    Svm svm = {.input = input};
    LoadOptions own = *options;
    own.sample = NULL; /* each line is one */
    cells_start(&svm.cells, context, model, &own, input->path, data);
    if (!find_columns(&svm)) {
        return false;
    }
    int64_t width;
    bool done;
    if (width_known(&svm, &width)) {
        done = read_dense(&svm, width);
    } else {
        while (read_line(&svm)) {
        }
        if (input->failed || !cells_report(&svm.cells) || svm.cells.failed) {
            return false;
        }
        done = model_rows_dim(model) ? store_entries(&svm) : store_dense(&svm);
    }
    memory_free(context, svm.entries);
    memory_free(context, svm.lines);
    return done && cells_report(&svm.cells) && cells_finish(&svm.cells);
}
