/* Times full-batch gradients of gradc's C functions beside the peers of vector_peer.c, one thread,
 * in one run: the median of 7 rounds each, in turns. Prints a Markdown table; the results are
 * compared first. */
#include "curve.h"
#include "logistic.h"
#include "measure.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

double curve_expert(const double *, size_t, const double *, const double *, double *);
double curve_libm(const double *, size_t, const double *, const double *, double *);
double logistic_expert(const double *, size_t, size_t, const double *, const double *, double *);
double logistic_libm(const double *, size_t, size_t, const double *, const double *, double *);

enum { ROUNDS = 7, KINDS = 3, FEATURES = 20 };

static double *x, *y;
static double params[FEATURES + 1], grad[KINDS][FEATURES + 1], value[KINDS];

static void curve(int kind, size_t m) {
    double *g = grad[kind];
    value[kind] = kind == 0   ? curve_loss_batch_grad(params, m, x, y, g)
                  : kind == 1 ? curve_expert(params, m, x, y, g)
                              : curve_libm(params, m, x, y, g);
}

static void logistic(int kind, size_t m) {
    double *g = grad[kind];
    value[kind] = kind == 0   ? logistic_loss_batch_grad(FEATURES, params, m, x, y, g)
                  : kind == 1 ? logistic_expert(params, m, FEATURES, x, y, g)
                              : logistic_libm(params, m, FEATURES, x, y, g);
}

static void compare(const char *name, void (*run)(int, size_t), size_t m, size_t count) {
    double times[KINDS][ROUNDS];
    size_t repeat = 1 + 4000000 / (m * (count > 2 ? 10 : 1));
    for (int round = -1; round < ROUNDS; round++) {
        for (int kind = 0; kind < KINDS; kind++) {
            double start = now();
            for (size_t r = 0; r < repeat; r++) {
                run(kind, m);
            }
            if (round >= 0) {
                times[kind][round] = (now() - start) / (double)repeat;
            }
        }
    }
    for (int kind = 1; kind < KINDS; kind++) {
        for (size_t k = 0; k <= count; k++) {
            double a = k < count ? grad[0][k] : value[0],
                   b = k < count ? grad[kind][k] : value[kind];
            if (!(fabs(a - b) <= 1e-9 * (fabs(a) + fabs(b)) + 1e-12)) {
                fprintf(stderr, "%s: results differ: %.17g and %.17g\n", name, a, b);
                exit(1);
            }
        }
    }
    double ours = median(times[0], ROUNDS), expert = median(times[1], ROUNDS),
           libm = median(times[2], ROUNDS);
    printf("| %s | %zu | %.3f | %.3f | %.3f | %.2f | %.1f |\n", name, m, 1e9 * ours / (double)m,
           1e9 * expert / (double)m, 1e9 * libm / (double)m, ours / expert, libm / ours);
}

static double uniform(void) {
    return (double)rand() / RAND_MAX;
}

int main(void) {
    size_t most = 1000000;
    x = aligned_alloc(64, most * FEATURES * sizeof *x);
    y = aligned_alloc(64, most * sizeof *y);
    puts("| model | rows | gradc, ns a row | expert C | libm C | gradc / expert | libm / gradc |");
    puts("| --- | --- | --- | --- | --- | --- | --- |");
    params[0] = 240;
    params[1] = 5.5e-4;
    for (size_t i = 0; i < most; i++) {
        x[i] = 700 * uniform();
        y[i] = 250 * (1 - exp(-5e-4 * x[i])) + 0.1 * uniform();
    }
    compare("curve", curve, 10000, 2);
    compare("curve", curve, most, 2);
    for (size_t j = 0; j <= FEATURES; j++) {
        params[j] = uniform() - 0.5;
    }
    for (size_t i = 0; i < most * FEATURES; i++) {
        x[i] = 2 * uniform() - 1;
    }
    for (size_t i = 0; i < most; i++) {
        y[i] = uniform() < 0.5;
    }
    compare("logistic", logistic, 2000, FEATURES + 1);
    compare("logistic", logistic, most, FEATURES + 1);
    return 0;
}
