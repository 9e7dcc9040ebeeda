/* ir.h: the index IR. Values, indices, dims, arrays; constructors; text form; the interpreter.
 * Read top to bottom, this header explains the IR. The mathematics is in docs/design.md. */
#ifndef GRADC_IR_H
#define GRADC_IR_H

#include "base/base.h"
#include "ir/builtin.h"
#include "ir/lib.h"

/* ---- dim.c: sizes ------------------------------------------------------------------------------
 * A Dim is an entry of the module's table of sizes: a constant, a symbol, or an expression of them
 * in normal form (a polynomial whose atoms are symbols and floor-quotients or remainders of
 * polynomials), so that equal sizes are one entry. Named dims stay symbols even when their value is
 * known: sizes match by name. */
typedef uint32_t Dim;
enum { DIM_NONE = 0 };

typedef struct Ir Ir;

Dim dim_const(Ir *ir, int64_t value);
Dim dim_symbol(Ir *ir, Name name); /* the symbol of that name, made if new, value unknown */
void dim_bind(Ir *ir, Dim symbol, int64_t value); /* its value is known at compile time */
Dim dim_add(Ir *ir, Dim a, Dim b);
Dim dim_sub(Ir *ir, Dim a, Dim b);
Dim dim_mul(Ir *ir, Dim a, Dim b);
Dim dim_floordiv(Ir *ir, Dim a, Dim b); /* of the floor, as // */
Dim dim_mod(Ir *ir, Dim a, Dim b);
bool dim_is_const(const Ir *ir, Dim d, int64_t *value); /* a literal constant */
bool dim_is_symbol(const Ir *ir, Dim d, Name *name);
bool dim_value(const Ir *ir, Dim d, int64_t *value); /* known: constant or of bound symbols */
/* Value when symbol k of the table has value symbols[k] (see dim_symbol_count). */
int64_t dim_evaluate(const Ir *ir, Dim d, const int64_t *symbols);
size_t dim_symbol_count(const Ir *ir);
Dim dim_symbol_at(const Ir *ir, size_t k);          /* in the order they were made */
size_t dim_symbol_number(const Ir *ir, Dim symbol); /* its k */
bool dim_mentions(const Ir *ir, Dim d, Dim symbol); /* does its value depend on it? */
const char *dim_text(const Ir *ir, Dim d);          /* as the language writes it: "D*(D + 1)//2" */
const char *dim_rpn(const Ir *ir, Dim d); /* "D D 1 + * 2 //": for the model description */
/* Is a ≥ b, a ≤ b … for all values of the symbols ≥ 1 (bound ones at their value)? Conservative:
 * true only when proved. */
bool dim_proves_le(const Ir *ir, Dim a, Dim b);
/* A size that is at least d and at least 0, for all symbols ≥ 1: d where that is proved, else its
 * positive terms. A loop over 5..T makes T - 5 steps; where T is 3, none, and not fewer. Quotients
 * that are taken off count as at least 0. */
Dim dim_room(Ir *ir, Dim d);

/* ---- indices -----------------------------------------------------------------------------------
 * An index is a pair (dim, ordinal), printed D.0, D.1; it runs over 0 … extent-1. A module has at
 * most 64, numbered as they are made; a set is a mask. */
typedef uint8_t Index;
typedef uint64_t IndexSet;
enum { INDEX_LIMIT = 64, RANK_LIMIT = 8 };
#define INDEX_BIT(i) ((IndexSet)1 << (i))

Index ir_index(Ir *ir, Dim dim, unsigned ordinal); /* more than 64: see ir_overflowed */
Index ir_fresh(Ir *ir, Dim dim, IndexSet used);    /* the lowest ordinal of dim not in `used` */
Dim ir_index_dim(const Ir *ir, Index i);
unsigned ir_index_ordinal(const Ir *ir, Index i);
bool ir_overflowed(const Ir *ir); /* more than 64 indices were asked for: results are void, and the
                                     caller reports "too many nested indices" */

/* ---- leaves -------------------------------------------------------------------------------------
 */

