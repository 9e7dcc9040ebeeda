/* rewrite.h: what the passes share; private to opt/. */
#ifndef GRADC_OPT_REWRITE_H
#define GRADC_OPT_REWRITE_H

#include "opt/opt.h"

/* ---- rewrite.c ----------------------------------------------------------------------------------
 * A pass makes its results in a copy of the Ir: values are visited in the order of their ids, `map`
 * says what each has become, and the copy is compacted at the end. Recurrences get new tags. */
typedef struct {
    const OptOptions *options;
    Ir *ir;        /* old values are 1 … top-1, new ones are appended */
    Arena *result; /* where the result goes */
    Ref top;
    Ref *map;       /* for old values: what it has become */
    uint32_t *uses; /* for old values: operand positions, and outputs, in which it stands */
    uint32_t *tags; /* for old tags: the new one */
    bool *tagged;
    void *context; /* of the pass */
} Rewriter;

/* What old value v becomes; its operands have been mapped. */
typedef Ref (*RewriteRule)(Rewriter *rewriter, Ref v);

Ir *opt_copy(const Ir *ir); /* compact; keeps the record of rewrites */
Ir *opt_copy_in(Arena *arena, const Ir *ir);
/* Works in a copy that has an arena of its own, until opt_finish or opt_give_up. */
Rewriter opt_rewriter(const OptOptions *options, const Ir *ir, void *context);
/* v with mapped operands. */
Ref opt_rebuild(Rewriter *rewriter, Ref v);
/* Sets the outputs to what they have become, and compacts into the arena of the given Ir; what the
 * pass made is freed. */
Ir *opt_finish(Rewriter *rewriter);
void opt_give_up(Rewriter *rewriter);
/* The whole: rule at each value. */
Ir *opt_rewrite(const OptOptions *options, const Ir *ir, RewriteRule rule, void *context);

/* ---- patterns
 * ---------------------------------------------------------------------------------------- */

bool opt_is_call(const Ir *ir, Ref v, BuiltinId f);
bool opt_is_op(const Ir *ir, Ref v, Op op);
Ref opt_arg(const Ir *ir, Ref v, unsigned k);
/* A literal real. */
bool opt_is_number(const Ir *ir, Ref v, double *value);
bool opt_is_value(const Ir *ir, Ref v, double value);
/* v ≥ 0 wherever it is not NaN: proved from its form, looking a few levels down. */
bool opt_nonnegative(const Ir *ir, Ref v);
/* a is x², written as a square or a product. */
bool opt_is_square(const Ir *ir, Ref a, Ref *x);

/* ---- the passes (see pass.def)
 * --------------------------------------------------------------------- */

/* The sum of an array that is written out, Σ_i [a, b, …][i], as a + b + …; v where it is none. */
Ref opt_sum_of_list(Ir *ir, Ref v);
Ir *opt_stable(const OptOptions *options, const Ir *ir);
Ir *opt_stable_recorded(const OptOptions *options, const Ir *ir); /* the same, for opt_rewrites */
Ir *opt_assigned(const OptOptions *options, const Ir *ir);        /* before differentiation */
Ir *opt_inplace(const OptOptions *options, const Ir *ir);         /* before differentiation */
Ir *opt_assoc(const OptOptions *options, const Ir *ir);
Ir *opt_collect(const OptOptions *options, const Ir *ir); /* assoc in the order people write */
Ir *opt_delta(const OptOptions *options, const Ir *ir);
Ir *opt_choice(const OptOptions *options, const Ir *ir);
Ir *opt_lse(const OptOptions *options, const Ir *ir);
Ir *opt_angle(const OptOptions *options, const Ir *ir);
Ir *opt_inverse(const OptOptions *options, const Ir *ir);
Ir *opt_expand(const OptOptions *options, const Ir *ir);
Ir *opt_dead(const OptOptions *options, const Ir *ir);

#endif
