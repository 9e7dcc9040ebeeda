/* Gives gradc's Hessians and Jacobians to GSL: stationary points by its Newton and trust-region
 * root finders, a least-squares fit by its Levenberg-Marquardt method.
 *
 *     gradc -c --derivatives=grad,hessian,jacobian mgh.model
 *     cc newton.c mgh.o $(pkg-config --cflags --libs gsl) -lm -o newton && ./newton
 */
#include <gsl/gsl_blas.h>
#include <gsl/gsl_multifit_nlinear.h>
#include <gsl/gsl_multiroots.h>
#include <stdio.h>

#include "mgh.h"

enum { LARGEST = 4, RESIDUALS = 11 };

typedef struct {
    const char *name;
    double (*hessian)(const double *x, double *grad, double *hessian);
    size_t n;
    double start[LARGEST];
} Problem;

/* The roots of the gradient: the Hessian is its Jacobian. GSL's matrices are row-major, too. */
static int both(const gsl_vector *x, void *p, gsl_vector *f, gsl_matrix *J) {
    ((const Problem *)p)->hessian(x->data, f->data, J->data);
    return GSL_SUCCESS;
}

static int gradient(const gsl_vector *x, void *p, gsl_vector *f) {
    double hessian[LARGEST * LARGEST];
    ((const Problem *)p)->hessian(x->data, f->data, hessian);
    return GSL_SUCCESS;
}

static int hessian(const gsl_vector *x, void *p, gsl_matrix *J) {
    double grad[LARGEST];
    ((const Problem *)p)->hessian(x->data, grad, J->data);
    return GSL_SUCCESS;
}

static void solve(const Problem *problem, const gsl_multiroot_fdfsolver_type *type) {
    gsl_multiroot_function_fdf function = {gradient, hessian, both, problem->n, (void *)problem};
    gsl_vector_const_view start = gsl_vector_const_view_array(problem->start, problem->n);
    gsl_multiroot_fdfsolver *s = gsl_multiroot_fdfsolver_alloc(type, problem->n);
    gsl_multiroot_fdfsolver_set(s, &function, &start.vector);
    int steps = 0;
    while (steps < 200 && gsl_multiroot_test_residual(s->f, 1e-12) == GSL_CONTINUE &&
           gsl_multiroot_fdfsolver_iterate(s) == GSL_SUCCESS) {
        steps++;
    }
    printf("%s, %s: (", problem->name, gsl_multiroot_fdfsolver_name(s));
    for (size_t k = 0; k < problem->n; k++) {
        printf("%s%.6f", k > 0 ? ", " : "", gsl_vector_get(s->x, k));
    }
    printf(") %s\n", gsl_multiroot_test_residual(s->f, 1e-9) == GSL_SUCCESS ? "converged"
                                                                            : "did not converge");
    gsl_multiroot_fdfsolver_free(s);
}

static int residuals(const gsl_vector *x, void *p, gsl_vector *f) {
    (void)p;
    mgh_kowalik_osborne(x->data, f->data);
    return GSL_SUCCESS;
}

static int jacobian(const gsl_vector *x, void *p, gsl_matrix *J) {
    double value[RESIDUALS];
    (void)p;
    mgh_kowalik_osborne_jacobian(x->data, value, J->data);
    return GSL_SUCCESS;
}

static void fit(void) {
    gsl_multifit_nlinear_parameters parameters = gsl_multifit_nlinear_default_parameters();
    gsl_multifit_nlinear_fdf function = {
        .f = residuals, .df = jacobian, .n = RESIDUALS, .p = LARGEST};
    const double first[LARGEST] = {0.25, 0.39, 0.415, 0.39};
    gsl_vector_const_view start = gsl_vector_const_view_array(first, LARGEST);
    gsl_multifit_nlinear_workspace *w =
        gsl_multifit_nlinear_alloc(gsl_multifit_nlinear_trust, &parameters, RESIDUALS, LARGEST);
    int info;
    gsl_multifit_nlinear_init(&start.vector, &function, w);
    gsl_multifit_nlinear_driver(100, 1e-12, 1e-12, 0, NULL, NULL, &info, w);
    double sum;
    const gsl_vector *f = gsl_multifit_nlinear_residual(w);
    gsl_blas_ddot(f, f, &sum);
    printf("Kowalik and Osborne: %.5e at (%.4f, %.4f, %.4f, %.4f)\n", sum, gsl_vector_get(w->x, 0),
           gsl_vector_get(w->x, 1), gsl_vector_get(w->x, 2), gsl_vector_get(w->x, 3));
    gsl_multifit_nlinear_free(w);
}

int main(void) {
    static const Problem problems[] = {
        {"Rosenbrock", mgh_rosenbrock_hessian, 2, {0.9, 0.7}},
        {"Beale", mgh_beale_hessian, 2, {2.5, 0.4}},
        {"helical valley", mgh_helical_valley_hessian, 3, {0.8, 0.2, 0.1}},
        {"Wood", mgh_wood_hessian, 4, {0.9, 0.8, 1.1, 1.2}},
    };
    for (size_t k = 0; k < sizeof problems / sizeof problems[0]; k++) {
        solve(&problems[k], gsl_multiroot_fdfsolver_gnewton);
        solve(&problems[k], gsl_multiroot_fdfsolver_hybridsj);
    }
    fit();
    return 0;
}
