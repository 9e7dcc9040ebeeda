/* Times the gradient of ADBench's LSTM (examples/lstm.model) beside the objective in plain C
 * (lstm_peer.c), one thread: medians of 15 rounds in turns. The loss is compared, and the gradient
 * along a direction with a difference quotient of the peer. Prints a Markdown table. */
#include "lstm.h"
#include "measure.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

double lstm_peer(size_t steps, const double *params, const double *state, const double *x);

enum { ROUNDS = 15, KINDS = 3, STEPS = 1024, B = 14, STATE = 2 * 2 * B, REPEAT = 50 };

static double params[LSTM_PARAM_COUNT], grad[LSTM_PARAM_COUNT], state[STATE], x[STEPS * B];
static double *work;

static double run(int kind) {
    return kind == 0   ? lstm_loss_grad(STEPS, params, state, x, grad, work)
           : kind == 1 ? lstm_loss(STEPS, params, state, x)
                       : lstm_peer(STEPS, params, state, x);
}

static void check(void) {
    double value = run(0);
    double peer = run(2);
    double slope = 0;
    double change[2];
    for (size_t i = 0; i < LSTM_PARAM_COUNT; i++) {
        slope += grad[i] * (double)(1 + i % 5);
    }
    for (int side = 0; side < 2; side++) {
        const double step = side ? -1e-6 : 1e-6;
        for (size_t i = 0; i < LSTM_PARAM_COUNT; i++) {
            params[i] += step * (double)(1 + i % 5);
        }
        change[side] = run(2);
        for (size_t i = 0; i < LSTM_PARAM_COUNT; i++) {
            params[i] -= step * (double)(1 + i % 5);
        }
    }
    const double quotient = (change[0] - change[1]) / 2e-6;
    if (!(fabs(value - peer) < 1e-9 * fabs(peer) && fabs(slope - quotient) < 1e-5 * fabs(slope))) {
        printf("loss %g, by the peer %g; slope %g, by the peer %g\n", value, peer, slope, quotient);
        exit(1);
    }
}

int main(void) {
    double times[KINDS][ROUNDS];
    srand(1);
    work = malloc(lstm_loss_grad_work(STEPS) * sizeof *work);
    for (size_t i = 0; i < LSTM_PARAM_COUNT; i++) {
        params[i] = (double)rand() / RAND_MAX - 0.5;
    }
    for (size_t i = 0; i < STATE; i++) {
        state[i] = (double)rand() / RAND_MAX;
    }
    for (size_t t = 0; t < STEPS; t++) {
        x[t * B + (size_t)rand() % B] = 1;
    }
    check();
    for (int round = 0; round < ROUNDS; round++) {
        for (int kind = 0; kind < KINDS; kind++) {
            const double start = now();
            for (int r = 0; r < REPEAT; r++) {
                run(kind);
            }
            times[kind][round] = (now() - start) / REPEAT;
        }
    }
    const double t[] = {median(times[0], ROUNDS), median(times[1], ROUNDS),
                        median(times[2], ROUNDS)};
    printf("| steps | gradient, ms | objective, ms | plain C objective, ms | gradient / plain C | "
           "objective / plain C |\n| --- | --- | --- | --- | --- | --- |\n"
           "| %d | %.3f | %.3f | %.3f | %.2f | %.2f |\n",
           STEPS, t[0] * 1e3, t[1] * 1e3, t[2] * 1e3, t[0] / t[2], t[1] / t[2]);
    free(work);
}
