/* loop.h: optimised IR to loop program: loops, buffers, scalar assignments. All decisions (what is
 * stored, which loops merge, bounds, clamps, order of loops, workspace) are made here; the printers
 * (emit/c.c, emit/llvm.c) make none. */
#ifndef GRADC_LOOP_H
#define GRADC_LOOP_H

#include "ir/ir.h"

/* A real is what the precision of the program says: double or float. */

/* ---- arguments of the function, in the order of the C interface
 * ------------------------------------ */

typedef enum {
    ARG_DIM,      /* int64_t (size_t in C): the value of dim symbol `which` */
    ARG_PARAMS,   /* const real *: all params, flat; real * when the program updates them */
    ARG_CONSTS,   /* const real *: LEAF_CONSTs, in leaf order (trainer kernels) */
    ARG_DATA,     /* const real *: data leaf `which` */
    ARG_ROWS,     /* int64_t: the number of samples m */
    ARG_TOTAL,    /* int64_t: samples of the whole data set (trainer kernels) */
    ARG_STARTS,   /* const int64_t *: the first row of each sample, and the end of the last one
                     (trainer kernels of models with a rows dim) */
    ARG_LENGTHS,  /* const size_t *: the rows of each sample (C functions of such models) */
    ARG_ORDER,    /* const int64_t *, may be NULL: the row of each sample (per-sample programs) */
    ARG_COLUMN,   /* const real * or const int64_t *: column leaf `which`, sample-major */
    ARG_SCALAR,   /* real or int64_t: scalar argument leaf `which` */
    ARG_ARRAY,    /* const real * or const int64_t *: array argument leaf `which` */
    ARG_TANGENT,  /* const real *: directions of all wrt leaves, flat, in leaf order */
    ARG_SEED,     /* uint64_t */
    ARG_RATE,     /* real: the step of SINK_UPDATE */
    ARG_GRADIENT, /* real *: OUT_GRADIENT outputs, flat, in output order */
    ARG_OUTPUT,   /* real *: output `which` */
    ARG_MATRIX,   /* real *: OUT_MATRIX outputs, blocks of one matrix; `which` is the first */
    ARG_WORK,     /* real *: scratch of `work_size` reals; only where it is needed */
} ArgRole;

typedef enum {
    C_REAL,
    C_INT64,
    C_SIZE,
    C_UINT64,
    C_CONST_REAL_PTR,
    C_REAL_PTR,
    C_CONST_INT64_PTR,
    C_CONST_SIZE_PTR
} CType;

typedef struct {
    ArgRole role;
    CType type;
    uint32_t which;
    const char *name; /* C spelling, unique in the function */
} LoopArg;

/* ---- scalars, buffers
 * ---------------------------------------------------------------------------------- */

typedef uint32_t VarId; /* a scalar local: loop counter, value computed once, accumulator */
typedef uint32_t BufferId;

typedef struct {
    const char
        *name; /* C spelling; unique, but that loops over one index, never nested, share theirs */
    Kind kind; /* KIND_INT: int64_t */
    bool wide; /* of KIND_REAL: collects the objective, and is a double in all precisions */
} LoopVarInfo;

typedef enum {
    BUFFER_ARG,   /* at argument `arg` + offset entries */
    BUFFER_LOCAL, /* on the stack: `size` is a constant, all locals together ≤ 16 KiB */
    BUFFER_WORK,  /* in the work argument, `offset` entries in */
} BufferPlace;

typedef struct LoopExpr LoopExpr;

typedef struct {
    const char *name;
    Kind kind;
    BufferPlace place;
    uint32_t arg;           /* BUFFER_ARG, BUFFER_WORK: number of the argument */
    const LoopExpr *offset; /* int; NULL: 0 */
    int64_t size;           /* LOCAL: entries */
    bool written;
} LoopBuffer;

/* ---- expressions: trees over scalars
 * -------------------------------------------------------------------- */

