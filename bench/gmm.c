/* Times the gradient of a mixture of normal densities (examples/gmm.model) beside the objective in
 * plain C (gmm_peer.c), one thread: medians of 7 rounds in turns. The loss is compared, and the
 * gradient along a direction with a difference quotient of the peer. Prints a Markdown table. */
#include "gmm.h"
#include "measure.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

double gmm_peer(size_t d, size_t k, const double *params, size_t n, const double *x);

enum { ROUNDS = 7, KINDS = 3 };

static double *params, *x, *grad, *work;

static double uniform(void) {
    return (double)rand() / RAND_MAX;
}

static double run(int kind, size_t d, size_t k, size_t n) {
    return kind == 0   ? gmm_loss_batch_grad(d, k, params, n, x, grad, work)
           : kind == 1 ? gmm_loss_batch(d, k, params, n, x, work)
                       : gmm_peer(d, k, params, n, x);
}

static void check(size_t d, size_t k, size_t n, size_t count) {
    double value = run(0, d, k, n), peer = run(2, d, k, n), slope = 0, change[2];
    double *direction = malloc(count * sizeof *direction);
    for (size_t i = 0; i < count; i++) {
        direction[i] = uniform() - 0.5;
        slope += grad[i] * direction[i];
    }
    for (int side = 0; side < 2; side++) {
        for (size_t i = 0; i < count; i++) {
            params[i] += (side ? -2e-6 : 1e-6) * direction[i];
        }
        change[side] = run(2, d, k, n);
    }
    for (size_t i = 0; i < count; i++) {
        params[i] += 1e-6 * direction[i];
    }
    free(direction);
    double quotient = (change[0] - change[1]) / 2e-6;
    if (!(fabs(value - peer) <= 1e-10 * fabs(peer)) ||
        !(fabs(slope - quotient) <= 1e-5 * (fabs(slope) + 1))) {
        fprintf(stderr, "results differ: %.15g and %.15g, slopes %.9g and %.9g\n", value, peer,
                slope, quotient);
        exit(1);
    }
}

static void compare(size_t d, size_t k, size_t n) {
    double times[KINDS][ROUNDS];
    const size_t count = k + k * d + k * (d * (d + 1) / 2);
    const size_t scratch = gmm_loss_batch_grad_work(d, k) + gmm_loss_batch_work(d, k);
    params = malloc(count * sizeof *params);
    grad = malloc(count * sizeof *grad);
    work = aligned_alloc(64, (scratch * sizeof *work + 63) / 64 * 64);
    x = malloc(n * d * sizeof *x);
    for (size_t i = 0; i < count; i++) {
        params[i] = uniform() - 0.5;
    }
    for (size_t i = 0; i < n * d; i++) {
        x[i] = 2 * uniform() - 1;
    }
    check(d, k, n, count);
    const size_t repeat = 1 + 200000000 / (n * k * d * d * 8);
    for (int round = 0; round < ROUNDS; round++) {
        for (int kind = 0; kind < KINDS; kind++) {
            double start = now();
            for (size_t r = 0; r < repeat; r++) {
                run(kind, d, k, n);
            }
            times[kind][round] = (now() - start) / (double)repeat;
        }
    }
    const double t[] = {median(times[0], ROUNDS), median(times[1], ROUNDS),
                        median(times[2], ROUNDS)};
    printf("| %zu | %zu | %zu | %.2f | %.2f | %.2f | %.2f | %.2f | %.2f |\n", n, d, k, t[0] * 1e3,
           t[1] * 1e3, t[2] * 1e3, t[0] / t[2], t[1] / t[2],
           (double)gmm_loss_batch_grad_work(d, k) * 8 / (1 << 20));
    fflush(stdout);
    free(params);
    free(grad);
    free(work);
    free(x);
}

int main(void) {
    printf("| points | d | K | gradient, ms | objective, ms | plain C objective, ms | gradient / "
           "plain C | objective / plain C | scratch, MiB |\n| --- | --- | --- | --- | --- | --- | "
           "--- | --- | --- |\n");
    srand(1);
    compare(10, 25, 1000);
    compare(10, 25, 10000);
    compare(32, 50, 1000);
    compare(32, 50, 10000);
}
