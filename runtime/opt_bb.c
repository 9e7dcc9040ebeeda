/* opt_bb.c: batch gradient descent with the rate of Barzilai and Borwein (1988), s·s / s·y of the
 * last step s and change y of the gradient; J may rise, but not above the largest of the last ten
 * values (Raydan 1997). */
#include "runtime/optimizer.h"

#include <math.h>
#include <string.h>

enum { STATE_TRIAL, STATE_GRADIENT, STATE_COUNT, WINDOW = 10, HALVINGS_MAX = 100 };

static const double enough_decrease = 1e-4;

static double largest(const Training *training) {
    double most = training->objective;
    for (int64_t k = 0; k < WINDOW && k < training->step; k++) {
        most = fmax(most, training->memory[k]);
    }
    return most;
}

/* s·s / s·y, where it is a rate; else twice the last one. */
static double next_rate(const Training *training, double rate) {
    const double *old = training->gradient, *new = training->state[STATE_GRADIENT];
    double square = 0, along = 0;
    for (size_t i = 0; i < training->parameters; i++) {
        double s = training->state[STATE_TRIAL][i] - training->params[i];
        square += s * s;
        along += s * (new[i] - old[i]);
    }
    double next = square / along;
    return along > 0 && isfinite(next) && next > 0 ? next : 2 * rate;
}

static EpochStatus epoch(Training *training) {
    size_t n = training->parameters;
    double *trial = training->state[STATE_TRIAL], *gradient = training->state[STATE_GRADIENT];
    double square = dot(training->gradient, training->gradient, n);
    double limit = largest(training);
    for (int k = 0; k < HALVINGS_MAX; k++, training->rate /= 2) {
        bool moved = false;
        for (size_t i = 0; i < n; i++) {
            trial[i] = training->params[i] - training->rate * training->gradient[i];
            moved |= trial[i] != training->params[i];
        }
        if (!moved) {
            return EPOCH_CONVERGED;
        }
        double value = evaluate(training->evaluator, trial, gradient);
        if (isfinite(value) && all_finite(gradient, n) &&
            value <= limit - enough_decrease * training->rate * square) {
            training->rate = next_rate(training, training->rate);
            memcpy(training->params, trial, n * sizeof(double));
            memcpy(training->gradient, gradient, n * sizeof(double));
            training->memory[training->step++ % WINDOW] = training->objective = value;
            training->current = true;
            return EPOCH_DONE;
        }
        if (training->stopped()) {
            return EPOCH_STOPPED;
        }
    }
    return EPOCH_CONVERGED;
}

const Optimizer opt_bb = {
    .name = "bb",
    .help = "batch gradient descent with the rate of Barzilai and Borwein: often far faster",
    .full_batch = true,
    .rate = 0.01,
    .epochs = 1000,
    .states = STATE_COUNT,
    .epoch = epoch,
};
