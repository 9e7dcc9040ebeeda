/* c_private.h: the C printer's own pieces: names, expressions, helpers; shared by c.c, c_expr.c and
 * header.c. */
#ifndef GRADC_C_PRIVATE_H
#define GRADC_C_PRIVATE_H

#include "emit/emit_private.h"

/* The names of one function, none of them a word of C or of its headers, all distinct. */
typedef struct {
    const char **args; /* as the body uses them */
    const char *
        *formals; /* as the definition declares them: D_size for the size_t that is read as D */
    const char **vars;
    const char **buffers; /* equal to the argument's name where the buffer is the argument */
    const char **zeros;   /* counters of the loops that clear a buffer, in order */
    size_t zero_count;    /* those printed so far */
} CNames;

CNames c_names(Arena *arena, const LoopProgram *program, const Uses *uses);
/* `name`, or with a `_` where C or its headers have it already. */
const char *c_legal(Arena *arena, const char *name);
/* "const double *params" and so on, in a precision; `restrict_word` is "restrict " or "". */
const char *c_formal(Arena *arena, Precision precision, CType type, const char *name,
                     const char *restrict_word);

/* Static functions for what C99's library lacks, printed only when they are called. */
typedef enum {
#define HELPER(id, text) HELPER_##id,
#include "emit/c_helper.def"
#undef HELPER
    HELPER_COUNT
} Helper;

typedef struct {
    Text *out;
    const LoopProgram *program;
    CNames names;
    bool *helpers;   /* HELPER_COUNT: those called so far */
    bool *externals; /* of the table: which are called */
} CPrinter;

/* How tightly an expression holds together; the higher, the tighter. */
typedef enum {
    C_ANY,
    C_CONDITIONAL,
    C_OR,
    C_AND,
    C_EQUALITY,
    C_RELATION,
    C_SUM,
    C_PRODUCT,
    C_UNARY,
    C_PRIMARY,
} CPrecedence;

/* Prints `expr`, in parentheses where it holds less tightly than `around`. */
void c_expr(CPrinter *printer, const LoopExpr *expr, CPrecedence around);
/* x where expr is −x, for `s -= x`; NULL for others. */
const LoopExpr *c_negated(const LoopExpr *expr);

#endif