typedef enum {
    LEAF_PARAM,    /* a param; real; a slice of the flat vector, in the order of the file */
    LEAF_CONST,    /* a hyperparameter that the trainer may set; real scalar */
    LEAF_DATA,     /* an array of the whole data set */
    LEAF_COLUMN,   /* a column of the data: axis 0 is the sample; real or int */
    LEAF_ARGUMENT, /* an argument of a C function: real or int */
    LEAF_TANGENT,  /* the direction of a jvp: laid out like leaf `of` */
    LEAF_SEED,     /* int scalar: the seed of random starts */
} LeafRole;

typedef struct {
    Name name;
    LeafRole role;
    Kind kind;
    uint8_t rank;
    const Dim *shape;
    Dim class_dim; /* int leaves: entries are in 0 … class_dim-1; or DIM_NONE */
    uint32_t of;   /* LEAF_TANGENT: the leaf it is a direction of */
    /* LEAF_PARAM. Of a constrained one the leaf holds the free numbers of a change of variables,
     * and the param that the user sees has the shape `own_shape`. */
    bool constrained;
    uint8_t own_rank;
    const Dim *own_shape;
    double low, high; /* the user's param is between these (exclusive), if low < high */
    Span span;
} Leaf;

/* ---- extern functions ------------------------------------------------------------------------ */

enum { EXTERN_ARITY = 6 };
#define EXTERN_NONE UINT32_MAX

/* double name(double, …): without side effects, and the same for the same arguments. */
typedef struct {
    Name name; /* in C, too */
    uint32_t arity;
    uint32_t derivatives[EXTERN_ARITY]; /* by each argument: entries of the table; or EXTERN_NONE */
    void *address;                      /* where the interpreters find it; NULL: nowhere */
    Span span;
} External;

/* ---- values
 * -------------------------------------------------------------------------------------- */

typedef uint32_t Ref; /* operands have smaller ids than their users */
enum { REF_NONE = 0 };

typedef enum {
#define OP(id, name, meaning) OP_##id,
#include "ir/op.def"
#undef OP
    OP_COUNT
} Op;

typedef struct {
    Op op;
    Kind kind;
    uint8_t rank;     /* 0: one number for each value of its free indices */
    const Dim *shape; /* rank entries */
    IndexSet free;    /* F(v) */
    uint32_t arg_count;
    const Ref *args;
    union {
        double real;       /* CONST of kind real */
        int64_t integer;   /* CONST of kind int or bool */
        Dim dim;           /* SIZE */
        Index index;       /* INDEX, SUM, MAX, ARGMAX, LSE */
        uint32_t leaf;     /* LEAF: entry of the leaf table */
        BuiltinId builtin; /* CALL */
        struct {
            const Index *list; /* in the order of the axes */
            uint32_t count;
        } indices; /* ARRAY */
        struct {
            IndexSet bound;       /* I */
            const Index *targets; /* P, one for each position */
            uint32_t count;
        } deposit;
        struct {
            uint32_t tag, k;
            Index t;
            Ref origin; /* of a derivative's: the state that it is of; in the order of these, if of
                           nothing that still exists. No part of its identity. */
        } state;
        struct {
            uint32_t tag;
            Index t;
            int direction; /* +1 or -1 */
            uint32_t count;
        } scan;
        uint32_t pick;
        struct {
            LibId id;
            const Index *targets; /* planned form: P, in the order of memory */
            uint32_t count;       /* of targets; 0: the operands are whole matrices */
        } lib;
        uint32_t variable; /* VAR: its number */
        uint32_t external; /* EXTERN: entry of the table */
    } as;
    Span span;
    /* What the model calls it, for people; no part of its identity. Of a number with free indices:
     * its axes, all of them, in the model's order. NULL: nothing. */
    Name name;
    const Index *name_axes;
} Node;

/* What an entry function gives back. */
typedef enum {
    OUT_VALUE,      /* scalar, F = {}: the C function's result */
    OUT_ARRAY,      /* an array (or a scalar by pointer): an output pointer of its own */
    OUT_GRADIENT,   /* slot of the flat gradient that belongs to leaf `leaf` */
    OUT_DERIVATIVE, /* directional derivative: `double *derivative` */
    OUT_MATRIX,     /* a block of a matrix (hessian, jacobian), an output pointer for all of them */
} OutputRole;

typedef enum {
    SINK_STORE,  /* overwrite */
    SINK_ADD,    /* OUT_ARRAY/GRADIENT: add to what is there */
    SINK_UPDATE, /* params[leaf] -= rate * value, after all reads of one sample */
} Sink;

