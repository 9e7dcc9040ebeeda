/* normal_model.c: a regression with a constraint, a prior, data and a definition, by hand:
 *     dim D, K; data A[D, K]
 *     param b[K] ~ normal(0, 1), sigma > 0 = START
 *     Ab[i] = sum(A[i, k] * b[k] for k)
 *     loss(x[D], y) = -normal_lpdf(y, sum(x[i] * Ab[i] for i), sigma), without its constant
 * Of sigma the flat vector has the logarithm. */
#include "runtime/abi.h"

#include <math.h>

#ifndef START
#define START 1
#endif

static double dot_ab(const GradcArgs *a, int64_t i) {
    double sum = 0;
    for (int64_t k = 0; k < a->dims[1]; k++) {
        sum += a->data[0][i * a->dims[1] + k] * a->params[k];
    }
    return sum;
}

/* (y - x A b) / sigma */
static double residual(const GradcArgs *a, int64_t row) {
    const double *x = (const double *)a->columns[0] + row * a->dims[0];
    double r = ((const double *)a->columns[1])[row];
    for (int64_t i = 0; i < a->dims[0]; i++) {
        r -= x[i] * dot_ab(a, i);
    }
    return r / exp(a->params[a->dims[1]]);
}

static double objective(const GradcArgs *a) {
    double sum = 0;
    for (int64_t n = 0; n < a->rows; n++) {
        double r = residual(a, n);
        sum += 0.5 * r * r + a->params[a->dims[1]];
    }
    return sum;
}

static void add_gradient(const GradcArgs *a, int64_t row, double *g) {
    const double *x = (const double *)a->columns[0] + row * a->dims[0];
    int64_t width = a->dims[1];
    double r = residual(a, row);
    for (int64_t i = 0; i < a->dims[0]; i++) {
        for (int64_t k = 0; k < width; k++) {
            g[k] -= r / exp(a->params[width]) * x[i] * a->data[0][i * width + k];
        }
    }
    g[width] += 1 - r * r;
}

static double gradient(const GradcArgs *a) {
    for (int64_t k = 0; k <= a->dims[1]; k++) {
        a->out[k] = 0;
    }
    for (int64_t n = 0; n < a->rows; n++) {
        add_gradient(a, n, a->out);
    }
    return objective(a);
}

static double prior(const GradcArgs *a) {
    double sum = 0;
    for (int64_t k = 0; k < a->dims[1]; k++) {
        sum -= 0.5 * a->params[k] * a->params[k];
    }
    return sum;
}

static double prior_gradient(const GradcArgs *a) {
    for (int64_t k = 0; k <= a->dims[1]; k++) {
        a->out[k] = k < a->dims[1] ? -a->params[k] : 0;
    }
    return prior(a);
}

static double sgd(const GradcArgs *a) {
    double sum = 0;
    for (int64_t i = 0; i < a->rows; i++) {
        int64_t row = a->order ? a->order[i] : i;
        int64_t width = a->dims[1];
        double r = residual(a, row);
        sum += 0.5 * r * r + a->params[width] - prior(a) / (double)a->total;
        for (int64_t k = 0; k < width; k++) {
            a->work[k] = a->params[k] / (double)a->total;
        }
        a->work[width] = 0;
        add_gradient(a, row, a->work);
        for (int64_t k = 0; k <= width; k++) {
            a->params[k] -= a->rate * a->work[k];
        }
    }
    return sum;
}

static double init(const GradcArgs *a) {
    for (int64_t k = 0; k < a->dims[1]; k++) {
        a->out[k] = 0;
    }
    a->out[a->dims[1]] = log(START);
    return 0;
}

static double constrain(const GradcArgs *a) {
    for (int64_t k = 0; k <= a->dims[1]; k++) {
        a->out[k] = k < a->dims[1] ? a->params[k] : exp(a->params[k]);
    }
    return 0;
}

static double unconstrain(const GradcArgs *a) {
    for (int64_t k = 0; k <= a->dims[1]; k++) {
        a->out[k] = k < a->dims[1] ? a->params[k] : log(a->params[k]);
    }
    return 0;
}

static double define(const GradcArgs *a) {
    for (int64_t i = 0; i < a->dims[0]; i++) {
        a->out[i] = dot_ab(a, i);
    }
    return 0;
}

const char gradc_model[] = "gradc 3\n"
                           "model normal\n"
                           "source tests/normal.model\n"
                           "hash 00000000deadbeef\n"
                           "dim D\n"
                           "dim K\n"
                           "data A 2 D K\n"
                           "param b b 1 K\n"
                           "param sigma sigma 0\n"
                           "unconstrained sigma 1\n"
                           "column x real 1 D\n"
                           "column y real 0 target\n"
                           "define Ab 1 D\n"
                           "kernel objective 0 0\n"
                           "kernel gradient 1 0\n"
                           "kernel sgd 2 K,1,+\n"
                           "kernel prior 3 0\n"
                           "kernel prior_gradient 4 0\n"
                           "kernel init 5 0\n"
                           "kernel constrain 6 0\n"
                           "kernel unconstrain 7 0\n"
                           "kernel define 8 0\n";
GradcKernel *const gradc_kernels[] = {objective, gradient,  sgd,         prior, prior_gradient,
                                      init,      constrain, unconstrain, define};

int main(int argc, char **argv) {
    return gradc_main(argc, argv, gradc_model, gradc_kernels);
}
