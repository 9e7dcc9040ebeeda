/* line_model.c: what gradc would make of `forward(x) = w * x`, `loss(x, y) = (forward(x) - y)^2`,
 * by hand. */
#include "runtime/abi.h"

#define ARGUMENTS                                                                                  \
    const int64_t *dims, const double *consts, double *params, const void *const *columns,         \
        const int64_t *order, int64_t rows, double rate, uint64_t seed, double *out, double *work
#ifndef WRONG
#define WRONG 1 /* a test of tests: a gradient that is off by this factor */
#endif
#define UNUSED (void)dims, (void)consts, (void)order, (void)rate, (void)seed, (void)out, (void)work

static double objective(ARGUMENTS) {
    const double *x = columns[0];
    const double *y = columns[1];
    double sum = 0;
    UNUSED;
    for (int64_t i = 0; i < rows; i++) {
        double r = params[0] * x[i] - y[i];
        sum += r * r;
    }
    return sum;
}

static double gradient(ARGUMENTS) {
    const double *x = columns[0];
    const double *y = columns[1];
    double sum = 0;
    UNUSED;
    out[0] = 0;
    for (int64_t i = 0; i < rows; i++) {
        double r = params[0] * x[i] - y[i];
        sum += r * r;
        out[0] += 2 * r * x[i] * WRONG;
    }
    return sum;
}

static double sgd(ARGUMENTS) {
    const double *x = columns[0];
    const double *y = columns[1];
    double sum = 0;
    UNUSED;
    for (int64_t i = 0; i < rows; i++) {
        int64_t k = order ? order[i] : i;
        double r = params[0] * x[k] - y[k];
        sum += r * r;
        params[0] -= rate * 2 * r * x[k];
    }
    return sum;
}

static double forward(ARGUMENTS) {
    const double *x = columns[0];
    UNUSED;
    for (int64_t i = 0; i < rows; i++) {
        out[i] = params[0] * x[i];
    }
    return 0;
}

static double init(ARGUMENTS) {
    UNUSED, (void)params, (void)columns, (void)rows;
    out[0] = 1;
    return 0;
}

const char gradc_model[] = "gradc 1\n"
                           "model line\n"
                           "source tests/line.model\n"
                           "hash 0123456789abcdef\n"
                           "param w w 0\n"
                           "column x real 0\n"
                           "column y real 0 target\n"
                           "forward 0\n"
                           "metric mse 0\n"
                           "derived rmse mse,sqrt\n"
                           "setting epochs 200\n"
                           "kernel objective 0 0\n"
                           "kernel gradient 1 0\n"
                           "kernel sgd 2 0\n"
                           "kernel forward 3 0\n"
                           "kernel init 4 0\n"
                           "kernel metric 0 0\n"
                           "uses forward x\n";
GradcKernel *const gradc_kernels[] = {objective, gradient, sgd, forward, init};

int main(int argc, char **argv) {
    return gradc_main(argc, argv, gradc_model, gradc_kernels);
}
