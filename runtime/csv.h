/* csv.h: what the parts of the CSV loader know of each other: load_csv.c (fields and rows, with all
 * complaints), csv_head.c (the first row), csv_fast.c (the plain rows, many at a time) and
 * csv_vector.c (the same by vector instructions). */
#ifndef GRADC_CSV_H
#define GRADC_CSV_H

#include "runtime/cells.h"

typedef enum { END_DELIMITER, END_LINE, END_FILE } FieldEnd;

typedef struct {
    Cells cells;
    Input *input;
    char delimiter;
    int64_t line;     /* of position, from 1 */
    char *line_start; /* in the buffer: so far the characters of the line are counted */
    int64_t columns_before;
    /* the field last cut out */
    char *start, *stop;
    bool quoted, overlong, doubled;
    /* plain rows */
    struct Plain *plain; /* NULL: not yet made */
} Csv;

typedef struct {
    Text text;      /* the fields, each with a zero after it */
    size_t *starts; /* offsets into text */
    int64_t *columns;
    size_t count, capacity;
    int64_t line;
    FieldEnd end;
} FirstRow;

/* ---- plain rows: csv_fast.c, csv_vector.c ---- */

/* A field that is used, of a plain row. */
typedef struct {
    FieldKind kind;
    bool four;       /* this REAL and the next three are neighbours, in the row and in the array */
    bool single;     /* REAL: the array is one of floats */
    bool limited;    /* INT: 0 … limit - 1 only */
    uint32_t number; /* in the row */
    size_t stride;   /* values from one row to the next */
    int64_t limit;
    void *to; /* of row 0 of the data; moves with the array */
    const Classes *classes;
} PlainField;

/* Some whole lines, read by one thread. A row that is not plain, for whatever reason, ends the
 * piece: the careful reader takes that line, and knows what to say of it. */
typedef struct {
    const char *start, *end; /* `end` is after a line feed */
    const char *stop;        /* up to there it was read: the start of a line */
    int64_t row, room, rows; /* the first one's number; how many may be, and were read */
    /* what does not change from piece to piece */
    char delimiter;
    size_t field_count, used;
    const PlainField *fields; /* those used, in order */
    const Text *sample;       /* SAMPLE: what plain rows have there */
    int64_t *largest;         /* by used field */
    uint32_t *marks, *lines;  /* where fields and lines end, for the vector reader */
    size_t mark_room;         /* of marks, beside the one before them, and of lines */
} Piece;

enum {
    MARKED_BYTES = 1 << 14, /* text that is marked at a time */
    MARK_SLACK = 80         /* room that the vector reader wants beyond the last mark */
};

typedef struct {
    const char *name;
    void (*read)(Piece *piece);
    int64_t (*count)(const char *start, const char *end); /* line feeds */
    bool marks;                                           /* it needs the arrays for marks */
} RowReader;

/* The best one for this CPU; GRADC_LOAD in the environment names another. */
const RowReader *csv_row_reader(void);
/* NULL: this CPU (or compiler) has none. */
const RowReader *csv_vector_reader(const char *name);
/* Reads plain rows from position on, as many as there are in the block. False: none. */
bool csv_read_plain(Csv *csv);
/* Ends its threads. */
void csv_end_plain(Csv *csv);
bool csv_store_whole(const Piece *piece, size_t i, int64_t row, double value);
/* False: it is too large for a float. */
static inline bool csv_store_real(const PlainField *field, int64_t row, double value) {
    const size_t at = (size_t)row * field->stride;
    if (!field->single) {
        ((double *)field->to)[at] = value;
        return true;
    }
    ((float *)field->to)[at] = (float)value;
    return value < 0x1.ffffffp127 && value > -0x1.ffffffp127;
}
bool csv_store_text(const Piece *piece, size_t i, int64_t row, const char *start, const char *end);

/* ---- load_csv.c ---- */
/* Room for that many rows at least, and those that the file may have. False: reported. */
bool csv_more_room(Csv *csv, int64_t rows);
int64_t csv_column(Csv *csv, char *at); /* in characters, from 1 */
void csv_new_line(Csv *csv, char *start);
bool csv_refill(Csv *csv, char *keep); /* more bytes; keeps those from `keep` on */
FieldEnd csv_scan_field(Csv *csv);
void csv_unquote(Csv *csv);
void csv_warn_end(const Csv *csv);

/* ---- csv_head.c ---- */
bool csv_read_delimiter(Csv *csv);
bool csv_read_first(Csv *csv, FirstRow *row);
/* Is it of the kind that is read? Else reported. */
bool csv_check_first(Csv *csv, const FirstRow *row);
char *csv_first_text(const FirstRow *row, size_t field, size_t *length);
bool csv_is_header(const Csv *csv, const FirstRow *row);
bool csv_take_names(Csv *csv, FirstRow *row);

#endif
