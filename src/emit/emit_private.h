/* emit_private.h: what the printers of loop programs share among themselves. */
#ifndef GRADC_EMIT_PRIVATE_H
#define GRADC_EMIT_PRIVATE_H

#include "emit/emit.h"

/* ---- uses.c: what of a loop program is really read ------------------------------------------- */

typedef struct {
    uint32_t *var_reads; /* per variable: in expressions that are not dead themselves */
    bool *buffer_used;
    bool *buffer_read; /* else it is only written */
    bool *arg_used;
} Uses;

/* A statement that only sets a variable nobody reads is dead; reads in it do not count. */
Uses program_uses(Arena *arena, const LoopProgram *program);
bool statement_is_dead(const Uses *uses, const LoopStmt *statement);
bool buffer_is_written(const LoopProgram *program, uint32_t arg);
/* At most four passes, known here: written out, as the rows of small matrices are. */
bool loop_is_tiny(const LoopStmt *loop);

/* ---- retype.c ---------------------------------------------------------------------------------
 */

/* Text for double, in C or in LLVM's form, as text for the precision. */
const char *emit_retype(Arena *arena, const char *text, Precision precision, bool is_c);

/* ---- sizes.c: the size functions of the C interface ------------------------------------------ */

/* size_t NAME(size_t dims…): m_param_count, m_f_work. The value is an int over LX_ARG of `args`. */
typedef struct {
    const char *name;
    const char *comment; /* one sentence, for the header */
    LoopArg *args;       /* of type C_SIZE; the rows of samples C_CONST_SIZE_PTR */
    size_t arg_count;
    const LoopExpr *value;
} SizeFunction;

/* In the order of the header: param_count first, then the work sizes in the order of the functions.
 */
SizeFunction *unit_sizes(Arena *arena, const Unit *unit, size_t *count);
/* That of all its programs. */
Precision unit_precision(const Unit *unit);
/* The first function whose Ir has parameters; NULL: the model has none (or nothing was planned). */
const LoopProgram *unit_with_params(const Unit *unit);
/* Does the expression read argument `arg`? */
bool loop_mentions(const LoopExpr *expr, uint32_t arg);
/* The shape of a leaf; `own`: of a constrained param that which the user sees. */
const Dim *leaf_shape(const Leaf *leaf, bool own, unsigned *rank);
/* Its entries; false where a dim of its shape is unknown at compile time. */
bool leaf_entries(const Ir *ir, const Leaf *leaf, bool own, int64_t *entries);
/* Have the params, as the user sees them, another layout than the free numbers? */
bool constrained_differs(const Ir *ir);
/* Text after the last '/' of a path. */
const char *base_name(const char *path);
/* Where a function stands in the model: the place of its value. */
Span program_span(const LoopProgram *program);
/* The bits of the NaN that stands for what planned operation f, there in the model, could not make:
 * runtime/abi.h says which. */
uint64_t emit_where(const Unit *unit, LibId f, Span span);
/* The file and line of a span as "line.model:4", or NULL when it is nowhere. */
const char *span_text(Arena *arena, const Unit *unit, Span span);

/* ---- derivation.c: what an output of a derivation is ------------------------------------------
 */

typedef enum { TITLE_VALUE, TITLE_FIRST, TITLE_DIRECTIONAL, TITLE_SECOND, TITLE_PRODUCT } TitleKind;

typedef struct {
    TitleKind kind;
    const char *value;  /* the function, or one of its values: f, f.1 */
    const char *row;    /* SECOND: the variable of the rows */
    const char *column; /* the variable that it is differentiated by, or NULL */
    unsigned rows;      /* so many axes belong to the value, or to `row`; the others to `column` */
} DerivativeTitle;

/* False where the output is not to be shown: it holds the same as another. */
bool derivative_title(Arena *arena, const char *function, const Ir *ir, size_t k,
                      DerivativeTitle *title);

/* Constants, sizes, indices, leaves and their entries have no step or name of their own. */
bool is_written_inline(const Ir *ir, const Node *node);

/* ---- tex.c -------------------------------------------------------------------------------------
 */

/* Numbers, by value, what becomes a definition: what is shared, deep, or has a name; 0: nothing.
 * *count of them. */
uint32_t *formula_names(Arena *arena, const Ir *ir, const bool *reached, uint32_t *count);

/* ---- mathml.c ----------------------------------------------------------------------------------
 */

typedef struct {
    Text *out;
    Arena *arena;
    const Ir *ir;
    const char **names; /* by value: the MathML that stands for it, or NULL: it is written out */
    const char **deep;  /* of html.c: names given because formulas would nest too deeply */
} Math;

void mathml_value(const Math *m, Ref v);
/* The value as it is made of its operands, even if it has a name. */
void mathml_body(const Math *m, Ref v);
/* theta0 with its number as a subscript. */
void mathml_name(Text *out, Arena *arena, const char *name);
/* i, j */
void mathml_axes(const Math *m, const Index *axes, unsigned count);
/* Text, with the characters that mean something in HTML escaped. */
void html_text(Text *out, const char *text);

#endif