typedef struct {
    Name name;
    OutputRole role;
    Sink sink;
    Ref value; /* scalar Ref with F = the axes (and the sample index for a sample entry) … */
    uint8_t rank;
    Index axes[RANK_LIMIT]; /* … stored in this order, row-major */
    uint32_t leaf;          /* GRADIENT, UPDATE: which leaf it belongs to; MATRIX: its columns */
    uint8_t row_axes;       /* MATRIX: so many of the axes are those of the rows */
    Dim offset, stride;     /* MATRIX: where the block begins, and the length of a row */
    Span span;
} Output;

/* One entry function in IR. `sample_dim` is the number of rows m (DIM_NONE: no batch).
 * A batch entry sums over an index of sample_dim. A *sample* entry (SGD) has outputs in which the
 * index `sample_index` is free: the loop over samples is outermost and sequential. `total_dim` is
 * the number of samples of the whole data set, where an entry needs it beside its own rows (the
 * share of the prior in a step of SGD).
 *
 * Where a sample is a block of rows (`dim T = rows`), rows_dim is the symbol T. In the IR all
 * samples have as many: a column has the axes (sample, T, …), and the IR is right for that. A
 * sample entry with a rows_dim is planned with another T for each sample: the blocks lie one after
 * the other, a gradient is the sum over the samples, and what depends on T is computed for each. */
struct Ir {
    Arena *arena;
    Interner *names;
    Name name; /* the C function's name: m_loss_grad */
    Span at;   /* the span that new nodes get; set by lower and diff */
    Dim sample_dim;
    Dim total_dim; /* or DIM_NONE */
    Dim rows_dim;  /* or DIM_NONE */
    bool per_sample;
    Index sample_index;
    Leaf *leaves;
    size_t leaf_count, leaf_capacity;
    Output *outputs;
    size_t output_count, output_capacity;
    /* What the flat array of the params is called, and the one that all OUT_GRADIENT outputs are
     * parts of where they are no gradient: `leaf` means nothing then. NULL: params, grad. */
    External *externals; /* what EXTERN calls; shared by all that are made of this */
    size_t external_count;
    const char *flat_in, *flat_out;
    const void *rewrites;    /* of opt/stable.c, for opt_rewrites; NULL: none */
    struct IrTables *tables; /* nodes, hash table, dims, indices, tags: private to src/ir */
};

/* `names`: the interner of the compilation. */
Ir *ir_create(Arena *arena, Interner *names, Name name);
/* An Ir without values and outputs, with the dims, indices, leaves, tags and settings of `like`:
 * what a pass builds its result in. Refs differ; Dim, Index, leaf and tag numbers are the same. */
Ir *ir_create_like(const Ir *like);
/* The same in another arena, of which nothing is left in that of `like`. */
Ir *ir_create_in(Arena *arena, const Ir *like);
Ref ir_count(const Ir *ir);               /* ids are 1 … ir_count(ir)-1 */
const Node *ir_node(const Ir *ir, Ref v); /* stable address */
IndexSet ir_free(const Ir *ir, Ref v);
Kind ir_kind(const Ir *ir, Ref v);
uint8_t ir_rank(const Ir *ir, Ref v);
const char *ir_external_name(const Ir *ir, const Node *node); /* of an EXTERN */
uint32_t ir_add_leaf(Ir *ir, Leaf leaf);                      /* shape is copied */
void ir_add_output(Ir *ir, Output output);
/* What the model calls a value, the entries of an array too: kept through passes as far as they
 * keep the value, for derivations. */
void ir_set_name(Ir *ir, Ref v, Name name);
/* What the model calls what a loop carries. Nothing where there is no name, or `state` has one or
 * is no state. */
void ir_name_state(Ir *ir, Ref state, Name name);
/* `state` is of a derivative of state `of` (or REF_NONE): the name of that, and the suffix. */
void ir_name_state_of(Ir *ir, Ref state, Ref of, const char *suffix);
/* Has it a name that no value before it has? Not a state: that has it at each step. */
bool ir_has_own_name(const Ir *ir, Ref v);
/* `to` is what `v` has become. */
void ir_keep_name(Ir *ir, Ref v, Ref to);
/* The adjoint names of an array value: the binder's indices for ARRAY, else the lowest ordinals of
 * its axes not in F(v). `names` has room for RANK_LIMIT. Returns the rank. */
