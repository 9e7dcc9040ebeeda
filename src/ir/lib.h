/* lib.h: the table of library operations on whole matrices (lib.def): linear algebra. */
#ifndef GRADC_IR_LIB_H
#define GRADC_IR_LIB_H

typedef enum {
#define LIB(id, name, operands, result, meaning) LIB_##id,
#include "ir/lib.def"
#undef LIB
    LIB_COUNT
} LibId;

typedef enum { LIB_RESULT_SAME, LIB_RESULT_NUMBER } LibResult;

enum { LIB_ARITY = 2, LIB_LU_EXTRA = 3 }; /* rows that LU has besides those of its matrix */

typedef struct {
    const char *name;
    unsigned arity;
    LibResult result;
} LibRow;

extern const LibRow lib_table[LIB_COUNT];

#endif
