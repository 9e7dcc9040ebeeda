/* The peer of lstm.sh: the objective of ADBench's LSTM as plain C, without a derivative; compiled
 * with -O3 -march=native -ffast-math and vector functions. `params` are those of
 * examples/lstm.model: main[L][8][B], extra[3][B]. */
#include <math.h>
#include <stddef.h>
#include <string.h>

enum { L = 2, B = 14 };

static void sigmoid(const double *restrict x, const double *restrict w, const double *restrict bias,
                    double *restrict out) {
    for (int k = 0; k < B; k++) {
        out[k] = 1 / (1 + exp(-(x[k] * w[k] + bias[k])));
    }
}

/* By exp, for which there is a vector function. */
static double hyperbolic(double x) {
    return 1 - 2 / (exp(2 * x) + 1);
}

static void cell(const double *restrict z, double *restrict h, double *restrict c,
                 const double *restrict p) {
    double forget[B], enter[B], leave[B];
    sigmoid(z, p, p + 4 * B, forget);
    sigmoid(h, p + B, p + 5 * B, enter);
    sigmoid(z, p + 2 * B, p + 6 * B, leave);
    for (int k = 0; k < B; k++) {
        c[k] = c[k] * forget[k] + enter[k] * hyperbolic(h[k] * p[3 * B + k] + p[7 * B + k]);
        h[k] = leave[k] * hyperbolic(c[k]);
    }
}

double lstm_peer(size_t steps, const double *params, const double *state, const double *x) {
    double h[L][B], c[L][B], z[B], y[B], total = 0;
    const double *extra = params + L * 8 * B;
    for (int l = 0; l < L; l++) {
        memcpy(h[l], state + 2 * l * B, sizeof h[l]);
        memcpy(c[l], state + (2 * l + 1) * B, sizeof c[l]);
    }
    for (size_t t = 0; t + 1 < steps; t++) {
        for (int k = 0; k < B; k++) {
            z[k] = x[t * B + k] * extra[k];
        }
        for (int l = 0; l < L; l++) {
            cell(l == 0 ? z : h[l - 1], h[l], c[l], params + l * 8 * B);
        }
        double sum = 0;
        for (int k = 0; k < B; k++) {
            y[k] = h[L - 1][k] * extra[B + k] + extra[2 * B + k];
            sum += exp(y[k]);
        }
        const double norm = log(2 + sum);
        for (int k = 0; k < B; k++) {
            total += x[(t + 1) * B + k] * (y[k] - norm);
        }
    }
    return -total / ((double)(steps - 1) * B);
}
