/* sweep.h: what forward and reverse mode share; private to diff/. */
#ifndef GRADC_DIFF_SWEEP_H
#define GRADC_DIFF_SWEEP_H

#include "diff/diff.h"

/* ---- sweep.c: recurrences and activity ---------------------------------------------------------
 */

/* One recurrence of the values 1 … top-1. */
typedef struct {
    Ref scan;       /* REF_NONE: no scan has this tag */
    uint32_t count; /* carried names */
    Ref *states;    /* the state leaf of each name, or REF_NONE where nothing reads it */
    Ref *picks;     /* the pick of each name, or REF_NONE */
    Ref lowest;     /* the lowest state leaf, or REF_NONE */
} Recurrence;

typedef struct {
    Recurrence *list; /* by tag */
    uint32_t count;
} Recurrences;

Recurrences diff_recurrences(Ir *ir, Ref top);

/* active[v]: v is real and depends on one of `wrt` differentiably. */
bool *diff_active(Ir *ir, Ref top, const Recurrences *recurrences, const Ref *wrt,
                  size_t wrt_count);
/* Whether carried name k of a recurrence is active. */
bool diff_carried_active(const Ir *ir, const Recurrence *recurrence, const bool *active,
                         uint32_t k);

/* The derivative of call `v` by argument k is 0 everywhere (floor, sign). */
bool diff_rule_is_zero(const Ir *ir, Ref v, unsigned k);
/* ∂v/∂(argument k) of a call by its rule; REF_NONE, and an error reported, if it has none. */
Ref diff_rule(const Diff *diff, Ir *ir, Ref v, unsigned k);
/* g · d, where a branch of d that is 0 makes a strong zero. */
Ref diff_times(Ir *ir, Ref g, Ref d);
/* The operands of a maximum or minimum written as nested calls: max(max(a, b), c) has three. */
size_t diff_extremum_operands(Ir *ir, Ref v, const uint32_t *uses, Ref **operands);
/* What the maximum v is of, through maxima of maxima; *bound: all the indices that it runs over. So
 * the ties of a matrix are counted at once, and not row by row. */
Ref diff_max_operand(const Ir *ir, Ref v, IndexSet *bound);
/* Number of operand positions in which each value stands. */
uint32_t *diff_uses(const Ir *ir, Ref top);
/* An array of zeros over `names`. */
Ref diff_zeros(Ir *ir, const Index *names, unsigned count);
/* Reads `array` at the indices `names`, with `lead` as the first position unless REF_NONE. */
Ref diff_read_at(Ir *ir, Ref array, Ref lead, const Index *names, unsigned count);
IndexSet diff_index_set(const Index *names, unsigned count);

/* ---- branch.c: the conditions of branches
 * ---------------------------------------------------------------------------------------- */

/* Conditions of which each holds wherever a value has an influence. */
typedef struct Branch Branch;

/* Of the values 1 … top-1 that are active; NULL of others, and of what no seed needs. */
const Branch **diff_branches(Ir *ir, Ref top, const bool *active, const Recurrences *recurrences,
                             const uint32_t *uses, const Ref *seeds, size_t count);
/* All of the conditions as one, REF_NONE if there are none; its free indices are some of the
 * value's. */
Ref diff_branch_condition(Ir *ir, const Branch *branch);

/* ---- reverse.c
 * ------------------------------------------------------------------------------------ */

typedef struct {
    Ref value, adjoint;
} Seed;

/* Adjoints of the values `wrt` (over F ∪ axis names ∪ held), REF_NONE where a seed does not depend
 * on it; new values are appended to ir. False if something was not differentiable (reported). */
bool diff_reverse(const Diff *diff, Ir *ir, const Seed *seeds, size_t seed_count, const Ref *wrt,
                  size_t wrt_count, IndexSet held, Trace *trace, Ref *adjoints);

/* ---- recur.c: recurrences in reverse mode
 * ---------------------------------------------------------- */

typedef struct {
    Ref *state;     /* β_k, state leaf of the adjoint's recurrence; REF_NONE where k is inactive */
    Ref *init;      /* B_k at the end where the adjoint starts */
    Ref *picked;    /* adjoint of pick k, closed to an array, or REF_NONE */
    uint32_t *slot; /* number of k in the adjoint's recurrence */
    uint32_t tag, count;
    bool open;
} AdjointLoop;

typedef struct {
    const Diff *diff;
    Ir *ir;
    Ref top;
    bool *active;
    Ref *adj;
    uint32_t *uses;
    const Branch **branches;
    Ref guard;      /* of all contributions of the value that is at its turn; or REF_NONE */
    bool *infinite; /* may be infinite without an overflow: see reverse.c */
    IndexSet held;
    Recurrences recurrences;
    AdjointLoop *loops; /* by tag */
    bool failed;
} Reverse;

/* ā += Σ over (dom without F(a), axis names of a, held) of c. dom is the domain of the user. */
void reverse_accumulate(Reverse *r, Ref a, Ref c, IndexSet dom);
/* ā += array B, read at a's axis names (after the position `lead`), summed over what a lacks. */
void reverse_accumulate_array(Reverse *r, Ref a, Ref array, Ref lead);
/* The contribution c, over the indices `dom` of the user, to the entry of array a at `positions`.
 */
void reverse_accumulate_at(Reverse *r, Ref a, const Ref *positions, IndexSet dom, Ref c);
void reverse_scan(Reverse *r, Ref scan);
/* To be called at each state leaf; closes the adjoint's recurrence at the lowest one. */
void reverse_state(Reverse *r, Ref state);

/* ---- lib.c: library operations ---------------------------------------------------------------
 */

/* Adds the contributions of the operation v, whose adjoint is g. */
void reverse_lib(Reverse *r, Ref v, Ref g);
/* The tangent of v; dot[a] is that of value a, or REF_NONE, and one of the operands' is given. */
Ref forward_lib(Ir *ir, Ref v, const Ref *dot);
/* The same of a sum v, if it is one of a Cholesky factor whose derivatives are simpler by the
 * matrix; else false and REF_NONE. */
bool reverse_factor_sum(Reverse *r, Ref v, Ref g);
Ref forward_factor_sum(Ir *ir, Ref v, const Ref *dot);

/* ---- forward.c
 * -------------------------------------------------------------------------------------- */

typedef struct {
    Ref value, tangent;
} Direction;

/* The tangents of what `roots` need (REF_NONE: zero) when those of `directions` are given, which
 * may depend on the indices `held`. NULL if something was not differentiable. */
Ref *diff_tangents(const Diff *diff, Ir *ir, const Direction *directions, size_t count,
                   const Ref *roots, size_t root_count, IndexSet held);

#endif
