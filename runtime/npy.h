/* npy.h: one array in NumPy's format, as some of the fields of a table: the whole of a .npy file
 * (load_npy.c), or a member of a .npz archive (load_npz.c). */
#ifndef GRADC_NPY_H
#define GRADC_NPY_H

#include "runtime/cells.h"

typedef enum {
    NPY_F8,
    NPY_F4,
    NPY_F2,
    NPY_I8,
    NPY_I4,
    NPY_I2,
    NPY_I1,
    NPY_U8,
    NPY_U4,
    NPY_U2,
    NPY_U1,
    NPY_B1,
    NPY_UNICODE, /* four bytes a character */
    NPY_BYTES
} NpyType;

typedef struct {
    Context *context;
    Input *input;
    bool quiet; /* what is wrong with the header is not said */
    NpyType type;
    size_t size; /* of an element */
    bool swapped, fortran;
    int64_t axes[NPY_AXES];
    size_t rank;
    int64_t rows, width; /* the first axis; the product of the others */
    int64_t bytes;       /* of all elements */
    /* where its elements go */
    Cells *cells;
    size_t first;      /* field of element 0 of a row */
    char separator[8]; /* the number of the row before, where a field separates samples */
    Text text;
} Npy;

/* Reads the header at input->position. False: reported, unless `quiet` and the array is one that is
 * not read. */
bool npy_read_header(Npy *npy, Context *context, Input *input, bool quiet);
/* Reads all elements into `cells`, which has room for the rows, `first` and the `width - 1` fields
 * behind it. What is bad is left to cells_report. False: reported. */
bool npy_read_elements(Npy *npy, Cells *cells, size_t first);

#endif