typedef enum {
    LX_REAL,
    LX_INT,
    LX_BOOL,    /* constants */
    LX_VAR,     /* a scalar local */
    LX_ARG,     /* a scalar argument (dim, rows, scalar, seed, rate) */
    LX_ARG_SET, /* bool: pointer argument `arg` is not NULL (ARG_ORDER) */
    LX_MOST,    /* the largest of the `a` entries of ARG_LENGTHS `arg`, at least 1 */
    LX_LOAD,    /* buffer[a] */
    LX_CALL,    /* builtin(a, b, c); kinds by the row */
    LX_EXTERN,  /* an extern C function of reals */
    LX_CONVERT, /* int or bool to real */
    LX_SELECT,  /* args c, a, b: both sides may be evaluated (no side effects; loads stay in bounds)
                 */
} LoopExprKind;

struct LoopExpr {
    LoopExprKind kind;
    Kind type;
    union {
        double real;
        int64_t integer; /* INT, BOOL */
        VarId var;
        uint32_t arg;    /* ARG, ARG_SET, MOST */
        BufferId buffer; /* LOAD */
        BuiltinId builtin;
        const External *external;
    } as;
    uint8_t count;
    const LoopExpr *args[EXTERN_ARITY];
    Span span;
};

/* ---- statements
 * -------------------------------------------------------------------------------------------- */

typedef enum {
    LS_FOR,       /* for (var = low; var < high; var++), or downward when `down` */
    LS_LET,       /* var = value, declared here, never changed */
    LS_DECLARE,   /* var = value, declared here, changed later (accumulator) */
    LS_ADD,       /* var += value */
    LS_MAX,       /* var = maximum(var, value), NaN wins */
    LS_ASSIGN,    /* var = value */
    LS_STORE,     /* buffer[index] = value */
    LS_STORE_ADD, /* buffer[index] += value */
    LS_ZERO,      /* buffer[0 … count-1] = 0; count is `value` */
    LS_IF,        /* if (condition) { body } */
    LS_PRODUCT,   /* a matrix product is added to a matrix at buffer + index: `product` */
    LS_LIB,       /* a planned library operation on the matrix at buffer + index, n = value rows;
                     with a factor at factor + low, and `high` columns in the matrix */
    LS_PREFETCH,  /* buffer[index] will be read: a hint */
    LS_LEAVE,     /* leaves the innermost FOR */
    LS_RETURN,    /* return value (real); the last statement */
    LS_COMMENT,   /* `text`: names the model's line or value, for readers of the C source */
} LoopStmtKind;

/* What is known of a loop; printers may use it (vector hints), it changes no meaning. */
enum {
    LOOP_SAMPLE = 1,      /* over the rows */
    LOOP_INDEPENDENT = 2, /* iterations touch different entries: any order, lanes allowed */
    LOOP_REDUCES = 4,     /* besides, it only adds to (or takes the maximum into) scalars */
    LOOP_BLOCKS = 8,      /* over blocks of samples, all of one size but the last */
    LOOP_RARE = 16,       /* of an IF: hardly ever true */
    LOOP_LANES = 32,      /* independent, over LANES samples, the innermost one */
};

/* Iterations of a loop with LOOP_LANES: four vectors of eight doubles. */
enum { LANES = 32 };

/* c[r·c_row + n] += Σ over k < terms of a[a_at + r·a_row + k·a_step] · b[b_at + k·b_step +
 * n·b_column], for r < rows, n < columns; PRODUCT_TERMS terms at a time are added up, then added to
 * c. */
enum { PRODUCT_TERMS = 128 };
enum {
    PRODUCT_ROWS,
    PRODUCT_COLUMNS,
    PRODUCT_COUNT, /* of the terms */
    PRODUCT_C_ROW,
    PRODUCT_A_AT,
    PRODUCT_A_ROW,
    PRODUCT_A_STEP,
    PRODUCT_B_AT,
    PRODUCT_B_STEP,
    PRODUCT_B_COLUMN,
    PRODUCT_PARTS
};
typedef struct {
    BufferId a, b;
    const LoopExpr *parts[PRODUCT_PARTS];
} LoopProduct;

