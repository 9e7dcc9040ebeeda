/* csv_fast.c: the plain rows of a CSV file, many at a time.
 *
 * A row is plain if it is one line with as many fields as it should have, whose used fields are
 * numbers, or texts that were met before, and nothing is quoted or odd. Such rows are read without
 * looking back; the first that is not plain is left to the careful reader of load_csv.c, which has
 * the last word on what a field means and what is wrong with it. So both must agree on plain rows
 * only: same values, and never a row read here that the careful reader would reject. */
#include "runtime/csv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    PATIENCE_MAX = 1024, /* rows read carefully after attempts that found no plain row */
    PLAIN_ENOUGH = 32    /* plain rows in a run that are worth an attempt */
};

typedef struct Plain {
    const RowReader *reader;
    PlainField *fields;
    Piece piece;
    int64_t patience, waits;
} Plain;

/* ---- storing ---- */

bool csv_store_whole(const Piece *piece, size_t i, int64_t row, double value) {
    const PlainField *field = &piece->fields[i];
    if (!(value <= 9007199254740992.0 && value >= -9007199254740992.0) ||
        value != (double)(int64_t)value) {
        return false;
    }
    int64_t index = (int64_t)value;
    if (field->limited && (index < 0 || index >= field->limit)) {
        return false;
    }
    piece->largest[i] = index > piece->largest[i] ? index : piece->largest[i];
    ((int64_t *)field->to)[(size_t)row * field->stride] = index;
    return true;
}

/* A class, or the text that separates samples. */
bool csv_store_text(const Piece *piece, size_t i, int64_t row, const char *start, const char *end) {
    const PlainField *field = &piece->fields[i];
    size_t length = (size_t)(end - start);
    if (length == 0 || *start == '"' || *start == ' ') {
        return false;
    }
    if (field->kind == FIELD_SAMPLE) {
        return piece->sample->length == length && memcmp(piece->sample->data, start, length) == 0;
    }
    int64_t index = classes_look(field->classes, start, length);
    if (index >= 0) {
        ((int64_t *)field->to)[(size_t)row * field->stride] = index;
    }
    return index >= 0;
}

/* ---- the portable reader ---- */

static uint64_t eight_at(const char *p) {
    uint64_t x;
    memcpy(&x, p, sizeof x);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    x = __builtin_bswap64(x);
#endif
    return x;
}

/* The high bit of each byte that is zero; above the first one others may be wrong. */
static uint64_t zeros(uint64_t x) {
    return (x - UINT64_C(0x0101010101010101)) & ~x & UINT64_C(0x8080808080808080);
}

/* The first delimiter, line feed or zero byte. */
static const char *field_end(const char *p, char delimiter) {
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t delimiters = ones * (unsigned char)delimiter;
    for (;; p += 8) {
        uint64_t x = eight_at(p);
        uint64_t found = zeros(x) | zeros(x ^ delimiters) | zeros(x ^ (ones * '\n'));
        if (found) {
            return p + (__builtin_ctzll(found) >> 3);
        }
    }
}

static const char *read_number(Piece *piece, size_t i, const char *p, int64_t row) {
    const PlainField *field = &piece->fields[i];
    double value;
    const char *stop;
    while (*p == ' ') {
        p++;
    }
    if (number_scan_padded(p, &value, &stop) != NUMBER_OK) {
        return NULL;
    }
    if (field->kind == FIELD_REAL) {
        ((double *)field->to)[(size_t)row * field->stride] = value;
        return stop;
    }
    return csv_store_whole(piece, i, row, value) ? stop : NULL;
}

/* The end of used field i, or NULL. */
static const char *read_plain_field(Piece *piece, size_t i, const char *p, int64_t row) {
    FieldKind kind = piece->fields[i].kind;
    if (kind == FIELD_REAL || kind == FIELD_INT) {
        return read_number(piece, i, p, row);
    }
    const char *end = field_end(p, piece->delimiter);
    bool returns = *end == '\n' && end > p && end[-1] == '\r';
    return csv_store_text(piece, i, row, p, end - returns) ? end - returns : NULL;
}

/* The start of the next line, or NULL. */
static const char *read_line(Piece *piece, const char *p, int64_t row) {
    size_t next = 0;
    for (size_t number = 0;; number++) {
        if (next < piece->used && piece->fields[next].number == number) {
            p = read_plain_field(piece, next++, p, row);
            if (!p) {
                return NULL;
            }
        } else if (*p == '"' || *p == ' ') {
            return NULL;
        } else {
            p = field_end(p, piece->delimiter);
        }
        if (number + 1 == piece->field_count) {
            p += *p == '\r';
            return *p == '\n' ? p + 1 : NULL;
        }
        if (*p++ != piece->delimiter) {
            return NULL;
        }
    }
}

static void read_portably(Piece *piece) {
    const char *p = piece->start;
    while (p < piece->end && piece->rows < piece->room) {
        const char *next = read_line(piece, p, piece->row + piece->rows);
        if (!next) {
            break;
        }
        p = next;
        piece->rows++;
    }
    piece->stop = p;
}

