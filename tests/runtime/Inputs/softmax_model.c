/* softmax_model.c: softmax regression with a ridge penalty, by hand:
 *     dim D, K; const lambda = 0; param W[K, D] = normal-ish, b[K]
 *     loss(x[D], y in K) = -log_softmax(W @ x + b)[y];  penalty = lambda / 2 * sum(W^2) */
#include "runtime/abi.h"

#include <math.h>

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

static double objective(const GradcArgs *a) {
    const double *x = a->columns[0];
    const int64_t *y = a->columns[1];
    double sum = 0;
    for (int64_t i = 0; i < a->rows; i++) {
        scores(a->dims, a->params, x + i * a->dims[0], a->work);
        sum -= log(a->work[y[i]]);
    }
    return sum;
}

static double gradient(const GradcArgs *a) {
    const double *x = a->columns[0];
    const int64_t *y = a->columns[1];
    int64_t d = a->dims[0];
    int64_t k = a->dims[1];
    double sum = 0;
    for (int64_t i = 0; i < k * (d + 1); i++) {
        a->out[i] = 0;
    }
    for (int64_t n = 0; n < a->rows; n++) {
        scores(a->dims, a->params, x + n * d, a->work);
        sum -= log(a->work[y[n]]);
        for (int64_t i = 0; i < k; i++) {
            double e = a->work[i] - (i == y[n]);
            for (int64_t j = 0; j < d; j++) {
                a->out[i * d + j] += e * x[n * d + j];
            }
            a->out[k * d + i] += e;
        }
    }
    return sum;
}

static double penalty(const GradcArgs *a) {
    double sum = 0;
    for (int64_t i = 0; i < a->dims[0] * a->dims[1]; i++) {
        sum += a->params[i] * a->params[i];
    }
    return a->consts[0] / 2 * sum;
}

static double penalty_gradient(const GradcArgs *a) {
    int64_t n = a->dims[0] * a->dims[1];
    for (int64_t i = 0; i < n + a->dims[1]; i++) {
        a->out[i] = i < n ? a->consts[0] * a->params[i] : 0;
    }
    return penalty(a);
}

static double sgd(const GradcArgs *a) {
    int64_t n = a->dims[1] * (a->dims[0] + 1);
    double sum = 0;
    for (int64_t i = 0; i < a->rows; i++) {
        int64_t k = a->order ? a->order[i] : i;
        const void *row[2] = {(const double *)a->columns[0] + k * a->dims[0],
                              (const int64_t *)a->columns[1] + k};
        double *g = a->work + a->dims[1];
        GradcArgs one = *a;
        one.columns = row;
        one.rows = 1;
        one.out = g;
        sum += gradient(&one) + penalty(&one);
        for (int64_t j = 0; j < n; j++) {
            a->params[j] -=
                a->rate * (g[j] + (j < a->dims[0] * a->dims[1] ? a->consts[0] * a->params[j] : 0));
        }
    }
    return sum;
}

static double forward(const GradcArgs *a) {
    const double *x = a->columns[0];
    for (int64_t i = 0; i < a->rows; i++) {
        scores(a->dims, a->params, x + i * a->dims[0], a->out + i * a->dims[1]);
    }
    return 0;
}

static double accuracy(const GradcArgs *a) {
    const double *x = a->columns[0];
    const int64_t *y = a->columns[1];
    double sum = 0;
    for (int64_t i = 0; i < a->rows; i++) {
        int64_t best = 0;
        scores(a->dims, a->params, x + i * a->dims[0], a->work);
        for (int64_t k = 1; k < a->dims[1]; k++) {
            best = a->work[k] > a->work[best] ? k : best;
        }
        sum += best == y[i];
    }
    return sum;
}

static double init(const GradcArgs *a) {
    uint64_t seed = a->seed;
    for (int64_t i = 0; i < a->dims[1] * (a->dims[0] + 1); i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        a->out[i] = i < a->dims[0] * a->dims[1] ? ((double)(seed >> 11) * 0x1p-53 - 0.5) * 0.1 : 0;
    }
    return 0;
}

const char gradc_model[] = "gradc 3\n"
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