unsigned ir_axis_names(Ir *ir, Ref v, Index *names);

/* ---- build.c: smart constructors, hash-consing: equal expressions are one Ref. Only rewrites that
 * are always true (section 3 of ir.md as kept in docs/design.md). Arguments are Refs of the right
 * kind; a wrong kind or rank is an internal error. ----------------------------------------------
 */

Ref ir_real(Ir *ir, double value);
/* NaN that tells why: an array was read where it has no entry, or a whole number was divided by 0,
 * in this line of the model. The bits are those of runtime/abi.h. */
#define IR_NAN_OUTSIDE UINT64_C(0x7ffd800000000000)
#define IR_NAN_DIVIDED UINT64_C(0x7ffda00000000000)
enum { IR_NAN_LINE = 29 /* shift of the line, 0 from 2^16 on */ };
double ir_nan(uint64_t why, uint32_t line);
Ref ir_int(Ir *ir, int64_t value);
Ref ir_bool(Ir *ir, bool value);
Ref ir_size(Ir *ir, Dim dim); /* constants fold; a known symbol stays a size */
Ref ir_idx(Ir *ir, Index i);
Ref ir_leaf(Ir *ir, uint32_t leaf);
Ref ir_call(Ir *ir, BuiltinId f, const Ref *args,
            unsigned count); /* kinds by the row: see builtin.h */
Ref ir_extern(Ir *ir, uint32_t external, const Ref *args, unsigned count);
Ref ir_call1(Ir *ir, BuiltinId f, Ref a);
Ref ir_call2(Ir *ir, BuiltinId f, Ref a, Ref b);
Ref ir_add(Ir *ir, Ref a, Ref b); /* both int or both real; the same for the next ones */
Ref ir_sub(Ir *ir, Ref a, Ref b);
Ref ir_mul(Ir *ir, Ref a, Ref b);
Ref ir_neg(Ir *ir, Ref a);
Ref ir_div(Ir *ir, Ref a, Ref b); /* real */
Ref ir_square(Ir *ir, Ref a);
Ref ir_floordiv(Ir *ir, Ref a, Ref b);             /* int */
Ref ir_mod(Ir *ir, Ref a, Ref b);                  /* int */
Ref ir_compare(Ir *ir, BuiltinId f, Ref a, Ref b); /* BI_eq ne lt le: bool */
Ref ir_and(Ir *ir, Ref a, Ref b);                  /* REF_NONE counts as true, here and in guard */
Ref ir_or(Ir *ir, Ref a, Ref b);
Ref ir_not(Ir *ir, Ref a);
Ref ir_convert(Ir *ir, Ref a); /* to real; the identity on reals */
Ref ir_select(Ir *ir, Ref c, Ref a, Ref b);
Ref ir_guard(Ir *ir, Ref c, Ref a);
Ref ir_read(Ir *ir, Ref array, const Ref *positions, unsigned count);
Ref ir_array(Ir *ir, const Index *axes, unsigned count, Ref a);
Ref ir_sum(Ir *ir, Index i, Ref a);
Ref ir_sum_all(Ir *ir, IndexSet set, Ref a);
Ref ir_max(Ir *ir, Index i, Ref a);
Ref ir_argmax(Ir *ir, Index i, Ref a);
Ref ir_lse(Ir *ir, Index i, Ref a);
/* deposit.c: v[P] = Σ over I of [P = p] a, solved to sums, reads and guards where the positions
 * allow it (section 5), else an OP_DEPOSIT node. */
Ref ir_deposit(Ir *ir, IndexSet bound, const Index *targets, const Ref *positions, unsigned count,
               Ref a);
void ir_set_deposit_solving(Ir *ir, bool on); /* off: always a DEPOSIT node (for tests) */
uint32_t ir_new_tag(Ir *ir);
Ref ir_state(Ir *ir, uint32_t tag, uint32_t k, Index t, IndexSet free, Ref init);
Ref ir_scan(Ir *ir, uint32_t tag, Index t, int direction, const Ref *inits, const Ref *steps,
            uint32_t count);
