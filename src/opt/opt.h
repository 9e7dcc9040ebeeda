/* opt.h: Ir → Ir passes. The table pass.def gives order, level, and whether a pass may reassociate
 * (those are off under --strict). */
#ifndef GRADC_OPT_H
#define GRADC_OPT_H

#include "ir/ir.h"

typedef struct {
    int level; /* 0 … 3 */
    bool strict;
    Diags *diags;       /* for -Wrewrite notes; may be NULL */
    const Rules *rules; /* prepared; for formulas */
    bool verify;        /* run ir_verify after each pass; a violation is an internal error */
} OptOptions;

/* Before differentiation: stable.c: log Σ exp → lse, log(1+exp) → softplus, sqrt Σ² → norm, …: what
 * must be recognised before the chain rule takes it apart. */
Ir *opt_before_diff(const OptOptions *options, const Ir *ir);
/* After: dead values, algebra (assoc), stable again, lse expanded, formulas of built-ins put in
 * place. */
Ir *opt_after_diff(const OptOptions *options, const Ir *ir);
/* Warns, at the places of the model, of functions whose argument is or may come to be outside their
 * domain: -Wdomain, -Wdivision, -Woverflow. `ir`: what opt_before_diff gave. */
void opt_domain(Diags *diags, const Ir *ir);
/* For people: the algebra that makes derivatives readable (collects factors, cancels constants),
 * with lse and built-ins kept: what derivations print. */
Ir *opt_for_display(const OptOptions *options, const Ir *ir);

/* The degree of v as a polynomial in all params together, DEGREE_NONE if it is none that is seen,
 * or one of a high degree. */
enum { DEGREE_NONE = 100 };
unsigned opt_degree(const Ir *ir, Ref v);
/* Is v a smooth function of the params, as far as can be seen: without abs, max, floor, … and
 * without conditions that have params in them? */
bool opt_smooth(const Ir *ir, Ref v);

/* Of the number that is output 0 the terms Σ c |θ|, θ single entries of params, as Σ c θ, which is
 * all of output 0 in the result: its gradient are the coefficients c. *found: there are such terms.
 */
Ir *opt_absolute(const Ir *source, bool *found);

/* An affine form of a column x: Σ_p W[p, q] x[p] + b[q]. Axis k of x (after the sample) is axis
 * input_axes[k] of W, axis k of b is axis bias_axes[k] of W. Leaves of params and columns. */
enum { INPUT_FORMS = 32 };
typedef struct {
    uint32_t input, weights, bias;
    uint8_t input_axes[RANK_LIMIT], bias_axes[RANK_LIMIT];
} InputForm;

/* Does the column stand in nothing but such forms, each with W and b of its own that stand nowhere
 * else? `forms` has room for INPUT_FORMS, their order is that of the values. */
bool opt_input_forms(const Ir *ir, uint32_t leaf, InputForm *forms, size_t *count);
/* Does an output depend on the leaf? */
bool opt_reads_leaf(const Ir *ir, uint32_t leaf);

/* The rewrites that stable.c made, for --report. */
typedef struct {
    Span span;
    const char *from, *to; /* static: "log(1 + exp(x))", "softplus(x)" */
} Rewrite;
const Rewrite *opt_rewrites(const Ir *ir, size_t *count);

#endif
