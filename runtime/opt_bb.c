/* opt_bb.c: batch gradient descent with the rate of Barzilai and Borwein (1988), s·s / s·y of the
 * last step s and change y of the gradient; J may rise, but not above the largest of the last ten
 * values (Raydan 1997). */
#include "runtime/optimizer.h"

#include <math.h>

enum { STATE_TRIAL, STATE_GRADIENT, STATE_COUNT, WINDOW = 10 };

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
    double *trial = training->state[STATE_TRIAL], *slope = training->state[STATE_GRADIENT];
    double value;
    EpochStatus status = descend(training, largest(training), trial, slope, &value);
    if (status == EPOCH_DONE) {
        training->rate = next_rate(training, training->rate);
        search_go(training, trial, slope, value);
        training->memory[training->step++ % WINDOW] = value;
    }
    return status;
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
