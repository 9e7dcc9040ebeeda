/* Uses the gradient functions that gradc makes of mgh.model in a program of one's own.
 *
 *     gradc -c mgh.model
 *     cc rosenbrock.c mgh.o -lm -o rosenbrock && ./rosenbrock
 */
#include <math.h>
#include <stdio.h>

#include "mgh.h"

/* Newton's method is for solvers (see minimise.c); steepest descent with a halving step is enough
 * to see the gradient at work. */
static void descend(const char *name, double (*value)(const double *),
                    double (*gradient)(const double *, double *), double x[2]) {
    double g[2];
    double f = gradient(x, g);
    printf("%s: at (%g, %g) value %g, gradient (%g, %g)\n", name, x[0], x[1], f, g[0], g[1]);
    int steps = 0;
    while (hypot(g[0], g[1]) > 1e-6 && steps < 100000) {
        double step = 1, trial[2];
        do {
            step /= 2;
            trial[0] = x[0] - step * g[0];
            trial[1] = x[1] - step * g[1];
        } while (step > 1e-18 && !(value(trial) < f - step / 2 * (g[0] * g[0] + g[1] * g[1])));
        x[0] = trial[0];
        x[1] = trial[1];
        f = gradient(x, g);
        steps++;
    }
    printf("%s: minimum %.5f, %.5f\n", name, x[0], x[1]);
}

int main(void) {
    descend("Rosenbrock", mgh_rosenbrock, mgh_rosenbrock_grad, (double[]){-1.2, 1});
    descend("Beale", mgh_beale, mgh_beale_grad, (double[]){1, 1});
    return 0;
}