static void read_none(Piece *piece) {
    piece->stop = piece->start;
}

static const RowReader portable = {"portable", read_portably, false};
static const RowReader careful = {"careful", read_none, false};

const RowReader *csv_row_reader(void) {
    const char *wish = getenv("GRADC_LOAD");
    if (wish && strcmp(wish, careful.name) == 0) {
        return &careful;
    }
    const RowReader *vector = csv_vector_reader(wish && *wish ? wish : NULL);
    return vector ? vector : &portable;
}

/* ---- blocks ---- */

static bool make_plain(Csv *csv) {
    Plain *plain = NEW(csv->context, Plain, 1);
    if (!plain) {
        return false;
    }
    plain->reader = csv_row_reader();
    plain->fields = NEW(csv->context, PlainField, csv->field_count + 1);
    Piece *piece = &plain->piece;
    *piece = (Piece){.delimiter = csv->delimiter,
                     .field_count = csv->field_count,
                     .fields = plain->fields,
                     .sample = &csv->sample,
                     .largest = NEW(csv->context, int64_t, csv->field_count + 1)};
    if (!plain->fields || !piece->largest) {
        return false;
    }
    if (plain->reader->marks) {
        piece->mark_room = MARKED_BYTES + 2 * csv->field_count;
        piece->marks = NEW(csv->context, uint32_t, piece->mark_room + 1 + MARK_SLACK);
        piece->lines = NEW(csv->context, uint32_t, piece->mark_room + MARK_SLACK);
        if (!piece->marks || !piece->lines) {
            return false;
        }
        *piece->marks++ = UINT32_MAX; /* the line before the first ends one before it */
    }
    csv->plain = plain;
    return true;
}

/* Kinds and classes may have changed since the last time, and the arrays have moved. */
static void bind_plain(Csv *csv) {
    Plain *plain = csv->plain;
    size_t used = 0;
    for (size_t i = 0; i < csv->field_count; i++) {
        const Field *field = &csv->fields[i];
        if (field->kind == FIELD_SKIP) {
            continue;
        }
        PlainField *to = &plain->fields[used];
        plain->piece.largest[used++] = field->largest;
        *to = (PlainField){.kind = field->kind, .number = (uint32_t)i, .classes = field->classes};
        if (field->kind != FIELD_SAMPLE) {
            double *array = csv->data->columns[field->column];
            to->to = array + field->entry;
            to->stride = (size_t)field->stride;
            to->limited = csv->model->columns[field->column].limit != NULL;
            to->limit = field->limit;
        }
    }
    plain->piece.used = used;
}

static void keep_largest(Csv *csv) {
    Plain *plain = csv->plain;
    for (size_t i = 0; i < plain->piece.used; i++) {
        csv->fields[plain->fields[i].number].largest = plain->piece.largest[i];
    }
}

static void read_block(Csv *csv, const char *end) {
    Plain *plain = csv->plain;
    Piece *piece = &plain->piece;
    Data *data = csv->data;
    bind_plain(csv);
    piece->start = csv->input->position;
    piece->end = end;
    piece->row = data->rows;
    piece->room = data->capacity - data->rows;
    piece->rows = 0;
    if (piece->used) {
        plain->reader->read(piece);
    }
    keep_largest(csv);
}

/* After the last whole line of the block, or NULL. Reads on if there is none. */
static const char *whole_lines(Csv *csv) {
    Input *input = csv->input;
    for (int round = 0; round < 2; round++) {
        size_t length = (size_t)(input->end - input->position);
        const char *last = memrchr(input->position, '\n', length);
        if (last) {
            return last + 1;
        }
        if (input->finished || !csv_refill(csv, input->position)) {
            return NULL;
        }
    }
    return NULL;
}

bool csv_read_plain(Csv *csv) {
    Plain *plain = csv->plain;
    if (csv->bad || csv->data->rows == 0 || (!plain && !make_plain(csv))) {
        csv->failed |= !csv->bad && csv->data->rows > 0;
        return false;
    }
    plain = csv->plain;
    if (plain->waits > 0) {
        plain->waits--;
        return false;
    }
    const char *end = whole_lines(csv);
    if (!end) {
        return false;
    }
    read_block(csv, end);
    int64_t rows = plain->piece.rows;
    bool tired = rows < PLAIN_ENOUGH && plain->piece.stop != end && rows < plain->piece.room;
    plain->patience = !tired                           ? 0
                      : plain->patience == 0           ? 1
                      : plain->patience < PATIENCE_MAX ? 2 * plain->patience
                                                       : PATIENCE_MAX;
    plain->waits = plain->patience;
    if (rows == 0) {
        return false;
    }
    csv->data->rows += rows;
    csv->input->position += plain->piece.stop - plain->piece.start;
    csv->line += rows - 1;
    csv_new_line(csv, csv->input->position);
    return true;
}
