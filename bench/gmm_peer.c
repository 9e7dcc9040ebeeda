/* The peer of gmm.sh: the objective of a mixture of normal densities as plain C, without a
 * derivative, point by point; compiled with -O3 -march=native -ffast-math. `params` are alpha[k],
 * means[k][d], icf[k][d (d + 1) / 2]: the logarithms of the diagonal of a triangular factor, then
 * what is below it, column by column. */
#include <math.h>
#include <stddef.h>
#include <stdlib.h>

static double log_sum_exp(size_t n, const double *x) {
    double top = x[0];
    for (size_t i = 1; i < n; i++) {
        top = x[i] > top ? x[i] : top;
    }
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += exp(x[i] - top);
    }
    return log(sum) + top;
}

static void centre(size_t d, const double *restrict x, const double *restrict mean,
                   double *restrict out) {
    for (size_t i = 0; i < d; i++) {
        out[i] = x[i] - mean[i];
    }
}

static void multiply(size_t d, const double *restrict diagonal, const double *restrict below,
                     const double *restrict x, double *restrict out) {
    for (size_t i = 0; i < d; i++) {
        out[i] = diagonal[i] * x[i];
    }
    size_t at = 0;
    for (size_t j = 0; j < d; j++) {
        for (size_t i = j + 1; i < d; i++) {
            out[i] += below[at++] * x[j];
        }
    }
}

static double squared_norm(size_t n, const double *x) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += x[i] * x[i];
    }
    return sum;
}

static double log_prior(size_t d, size_t k, double gamma, int m, const double *sums,
                        const double *diagonals, const double *icf) {
    const double pi = 3.14159265358979323846;
    const size_t count = d * (d + 1) / 2;
    double n = (double)d + m + 1;
    double log_gamma = 0.25 * (double)(d * (d - 1)) * log(pi);
    for (size_t j = 1; j <= d; j++) {
        log_gamma += lgamma(0.5 * (n + 1 - (double)j));
    }
    double c = n * (double)d * (log(gamma) - 0.5 * log(2)) - log_gamma;
    double sum = 0;
    for (size_t j = 0; j < k; j++) {
        double frobenius =
            squared_norm(d, diagonals + j * d) + squared_norm(count - d, icf + j * count + d);
        sum += c - 0.5 * gamma * gamma * frobenius + m * sums[j];
    }
    return sum;
}

double gmm_peer(size_t d, size_t k, const double *params, size_t n, const double *x) {
    const double pi = 3.14159265358979323846;
    const size_t count = d * (d + 1) / 2;
    const double *alpha = params, *means = alpha + k, *icf = means + k * d;
    double *work = malloc((k * d + 2 * k + 2 * d) * sizeof *work);
    double *diagonals = work, *sums = diagonals + k * d, *terms = sums + k;
    double *centred = terms + k, *turned = centred + d;
    for (size_t j = 0; j < k; j++) {
        sums[j] = 0;
        for (size_t i = 0; i < d; i++) {
            sums[j] += icf[j * count + i];
            diagonals[j * d + i] = exp(icf[j * count + i]);
        }
    }
    double total = 0;
    for (size_t p = 0; p < n; p++) {
        for (size_t j = 0; j < k; j++) {
            centre(d, x + p * d, means + j * d, centred);
            multiply(d, diagonals + j * d, icf + j * count + d, centred, turned);
            terms[j] = alpha[j] + sums[j] - 0.5 * squared_norm(d, turned);
        }
        total += log_sum_exp(k, terms);
    }
    total -= (double)n * (log_sum_exp(k, alpha) + 0.5 * (double)d * log(2 * pi));
    total += log_prior(d, k, 1, 0, sums, diagonals, icf);
    free(work);
    return -total / (double)n;
}
