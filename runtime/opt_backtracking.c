/* opt_backtracking.c: batch gradient descent whose rate is halved until J falls enough (Armijo
 * 1966), and is tried twice as large in the next epoch. */
#include "runtime/optimizer.h"

#include <math.h>
#include <string.h>

enum { STATE_TRIAL, STATE_GRADIENT, STATE_COUNT, HALVINGS_MAX = 100 };

static const double enough_decrease = 1e-4;

static EpochStatus epoch(Training *training) {
    size_t n = training->parameters;
    double *trial = training->state[STATE_TRIAL];
    double square = dot(training->gradient, training->gradient, n);
    for (int k = 0; k < HALVINGS_MAX; k++, training->rate /= 2) {
        bool moved = false;
        for (size_t i = 0; i < n; i++) {
            trial[i] = training->params[i] - training->rate * training->gradient[i];
            moved |= trial[i] != training->params[i];
        }
        if (!moved) {
            return EPOCH_CONVERGED;
        }
        double value = evaluate(training->evaluator, trial, training->state[STATE_GRADIENT]);
        if (isfinite(value) && all_finite(training->state[STATE_GRADIENT], n) &&
            value <= training->objective - enough_decrease * training->rate * square) {
            memcpy(training->params, trial, n * sizeof(double));
            memcpy(training->gradient, training->state[STATE_GRADIENT], n * sizeof(double));
            training->objective = value;
            training->current = true;
            training->rate *= 2;
            return EPOCH_DONE;
        }
        if (training->stopped()) {
            return EPOCH_STOPPED;
        }
    }
    return EPOCH_CONVERGED;
}

const Optimizer opt_backtracking = {
    .name = "backtracking",
    .help = "batch gradient descent that finds its rate: halved until the objective falls enough",
    .full_batch = true,
    .rate = 1,
    .epochs = 1000,
    .states = STATE_COUNT,
    .epoch = epoch,
};
