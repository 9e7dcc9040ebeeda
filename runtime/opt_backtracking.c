/* opt_backtracking.c: batch gradient descent whose rate is halved until J falls enough (Armijo
 * 1966), and is tried twice as large in the next epoch. */
#include "runtime/optimizer.h"

enum { STATE_TRIAL, STATE_GRADIENT, STATE_COUNT };

static EpochStatus epoch(Training *training) {
    double *trial = training->state[STATE_TRIAL], *slope = training->state[STATE_GRADIENT];
    double value;
    EpochStatus status = descend(training, training->objective, trial, slope, &value);
    if (status == EPOCH_DONE) {
        search_go(training, trial, slope, value);
        training->rate *= 2;
    }
    return status;
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
