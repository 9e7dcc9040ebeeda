/* cells.h: fields of a table on their way into the arrays of the model, whatever the format:
 * loaders name the fields, then give texts or numbers row by row (data->rows is the row); at the
 * end labels are numbered and missing values settled. All complaints of one cell are here. */
#ifndef GRADC_CELLS_H
#define GRADC_CELLS_H

#include "runtime/runtime.h"

typedef enum { FIELD_SKIP, FIELD_REAL, FIELD_INT, FIELD_TEXT, FIELD_SAMPLE } FieldKind;

typedef struct {
    FieldKind kind;
    bool decided; /* INT that may have texts: one of both was met */
    uint32_t column;
    int64_t entry, stride;
    int64_t limit;    /* INT: below it; INT64_MAX: unknown */
    int64_t largest;  /* INT so far */
    Classes *classes; /* TEXT */
} Field;

typedef struct {
    Context *context;
    Model *model;
    const LoadOptions *options;
    Data *data;
    const char *path;
    char **names; /* NULL: the columns are numbered */
    Field *fields;
    size_t field_count;
    size_t undecided; /* fields */
    bool failed;      /* an error that ends reading; reported */
    /* the place of the cell: a line and a column of text; line 0: the row, from 1 */
    int64_t line, column;
    Text sample; /* the value that separates samples, of the row before */
    /* bad cells: the first one's message, and how many */
    int64_t bad;
    char *first_bad;
    /* --na: how many cells are missing, and the rows that are to be left out */
    int64_t missing;
    int64_t *rows;
    size_t row_count, row_capacity;
    /* --na=drop: of a label that is not known, in a row that may yet be left out */
    char *doubt;
    int64_t doubt_row;
} Cells;

/* The beginning of all loaders: `cells` without fields. */
void cells_start(Cells *cells, Context *context, Model *model, const LoadOptions *options,
                 const char *path, Data *data);
/* Matches the fields to the columns of the model; `where` is the place of their names, for
 * messages. False: reported. */
bool cells_make_fields(Cells *cells, size_t count, const char *where);
/* Stores a text, or a number, as field `number` of row data->rows. The byte after the text may be
 * changed and is put back. What is bad is counted, and the first one's message kept. */
void cells_text(Cells *cells, size_t number, char *text, size_t length);
void cells_number(Cells *cells, size_t number, double value);
/* The same of a number that is written so in the data. */
void cells_number_written(Cells *cells, size_t number, double value, const char *text,
                          size_t length);
/* A cell without a value; `why` says so where that is an error. */
void cells_missing(Cells *cells, size_t number, const char *why);
void cells_put_real(const Cells *cells, const Field *field, double value);
enum { CELL_SHOWN = 56 };
/* Text for a message: control characters and what is too long are replaced. */
void cells_show(char *shown, size_t size, const char *text, size_t length);
/* A complaint at a place; a complaint of a value, at that of the cell. */
void cells_bad(Cells *cells, int64_t line, int64_t column, const char *message);
void cells_bad_value(Cells *cells, size_t number, const char *text, size_t length, const char *why);
/* Prints what was bad. False: something was. */
bool cells_report(Cells *cells);
/* After the last row: missing values, labels and limits. False: reported. */
bool cells_finish(Cells *cells);
/* Labels of both are numbered together. */
bool cells_same_labels(const Cells *cells, const Field *a, const Field *b);
/* labels.c: the last step of cells_finish. `pruned`: rows were left out. */
bool labels_finish(Cells *cells, bool pruned);

#endif
