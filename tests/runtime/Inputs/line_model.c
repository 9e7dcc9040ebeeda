/* line_model.c: what gradc would make of `forward(x) = w * x`, `loss(x, y) = (forward(x) - y)^2`,
 * by hand. */
#include "runtime/abi.h"

#ifndef WRONG
#define WRONG 1 /* a test of tests: a gradient that is off by this factor */
#endif

static double objective(const GradcArgs *a) {
    const double *x = a->columns[0];
    const double *y = a->columns[1];
    double sum = 0;
    for (int64_t i = 0; i < a->rows; i++) {
        double r = a->params[0] * x[i] - y[i];
        sum += r * r;
    }
    return sum;
}

static double gradient(const GradcArgs *a) {
    const double *x = a->columns[0];
    const double *y = a->columns[1];
    double sum = 0;
    a->out[0] = 0;
    for (int64_t i = 0; i < a->rows; i++) {
        double r = a->params[0] * x[i] - y[i];
        sum += r * r;
        a->out[0] += 2 * r * x[i] * WRONG;
    }
    return sum;
}

static double sgd(const GradcArgs *a) {
    const double *x = a->columns[0];
    const double *y = a->columns[1];
    double sum = 0;
    for (int64_t i = 0; i < a->rows; i++) {
        int64_t k = a->order ? a->order[i] : i;
        double r = a->params[0] * x[k] - y[k];
        sum += r * r;
        a->params[0] -= a->rate * 2 * r * x[k];
    }
    return sum;
}

static double forward(const GradcArgs *a) {
    const double *x = a->columns[0];
    for (int64_t i = 0; i < a->rows; i++) {
        a->out[i] = a->params[0] * x[i];
    }
    return 0;
}

static double init(const GradcArgs *a) {
    a->out[0] = 1;
    return 0;
}

const char gradc_model[] = "gradc 3\n"
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
