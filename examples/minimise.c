/* Gives gradc's gradients of Rosenbrock's and Beale's functions to GSL's BFGS minimiser.
 *
 *     gradc -c mgh.model
 *     cc minimise.c mgh.o $(pkg-config --cflags --libs gsl) -lm -o minimise && ./minimise
 */
#include <gsl/gsl_multimin.h>
#include <stdio.h>

#include "mgh.h"

typedef struct {
    double (*value)(const double *x);
    double (*gradient)(const double *x, double *grad);
} Problem;

static double value(const gsl_vector *x, void *p) {
    return ((const Problem *)p)->value(x->data);
}

static void gradient(const gsl_vector *x, void *p, gsl_vector *g) {
    ((const Problem *)p)->gradient(x->data, g->data);
}

static void both(const gsl_vector *x, void *p, double *f, gsl_vector *g) {
    *f = ((const Problem *)p)->gradient(x->data, g->data);
}

static void minimise(const char *name, Problem problem, double x0, double x1) {
    gsl_multimin_function_fdf function = {value, gradient, both, 2, &problem};
    gsl_vector *x = gsl_vector_alloc(2);
    gsl_vector_set(x, 0, x0);
    gsl_vector_set(x, 1, x1);
    gsl_multimin_fdfminimizer *s =
        gsl_multimin_fdfminimizer_alloc(gsl_multimin_fdfminimizer_vector_bfgs2, 2);
    gsl_multimin_fdfminimizer_set(s, &function, x, 0.1, 0.1);
    int steps = 0;
    while (steps < 200 && gsl_multimin_test_gradient(s->gradient, 1e-9) == GSL_CONTINUE &&
           gsl_multimin_fdfminimizer_iterate(s) == 0) {
        steps++;
    }
    printf("%s: minimum %.8f at (%.8f, %.8f)\n", name, s->f, gsl_vector_get(s->x, 0),
           gsl_vector_get(s->x, 1));
    gsl_multimin_fdfminimizer_free(s);
    gsl_vector_free(x);
}

int main(void) {
    minimise("Rosenbrock", (Problem){mgh_rosenbrock, mgh_rosenbrock_grad}, -1.2, 1);
    minimise("Beale", (Problem){mgh_beale, mgh_beale_grad}, 1, 1);
    return 0;
}
