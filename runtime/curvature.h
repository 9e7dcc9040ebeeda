/* curvature.h: second derivatives of the objective at training->params, for methods of second order
 * and for standard errors. All are sums over the samples, cut and added as those of the gradient
 * are: the same bits for any number of threads. They are of m·J = Σ loss − prior + m·penalty, which
 * for a likelihood is minus its logarithm; m is the number of samples. What they need is made at
 * the first call and kept. Each returns false where it has no answer: memory lacks (reported), or
 * what is said at it. Needs a Training whose evaluator gives gradients of all rows. */
#ifndef GRADC_CURVATURE_H
#define GRADC_CURVATURE_H

#include "runtime/optimizer.h"

/* The Hessian of m·J times v goes to hv; by kernel `hvp`, or where a model has none by central
 * differences of its gradient. */
bool curvature_product(Training *training, const double *v, double *hv);
/* The Hessian of m·J, n × n, both halves the same values: from n products, or at once where it does
 * not depend on the params. */
bool curvature_hessian(Training *training, double *h);

/* ---- sums of squares ---------------------------------------------------------------------------
 * Where the compiler has found that Σ loss = Σ_k ρ_k² (+ what no param changes); the weights of the
 * squares are in the residuals ρ. Prior and penalty are no part of these. */

/* Are the losses such a sum, and the params few enough (CURVATURE_GAUSS) for what follows? */
enum { CURVATURE_GAUSS = 1024 };
bool curvature_has_gauss(const Model *model);
/* Of J = ∂ρ/∂θ at params: the upper triangle R of its QR factors, (n+1) × (n+1), row-major, zeros
 * below the diagonal. Its last column is that of ρ: R[0…n)[n] = Qᵀρ, and R[n][n]² = what of Σ ρ² no
 * linear change of params can take away. False, unreported: no such sum. */
bool curvature_factor(Training *training, double *r, int64_t *residuals);
/* Rotates `count` rows, which are lost, into the first `height` rows of a triangle; both are
 * `width` wide, and so is the scratch `sums`. */
void curvature_add_rows(double *triangle, size_t height, double *rows, int64_t count, size_t width,
                        double *sums);
/* JᵀJ (n × n), Σ ρ² and the number of residuals; any of them may be NULL. The same is false. */
bool curvature_gauss(Training *training, double *jtj, double *rss, int64_t *residuals);
/* The Hessian of m·penalty − prior, n × n; zeros where there is neither. */
bool curvature_regular(Training *training, double *h);

/* ---- of the samples of one rank, under mpirun (ranks.h) ---- */

/* Their Hessian times a direction (reals as kernels take them), to the evaluator's partials. */
bool curvature_own_product(Training *training, const void *direction);
/* Their triangle; and another rank's rotated into it. `closure` is the Training. */
bool curvature_own_factor(Training *training, double *r);
void curvature_join(void *closure, double *mine, double *other, size_t count);

#endif
