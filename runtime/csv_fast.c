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
    PATIENCE_MAX = 1024,     /* rows read carefully after attempts that found no plain row */
    PLAIN_ENOUGH = 32,       /* plain rows in a run that are worth an attempt */
    THREADS_LEAST = 1 << 22, /* bytes of a file that are worth threads */
    THREADS_MOST = 16,
    BLOCK_BYTES = 1 << 24, /* read by threads at a time */
    PIECES = 4,            /* of a block, for each thread: they take unequal times */
    ALONE_LEAST = 16,      /* runs read by one thread after a row that was not plain */
    ALONE_MOST = 1 << 20
};

typedef struct Plain {
    const RowReader *reader;
    PlainField *fields;
    Piece piece;
    int64_t patience, waits;
    /* with threads, else NULL */
    ThreadPool *pool;
    Piece *pieces;
    size_t piece_count;
    int64_t alone, alone_next;
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
        return csv_store_real(field, row, value) ? stop : NULL;
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

static int64_t count_lines(const char *p, const char *end) {
    const uint64_t low = UINT64_C(0x7f7f7f7f7f7f7f7f);
    const uint64_t feeds = UINT64_C(0x0a0a0a0a0a0a0a0a);
    int64_t count = 0;
    for (; end - p >= 8; p += 8) {
        uint64_t x = eight_at(p) ^ feeds;
        uint64_t found = ~(((x & low) + low) | x | low) >> 7; /* 1 in each byte that is one */
        count += (int64_t)(found * UINT64_C(0x0101010101010101) >> 56);
    }
    for (; p < end; p++) {
        count += *p == '\n';
    }
    return count;
}

static const RowReader portable = {"portable", read_portably, count_lines, false};
static const RowReader careful = {"careful", read_none, count_lines, false};

const RowReader *csv_row_reader(void) {
    const char *wish = getenv("GRADC_LOAD");
    if (wish && strcmp(wish, careful.name) == 0) {
        return &careful;
    }
    const RowReader *vector = csv_vector_reader(wish && *wish ? wish : NULL);
    return vector ? vector : &portable;
}

/* ---- pieces ---- */

static bool make_piece(const Csv *csv, Piece *piece) {
    const Plain *plain = csv->plain;
    *piece = (Piece){.delimiter = csv->delimiter,
                     .field_count = csv->cells.field_count,
                     .fields = plain->fields,
                     .sample = &csv->cells.sample,
                     .largest = NEW(csv->cells.context, int64_t, csv->cells.field_count + 1)};
    if (plain->reader->marks) {
        piece->mark_room = MARKED_BYTES + 2 * csv->cells.field_count;
        piece->marks = NEW(csv->cells.context, uint32_t, piece->mark_room + 1 + MARK_SLACK);
        piece->lines = NEW(csv->cells.context, uint32_t, piece->mark_room + MARK_SLACK);
        if (!piece->marks || !piece->lines) {
            return false;
        }
        *piece->marks++ = UINT32_MAX; /* the line before the first ends one before it */
    }
    return piece->largest != NULL;
}

/* Threads for a large file, whose samples can be told without looking at the row before. */
static bool make_pieces(Csv *csv) {
    Plain *plain = csv->plain;
    size_t threads = csv->cells.options->threads;
    if (threads < 2 || csv->input->total < THREADS_LEAST || csv->cells.options->sample) {
        return true;
    }
    threads = threads > THREADS_MOST ? THREADS_MOST : threads;
    plain->pool = threads_start(csv->cells.context, threads);
    threads = threads_count(plain->pool);
    if (!plain->pool || threads < 2) {
        return plain->pool != NULL;
    }
    plain->piece_count = PIECES * threads;
    plain->alone_next = ALONE_LEAST;
    plain->pieces = NEW(csv->cells.context, Piece, plain->piece_count);
    for (size_t i = 0; plain->pieces && i < plain->piece_count; i++) {
        if (!make_piece(csv, &plain->pieces[i])) {
            return false;
        }
    }
    ptrdiff_t line_start = csv->line_start - csv->input->buffer;
    if (!plain->pieces || !input_widen(csv->input, plain->pool, BLOCK_BYTES)) {
        return false;
    }
    csv->line_start = csv->input->buffer + line_start;
    return true;
}

static bool make_plain(Csv *csv) {
    Plain *plain = NEW(csv->cells.context, Plain, 1);
    if (!plain) {
        return false;
    }
    csv->plain = plain;
    plain->reader = csv_row_reader();
    plain->fields = NEW(csv->cells.context, PlainField, csv->cells.field_count + 1);
    return plain->fields && make_piece(csv, &plain->piece) && make_pieces(csv);
}

void csv_end_plain(Csv *csv) {
    if (csv->plain) {
        csv->input->pool = NULL;
        threads_stop(csv->plain->pool);
        csv->plain->pool = NULL;
    }
}

/* Kinds and classes may have changed since the last time, and the arrays have moved. */
static void bind_plain(Csv *csv) {
    Plain *plain = csv->plain;
    size_t used = 0;
    for (size_t i = 0; i < csv->cells.field_count; i++) {
        const Field *field = &csv->cells.fields[i];
        if (field->kind == FIELD_SKIP) {
            continue;
        }
        PlainField *to = &plain->fields[used];
        plain->piece.largest[used++] = field->largest;
        *to = (PlainField){.kind = field->kind, .number = (uint32_t)i, .classes = field->classes};
        if (field->kind != FIELD_SAMPLE) {
            to->single = csv->cells.model->single && field->kind == FIELD_REAL;
            const size_t size = to->single ? sizeof(float) : sizeof(double);
            to->to = (char *)csv->cells.data->columns[field->column] + (size_t)field->entry * size;
            to->stride = (size_t)field->stride;
            to->limited = csv->cells.model->columns[field->column].limit != NULL;
            to->limit = field->limit;
        }
    }
    plain->piece.used = used;
    for (size_t i = 0; i + 3 < used; i++) {
        bool four = true;
        for (size_t k = 0; k < 4; k++) {
            const PlainField *field = &plain->fields[i + k];
            four &= field->kind == FIELD_REAL && !field->single &&
                    field->number == plain->fields[i].number + k &&
                    field->to == (double *)plain->fields[i].to + k;
        }
        plain->fields[i].four = four;
    }
}

static void keep_largest(Csv *csv, const Piece *piece) {
    for (size_t i = 0; i < csv->plain->piece.used; i++) {
        int64_t *largest = &csv->cells.fields[csv->plain->fields[i].number].largest;
        *largest = piece->largest[i] > *largest ? piece->largest[i] : *largest;
    }
}

static void start_piece(Piece *piece, const char *start, const char *end, int64_t row,
                        int64_t room) {
    piece->start = piece->stop = start;
    piece->end = end;
    piece->row = row;
    piece->room = room;
    piece->rows = 0;
}

static void read_block(Csv *csv, const char *end) {
    Piece *piece = &csv->plain->piece;
    const Data *data = csv->cells.data;
    bind_plain(csv);
    start_piece(piece, csv->input->position, end, data->rows, data->capacity - data->rows);
    if (piece->used) {
        csv->plain->reader->read(piece);
    }
    keep_largest(csv, piece);
}

/* ---- with threads ---- */

static void count_piece(void *job, size_t item, size_t worker) {
    const Plain *plain = job;
    Piece *piece = &plain->pieces[item];
    (void)worker;
    piece->room = plain->reader->count(piece->start, piece->end);
}

static void read_piece(void *job, size_t item, size_t worker) {
    const Plain *plain = job;
    (void)worker;
    plain->reader->read(&plain->pieces[item]);
}

/* Cuts text into pieces after line feeds. One within quotes may be taken for the end of a line:
 * then the piece with the opening quote ends there, and nothing after it counts. */
static void cut(Plain *plain, const char *start, const char *end) {
    size_t step = (size_t)(end - start) / plain->piece_count;
    for (size_t i = 0; i < plain->piece_count; i++) {
        const char *stop = end;
        if (i + 1 < plain->piece_count && (size_t)(end - start) > step) {
            const char *feed = memchr(start + step, '\n', (size_t)(end - start) - step);
            stop = feed ? feed + 1 : end;
        }
        start_piece(&plain->pieces[i], start, stop, 0, 0);
        start = stop;
    }
}

/* The pieces' results as one in plain->piece: up to the first row that is not plain. */
static void join(Csv *csv, const char *end) {
    Plain *plain = csv->plain;
    Piece *whole = &plain->piece;
    start_piece(whole, csv->input->position, end, csv->cells.data->rows, 0);
    for (size_t i = 0; i < plain->piece_count; i++) {
        const Piece *piece = &plain->pieces[i];
        whole->rows += piece->rows;
        whole->room += piece->room;
        whole->stop = piece->stop;
        keep_largest(csv, piece);
        if (piece->stop != piece->end) {
            break;
        }
    }
    bool all = whole->stop == end;
    plain->alone = all ? 0 : plain->alone_next;
    plain->alone_next = all                              ? ALONE_LEAST
                        : plain->alone_next < ALONE_MOST ? 2 * plain->alone_next
                                                         : ALONE_MOST;
}

/* False: no memory. */
static bool read_in_pieces(Csv *csv, const char *end) {
    Plain *plain = csv->plain;
    Data *data = csv->cells.data;
    cut(plain, csv->input->position, end);
    threads_run(plain->pool, count_piece, plain, plain->piece_count);
    int64_t rows = data->rows;
    for (size_t i = 0; i < plain->piece_count; i++) {
        plain->pieces[i].row = rows;
        rows += plain->pieces[i].room;
    }
    while (rows > data->capacity) {
        if (!csv_more_room(csv, rows)) {
            return false;
        }
    }
    bind_plain(csv);
    for (size_t i = 0; i < plain->piece_count; i++) {
        plain->pieces[i].used = plain->piece.used;
        memcpy(plain->pieces[i].largest, plain->piece.largest,
               plain->piece.used * sizeof *plain->piece.largest);
    }
    threads_run(plain->pool, read_piece, plain, plain->piece_count);
    join(csv, end);
    return true;
}

/* ---- blocks ---- */

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
    if (csv->cells.bad || csv->cells.data->rows == 0 || csv->cells.undecided ||
        (!plain && !make_plain(csv))) {
        csv->cells.failed |= !csv->cells.bad && csv->cells.data->rows > 0 && !csv->cells.undecided;
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
    plain->alone -= plain->alone > 0;
    if (plain->pieces && plain->alone == 0 && end - csv->input->position >= THREADS_LEAST / 4) {
        if (!read_in_pieces(csv, end)) {
            csv->cells.failed = true;
            return false;
        }
    } else {
        read_block(csv, end);
    }
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
    csv->cells.data->rows += rows;
    csv->input->position += plain->piece.stop - plain->piece.start;
    csv->line += rows - 1;
    csv_new_line(csv, csv->input->position);
    return true;
}