Ref ir_scan_of_tag(const Ir *ir, uint32_t tag);
Ref ir_pick(Ir *ir, Ref scan, uint32_t k);
Ref ir_var(Ir *ir, Ref a);
/* A variable of its own: variables of one value with different numbers are different. */
Ref ir_numbered_var(Ir *ir, Ref a, uint32_t number);
Ref ir_deriv(Ir *ir, Ref e, Ref v);
/* lib.c: an operation of lib.def on matrices; what does not fit is an internal error. */
Ref ir_lib(Ir *ir, LibId f, const Ref *args, unsigned count);
Ref ir_lib1(Ir *ir, LibId f, Ref a);
Ref ir_lib2(Ir *ir, LibId f, Ref a, Ref b);
/* Are these real matrices whose shapes the operation takes? */
bool ir_lib_fits(const Ir *ir, LibId f, const Ref *args, unsigned count);
/* The planned form: `entry` has the targets free; `factor` is an array or REF_NONE. */
Ref ir_lib_planned(Ir *ir, LibId f, const Index targets[2], Ref entry, Ref factor);
/* The derivative of e along `direction`, a value of the shape of v: it has the axes of e. */
Ref ir_deriv_along(Ir *ir, Ref e, Ref v, Ref direction);
/* The node `v` with other operands (same op and attributes), through the smart constructors. */
Ref ir_rebuild(Ir *ir, Ref v, const Ref *args);
/* The same for a node of an Ir that `ir` was created like; `args` are Refs of `ir`. */
Ref ir_rebuild_node(Ir *ir, const Node *node, const Ref *args);
/* The Dim that an int value is, when it is built of sizes and constants; else DIM_NONE. */
Dim ir_value_dim(Ir *ir, Ref v);

/* ---- walk.c -----------------------------------------------------------------------------------
 */

/* Substitutes indices by int values in an elementwise cone; stops at reductions, which it wraps:
 * read(array(i; v), e). The only place where capture could happen. replacement[i] is REF_NONE for
 * indices that stay. */
Ref ir_subst(Ir *ir, Ref v, const Ref replacement[INDEX_LIMIT]);
/* reached[v] for all v: what the outputs (or the given roots) need, through scan tags. The array
 * has ir_count(ir) entries, in the arena. */
bool *ir_reach(const Ir *ir, const Ref *roots, size_t count);
bool *ir_reach_outputs(const Ir *ir);
/* A copy that has only what its outputs reach, as it is, without rewriting: same dims, leaves,
 * names. The free indices of states are the least that fit together. */
Ir *ir_compact(const Ir *ir);
/* The same in another arena: nothing of it is left in that of ir, which may be destroyed. */
Ir *ir_compact_in(Arena *arena, const Ir *ir);
/* Copies value `v` of `from` into `ir`, leaf k of `from` becoming leaves[k] (a Ref of `ir`). Used
 * for derivative rules. */
Ref ir_import(Ir *ir, const Ir *from, Ref v, const Ref *leaves);
/* Affine view of an int value: constant + Σ coefficient·index + rest (an int value without indices,
 * or REF_NONE). False when it has none. */
typedef struct {
    int64_t constant;
    int64_t coefficient[INDEX_LIMIT];
    IndexSet indices; /* those with a coefficient ≠ 0 */
    Ref rest;         /* of sizes and int leaves: no free index */
} Affine;
bool ir_affine(Ir *ir, Ref v, Affine *affine);

/* ---- aside.c: work on a few values of a large Ir at a cost that depends on these alone ----------
 */

typedef struct IrAside IrAside;
IrAside *ir_aside_create(Ir *ir);
/* Puts all values of the Ir aside but those that the roots need, which get other Refs: the roots
 * are replaced by theirs. Outputs mean nothing meanwhile. */
void ir_aside_begin(IrAside *aside, Ref *roots, size_t count);
/* All values are there again. Returns what was v (or REF_NONE), of which what is new was added. */
Ref ir_aside_end(IrAside *aside, Ref v);

/* ---- what diff/ records for emit/ ---------------------------------------------------------------
 */

/* The steps of the reverse sweep, for derivations: which rule gave which contribution. */
typedef struct {
    Ref value, adjoint; /* in the Ir that diff/ returned, before opt */
    const char *rule;   /* static: "sum", "chain: tanh", … */
} TraceStep;
typedef struct {
    TraceStep *steps;
    size_t count, capacity;
    Arena *arena;
} Trace;

