/* diff.h: derivatives of IR, as IR. Each function reads `ir` and returns a new Ir (same leaves,
 * dims and outputs) with derivative outputs added. Errors (something on the way is not
 * differentiable) are reported at the place of use, and NULL is returned. */
#ifndef GRADC_DIFF_H
#define GRADC_DIFF_H

#include "ir/ir.h"

typedef struct {
    const Rules *rules; /* prepared for what ir calls */
    Diags *diags;
    bool by_adjoints; /* derivatives inside the language by reverse mode alone (for --check) */
} Diff;

/* Reverse mode: adds for each wrt leaf (in order) an OUT_GRADIENT output named "grad.<leaf>", the
 * gradient of the OUT_VALUE output; sink as given. A leaf that the value does not depend on gets a
 * zero output. `value` is the number of the output that is differentiated. */
Ir *diff_gradient(const Diff *diff, const Ir *ir, size_t value, const uint32_t *wrt,
                  size_t wrt_count, Sink sink);

/* Forward mode: adds for each wrt leaf a LEAF_TANGENT leaf (named "<leaf>_dot", same shape), and
 * for output k the OUT_DERIVATIVE output: the directional derivative. */
Ir *diff_forward(const Diff *diff, const Ir *ir, size_t value, const uint32_t *wrt,
                 size_t wrt_count);

/* ---- matrix.c: by all of `wrt`, the entries of the variables in their order ---------------------
 */

/* As diff_forward, for all outputs: an OUT_DERIVATIVE output `derivative…` for each. */
Ir *diff_directional(const Diff *diff, const Ir *ir, const uint32_t *wrt, size_t wrt_count);
/* The Hessian of output 0 (a number) times a direction, by forward over reverse mode: as
 * diff_gradient, but the OUT_GRADIENT outputs, named "hv.<leaf>", are those of the product. */
Ir *diff_hessian_vector(const Diff *diff, const Ir *ir, const uint32_t *wrt, size_t wrt_count);
/* The gradient and the Hessian of output 0: OUT_MATRIX outputs "hessian.<leaf>.<leaf>", one for
 * each pair of variables; both halves are the same values. */
Ir *diff_hessian(const Diff *diff, const Ir *ir, const uint32_t *wrt, size_t wrt_count);
/* The Hessian of output 0 and nothing else. */
Ir *diff_curvature(const Diff *diff, const Ir *ir, const uint32_t *wrt, size_t wrt_count);
/* The Jacobian of all outputs, the rows in their order: OUT_MATRIX outputs
 * "jacobian.<output>.<leaf>". Reverse mode, or forward mode where it is known that there are
 * fewer inputs than outputs. Numbers become OUT_ARRAY outputs. */
Ir *diff_jacobian(const Diff *diff, const Ir *ir, const uint32_t *wrt, size_t wrt_count);

/* Where output 0 is a sum of squares of residuals (and a summand that none of `wrt` changes), whose
 * weights are ≥ 0: a matrix with a row for each residual, its gradient and as the last column the
 * residual itself, the root of the weight in both. Its OUT_MATRIX outputs are all that there is;
 * that of each last column is called DIFF_RESIDUALS. NULL where it is no such sum (unreported). */
#define DIFF_RESIDUALS "gauss.residuals"
Ir *diff_residuals(const Diff *diff, const Ir *ir, const uint32_t *wrt, size_t wrt_count);

/* Inside a loop only what a step computes itself can be differentiated: where it began, and what
 * earlier steps did, is not known there. Reports the OP_DERIV nodes of a lowered Ir that ask for
 * more; false: there are such. */
bool diff_within_steps(const Diff *diff, Ir *ir);

/* Replaces OP_DERIV nodes, innermost first. The identity on an Ir without them. */
Ir *diff_expand(const Diff *diff, const Ir *ir);

/* As diff_gradient, recording into `trace` (may be NULL). */
Ir *diff_gradient_traced(const Diff *diff, const Ir *ir, size_t value, const uint32_t *wrt,
                         size_t wrt_count, Sink sink, Trace *trace);

#endif
