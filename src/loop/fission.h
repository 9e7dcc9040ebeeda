/* fission.h: what the files share that take loops over samples apart: pieces.c cuts a body into
 * pieces and finds their order, copies.c writes them at one sample, product.c finds matrix
 * products, fission.c decides and writes the loops. */
#ifndef GRADC_LOOP_FISSION_H
#define GRADC_LOOP_FISSION_H

#include "loop/plan.h"

enum { BLOCK_SIZE = 64, ROWS_AT_ONCE = 4, STATEMENT_LIMIT = 200 };

/* What a statement does with a variable or a buffer. */
enum { READS = 1, WRITES = 2, ADDS = 4, DECLARES = 8 };

typedef struct {
    uint8_t *vars, *buffers;
} Effects;

/* Statements of the body that stay together. */
typedef struct {
    LoopStmt **list;
    size_t count;
    Effects does;
    bool nest;          /* holds a loop */
    LoopStmt *products; /* what it is made as, if it is matrix products */
    bool free;          /* a position or an entry of the data: made again where it is used */
    unsigned phase;
    unsigned part; /* the loop over samples that it goes to */
} Piece;

typedef struct {
    Plan *plan;
    LoopStmt *loop;
    const Block *inside; /* the body of the loop */
    Piece *pieces;
    size_t count;
    size_t var_count, buffer_count; /* at the start */
    bool *inner;                    /* by variable: declared in the body */
    bool *taken;                    /* by variable: its copy has kept it */
    bool *own;                      /* by buffer: of one sample */
    bool *crosses_buffer;           /* by buffer: parts hand it on: it has room for a block */
    bool *crosses_var;
    BufferId *handed; /* by variable that crosses */
    unsigned part_count;
    unsigned product_count, shared_count, plain_count; /* parts, as they are written */
    const LoopExpr *first;                             /* sample of the block */
    const LoopExpr *rows;                              /* samples in the block */
    Dim size;    /* entries that a handed variable has room for */
    Block *home; /* of the buffers that are made */
} Fission;

/* ---- pieces.c
 * ------------------------------------------------------------------------------------------------
 */

/* `inside`: the body as it was planned; buffers made in it are of one sample. */
Fission fission_new(Plan *plan, LoopStmt *loop, const Block *inside);
/* Pieces in their parts, with what they hand on; false: it cannot be done. */
bool fission_analyse(Fission *f);
/* What statements do: nothing yet, and that of a block besides. */
Effects effects_new(const Fission *f);
void effects_add(Effects *does, const LoopStmt *block);
/* Which variables are declared in the body, which buffers are of one sample. */
void fission_inner(Fission *f);
/* No calls of libraries, no loops that are left early. */
bool is_plain(const LoopStmt *block);
bool has_loop(const LoopStmt *stmt);
/* May its value change from sample to sample, or in the body? */
bool varies(const Fission *f, const LoopExpr *x);
/* Calls of exp and the like: several rows of these at a time spill registers and share nothing. */
bool calls(const LoopExpr *x);
/* The length of a loop as a size; false: it is none. */
bool extent_dim(const Plan *plan, const LoopExpr *x, Dim *dim);
/* One loop of plain statements, of the same length for all samples: rows can share it. */
bool shares_rows(const Fission *f, const Piece *piece);

/* ---- copies.c
 * ------------------------------------------------------------------------------------------------
 */

/* The statements at one sample. */
typedef struct {
    Fission *f;
    const LoopExpr **map; /* by variable of the start: what stands for it, or NULL */
    const LoopExpr *row;  /* number in the block */
} Copy;

Copy copy_new(Fission *f, const LoopExpr *sample);
/* Position `index` of the sample's own entries, in a buffer that has room for a block. */
const LoopExpr *row_index(const Copy *copy, BufferId buffer, const LoopExpr *index);
const LoopExpr *copy_expr(const Copy *copy, const LoopExpr *x);
/* A variable declared in the copy: the same one the first time. */
VarId copy_var(Copy *copy, VarId var);
LoopStmt *copy_stmt(Copy *copy, const LoopStmt *stmt);
void stmt_append(LoopStmt ***end, LoopStmt *stmt);
LoopStmt *stmt_new(Plan *plan, LoopStmtKind kind);
bool in_part(const Piece *piece, unsigned part);
/* In front of the pieces of a part: positions, data and values of other parts that it reads. */
void begin_part(Copy *copy, unsigned part, LoopStmt ***end);
/* Behind them: what it hands on. */
void end_part(Copy *copy, unsigned part, LoopStmt ***end);

/* ---- ahead.c: prefetching
 * ------------------------------------------------------------------------------------------------
 */

/* Asks for what the body reads of the samples that come some places behind first … first + count
 * - 1.
 */
void ahead_fetch(Plan *plan, const LoopStmt *body, const LoopExpr *first, unsigned count,
                 LoopStmt ***end);

/* ---- product.c
 * ------------------------------------------------------------------------------------------------
 */

/* What x grows by when var grows by one; NULL: that is not a constant of the nest. */
const LoopExpr *stride(Plan *plan, const LoopExpr *x, VarId var);
bool mentions(const LoopExpr *x, VarId var);
/* Finds the pieces that are matrix products, and zeros for a whole block. What is against going in
 * blocks, or NULL. */
const char *fission_loses(Fission *f);

/* ---- hoist.c
 * ------------------------------------------------------------------------------------------------
 */

/* A copy of the loop over samples in which nests keep what they would compute several times.
 * `of_samples`: which variables differ from sample to sample. */
LoopStmt *hoist_invariants(const Fission *f, const bool *of_samples);

/* ---- lanes.c
 * ------------------------------------------------------------------------------------------------
 */

/* The loop in blocks whose innermost loops are all over the samples of the block, *why says so; or
 * NULL: it cannot be done, or holds no loops in loops. `inside`: the body as it was planned. */
LoopStmt *lanes_split(Plan *plan, LoopStmt *over, const Block *inside, const char **why);

/* ---- fission.c
 * ------------------------------------------------------------------------------------------------
 */

/* Does each turn of the counter touch entries of its own? Two samples may add to one entry, as the
 * gradient of a param does whose rows data look up: such a loop is not independent. */
bool are_apart(Plan *plan, const LoopStmt *body, VarId counter);

/* All pieces of a part, sample after sample. */
LoopStmt *write_plain(Fission *f, unsigned part, const LoopExpr *low, const LoopExpr *high);

#endif