/* ---- rule.c: derivative rules of the built-ins, as IR templates
 * ---------------------------------- */

/* rules[f][k]: an Ir with leaves a, b, c, v (scalar reals, in this order) and one output, the
 * derivative of f with respect to argument k; NULL: not prepared, or not differentiable. Filled by
 * lower/rules.c from the text of builtin.def. */
typedef struct {
    const Ir *rule[BI_COUNT][BUILTIN_ARITY];
    const Ir *formula[BI_COUNT]; /* of rows with .formula: leaves a, b, c and one output */
} Rules;
/* ∂f/∂arg k at the call node `call` (an OP_CALL); REF_NONE if the row has no such derivative. */
Ref ir_rule(Ir *ir, const Rules *rules, Ref call, unsigned k);

/* ---- print.c, read.c: the text form
 * --------------------------------------------------------------- */

const char *ir_text(const Ir *ir);
/* Reads the text form; on failure NULL, with errors in diags. read ∘ print = identity. */
Ir *ir_from_text(Arena *arena, Interner *names, Diags *diags, const Sources *sources,
                 uint32_t file);
/* A value as a formula of the model language, for derivations and messages ("2 * x * (x * w - y)").
 * One that would be longer than some 2,000 characters names its shared parts: "t2 * x\n  where t1 =
 * …". */
const char *ir_formula(const Ir *ir, Ref v);
/* The parts of a formula apart: `definitions[k]` is "t1 = …" or "t1[j] = …", of *count. */
const char *ir_formula_parts(const Ir *ir, Ref v, const char *const **definitions, size_t *count);
/* Formulas of several values of `ir` that call some values by name: from ir_formulas_name on, `v`
 * is written as `name` wherever it is an operand. Texts are in the arena. */
typedef struct IrFormulas IrFormulas;
IrFormulas *ir_formulas(const Ir *ir);
const char *ir_formulas_text(IrFormulas *formulas, Ref v);
void ir_formulas_name(IrFormulas *formulas, Ref v, const char *name);
/* Takes back the name and the text of v; users whose texts are made keep theirs. */
void ir_formulas_forget(IrFormulas *formulas, Ref v);
/* The same, where values that have a name in the model stand by it: "r * x", and among the
 * definitions "r = w * x - y". A definition of a part without a name begins with t and a number. */
const char *ir_formula_named(const Ir *ir, Ref v, const char *const **definitions, size_t *count);
/* What formulas call what slot k of a recurrence carries: its name in the model, with a number
 * where recurrences before it have that, too; stateT_K if it has none. */
const char *ir_carried_name(const Ir *ir, uint32_t tag, uint32_t k);
/* The letter that formulas use for an index: n for samples, i, j, k, … for others, no name of a
 * leaf or size. */
const char *ir_index_name(const Ir *ir, Index i);

/* ---- verify.c
 * -------------------------------------------------------------------------------------- */

/* Checks every rule of the IR; on a violation returns a message (in the arena), else NULL. */
const char *ir_verify(const Ir *ir);

/* ---- eval.c: the reference interpreter: the judge. Shares no code with deposit solving or
 * planning. Slow and simple.
 * ---------------------------------------------------------------------------------- */

typedef struct {
    const int64_t *dims;        /* value of each dim symbol (bound ones too) */
    const double *const *reals; /* for each leaf: its entries, row-major, or NULL for int leaves */
    const int64_t *const *ints; /* for int leaves */
    /* Not 0: the seed of errors of one rounding more in all that is computed, by which the result's
     * own error can be told. */
    uint64_t noise;
} EvalInput;
/* The C function at the external's address; NaN where there is none. */
double ir_call_external(const External *external, const double *args);
/* Evaluates output k; the result, row-major over its axes (the sample index first when free), is in
 * the arena; *count entries. Of blocks of rows it is the sum over the samples. */
double *ir_eval_output(const Ir *ir, const EvalInput *input, size_t k, size_t *count);
/* The same with complex numbers, for complex-step differentiation: imaginary parts of leaf entries
 * in `imaginary` (like reals; NULL entries are zero). Returns false if a value on the way has no
 * complex extension (a built-in without .evalc). */
bool ir_eval_output_complex(const Ir *ir, const EvalInput *input, const double *const *imaginary,
                            size_t k, size_t *count, double **real, double **imag);

#endif