typedef struct LoopStmt LoopStmt;
struct LoopStmt {
    LoopStmtKind kind;
    VarId var;
    BufferId buffer;
    const LoopExpr *index, *value; /* STORE: index; FOR: unused */
    const LoopExpr *low, *high;    /* FOR */
    const LoopExpr *condition;     /* IF */
    LibId lib;                     /* LIB */
    const LoopProduct *product;    /* PRODUCT; c is at buffer + index */
    BufferId factor;               /* LIB; `buffer`, where the operation has none */
    bool down;
    unsigned flags;   /* FOR, IF */
    int64_t slots;    /* FOR: over segments that run again for that of the loop around it, with so
                         many places for states (loop_runs); 0: any other */
    bool reassociate; /* ADD: the order of this sum may change (off under --strict) */
    LoopStmt *body;   /* FOR, IF: through next */
    const char *text;
    Span span; /* the model's line, for -g and comments */
    LoopStmt *next;
};

typedef struct {
    const char *name; /* of the C function */
    Precision precision;
    bool returns; /* a real, else void; a trainer's kernel a double: its sum as it was collected */
    bool trainer;
    LoopArg *args;
    size_t arg_count;
    LoopVarInfo *vars;
    size_t var_count;
    LoopBuffer *buffers;
    size_t buffer_count;
    LoopStmt *body;
    const char *work_rpn;      /* number of reals of ARG_WORK over dim names and "m" (rows), as RPN
                                  text; NULL: no work argument */
    const char *work_text;     /* the same as people write it */
    const LoopExpr *work_size; /* the same over LX_ARG of the dims and rows */
    const char
        *segments;       /* which recurrences are cut into segments, and what that costs; or NULL */
    const char *samples; /* how its loop over samples goes, and why; NULL: it has none */
    const Ir *ir;        /* what it was made of: names, dims, leaves */
} LoopProgram;

typedef struct {
    Precision precision;
    bool strict;
    int64_t checkpoint; /* a recurrence keeps its state every so many steps for its adjoint, and
                           runs them again; 0: when all would take too much memory; -1: never */
    int64_t kept; /* at most so many such states, chosen by the binomial schedule; 0: all of them */
    bool trainer; /* a trainer's kernel: arguments DIM…, CONSTS, PARAMS, DATA…, ROWS, ORDER,
                     COLUMN…, SEED, RATE, GRADIENT or OUTPUT…, WORK, as far as it needs them */
    Diags *diags;
} LoopOptions;

/* Plans an entry. Arguments in C order: dims unbound at compile time, params, data, rows, arguments
 * or columns, tangent, outputs, gradient, work. Returns NULL on an error (reported). */
LoopProgram *loop_plan(const LoopOptions *options, Arena *arena, const Ir *ir);
/* Has the gradient a param of which only entries at positions in the data are not zero? */
bool loop_gathers(const Ir *ir);
/* Checks what printers rely on; a message, or NULL. */
const char *loop_verify(const LoopProgram *program, Arena *arena);
/* As text, for --dump=loop. */
const char *loop_text(const LoopProgram *program, Arena *arena);
/* Runs it (slowly), for tests: same arguments as the C function, in order. Every operation is
 * rounded as the precision says; with a seed, at random to one of the two neighbours, so that what
 * differs between runs is what rounding may do. */
typedef union {
    double real;
    int64_t integer;
    void *pointer;
} LoopArgValue;
double loop_run(const LoopProgram *program, Arena *arena, const LoopArgValue *args, uint64_t seed);
/* Bytes of an entry of a buffer of this kind. */
int loop_bytes(const LoopProgram *program, Kind kind);
/* Floating-point operations and bytes touched, as functions of the dims, for --report. The rows of
 * a sample (ARG_LENGTHS) are given as a number, not as a pointer. */
double loop_flops(const LoopProgram *program, const LoopArgValue *args);
/* How often a segment runs on average, of so many, with places for the states at the beginnings of
 * `slots` of them (0: of all). */
double loop_runs(int64_t count, int64_t slots);

/* cname.c: a name of the model as a C identifier (`θ₀` → `theta0`, `权` → `u6743`); names that C,
 * libm or the built-ins use get a `_` behind. */
const char *loop_c_name(Arena *arena, const char *name);

#endif
