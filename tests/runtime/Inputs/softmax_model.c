/* softmax_model.c: softmax regression with a ridge penalty, by hand:
 *     dim D, K; const lambda = 0; param W[K, D] = normal-ish, b[K]
 *     loss(x[D], y in K) = -log_softmax(W @ x + b)[y];  penalty = lambda / 2 * sum(W^2) */
#include "runtime/abi.h"

#include <math.h>

#define ARGUMENTS                                                                                  \
    const int64_t *dims, const double *consts, double *params, const void *const *columns,         \
        const int64_t *order, int64_t rows, double rate, uint64_t seed, double *out, double *work
#define UNUSED (void)dims, (void)consts, (void)order, (void)rate, (void)seed, (void)out, (void)work

/* p = softmax(W x + b); returns log of the sum, shifted */
static double scores(const int64_t *dims, const double *params, const double *x, double *p) {
    int64_t d = dims[0];
    int64_t k = dims[1];
    double largest = -INFINITY;
    double sum = 0;
    for (int64_t i = 0; i < k; i++) {
        p[i] = params[k * d + i];
        for (int64_t j = 0; j < d; j++) {
            p[i] += params[i * d + j] * x[j];
        }
        largest = fmax(largest, p[i]);
    }
    for (int64_t i = 0; i < k; i++) {
        sum += exp(p[i] - largest);
    }
    double total = largest + log(sum);
    for (int64_t i = 0; i < k; i++) {
        p[i] = exp(p[i] - total);
    }
    return total;
}

static double objective(ARGUMENTS) {
    const double *x = columns[0];
    const int64_t *y = columns[1];
    double sum = 0;
    UNUSED;
    for (int64_t i = 0; i < rows; i++) {
        scores(dims, params, x + i * dims[0], work);
        sum -= log(work[y[i]]);
    }
    return sum;
}

static double gradient(ARGUMENTS) {
    const double *x = columns[0];
    const int64_t *y = columns[1];
    int64_t d = dims[0];
    int64_t k = dims[1];
    double sum = 0;
    UNUSED;
    for (int64_t i = 0; i < k * (d + 1); i++) {
        out[i] = 0;
    }
    for (int64_t n = 0; n < rows; n++) {
        scores(dims, params, x + n * d, work);
        sum -= log(work[y[n]]);
        for (int64_t i = 0; i < k; i++) {
            double e = work[i] - (i == y[n]);
            for (int64_t j = 0; j < d; j++) {
                out[i * d + j] += e * x[n * d + j];
            }
            out[k * d + i] += e;
        }
    }
    return sum;
}

static double penalty(ARGUMENTS) {
    double sum = 0;
    UNUSED, (void)columns, (void)rows;
    for (int64_t i = 0; i < dims[0] * dims[1]; i++) {
        sum += params[i] * params[i];
    }
    return consts[0] / 2 * sum;
}

static double penalty_gradient(ARGUMENTS) {
    int64_t n = dims[0] * dims[1];
    for (int64_t i = 0; i < n + dims[1]; i++) {
        out[i] = i < n ? consts[0] * params[i] : 0;
    }
    return penalty(dims, consts, params, columns, order, rows, rate, seed, out, work);
}

static double sgd(ARGUMENTS) {
    int64_t n = dims[1] * (dims[0] + 1);
    double sum = 0;
    UNUSED;
    for (int64_t i = 0; i < rows; i++) {
        int64_t k = order ? order[i] : i;
        const void *row[2] = {(const double *)columns[0] + k * dims[0],
                              (const int64_t *)columns[1] + k};
        double *g = work + dims[1];
        sum += gradient(dims, consts, params, row, NULL, 1, 0, 0, g, work);
        sum += penalty(dims, consts, params, row, NULL, 1, 0, 0, NULL, NULL);
        for (int64_t j = 0; j < n; j++) {
            params[j] -= rate * (g[j] + (j < dims[0] * dims[1] ? consts[0] * params[j] : 0));
        }
    }
    return sum;
}

static double forward(ARGUMENTS) {
    const double *x = columns[0];
    UNUSED;
    for (int64_t i = 0; i < rows; i++) {
        scores(dims, params, x + i * dims[0], out + i * dims[1]);
    }
    return 0;
}

static double accuracy(ARGUMENTS) {
    const double *x = columns[0];
    const int64_t *y = columns[1];
    double sum = 0;
    UNUSED;
    for (int64_t i = 0; i < rows; i++) {
        int64_t best = 0;
        scores(dims, params, x + i * dims[0], work);
        for (int64_t k = 1; k < dims[1]; k++) {
            best = work[k] > work[best] ? k : best;
        }
        sum += best == y[i];
    }
    return sum;
}

static double init(ARGUMENTS) {
    UNUSED, (void)params, (void)columns, (void)rows;
    for (int64_t i = 0; i < dims[1] * (dims[0] + 1); i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        out[i] = i < dims[0] * dims[1] ? ((double)(seed >> 11) * 0x1p-53 - 0.5) * 0.1 : 0;
    }
    return 0;
}

const char gradc_model[] = "gradc 1\n"
                           "model softmax\n"
                           "source tests/softmax.model\n"
                           "hash 00000000deadbeef\n"
                           "dim D\n"
                           "dim K\n"
                           "const lambda 0\n"
                           "param W W 2 K D\n"
                           "param b b 1 K\n"
                           "column x real 1 D\n"
                           "column y int 0 in K target\n"
                           "forward 1 K\n"
                           "metric accuracy 6\n"
                           "kernel objective 0 K\n"
                           "kernel gradient 1 K\n"
                           "kernel sgd 2 K,2,*,K,D,*,+\n"
                           "kernel regular 3 0\n"
                           "kernel regular_gradient 4 0\n"
                           "kernel forward 5 0\n"
                           "kernel metric 6 K\n"
                           "kernel init 7 0\n"
                           "uses forward x\n";
GradcKernel *const gradc_kernels[] = {objective,        gradient, sgd,      penalty,
                                      penalty_gradient, forward,  accuracy, init};

int main(int argc, char **argv) {
    return gradc_main(argc, argv, gradc_model, gradc_kernels);
}
