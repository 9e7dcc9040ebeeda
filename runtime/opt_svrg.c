/* opt_svrg.c: stochastic variance reduced gradient (Johnson and Zhang 2013). At the start of an
 * epoch the gradient of all rows is known, at the snapshot; a step takes the gradient of a batch,
 * less that of the same batch at the snapshot, plus that of all rows. Its noise vanishes as the
 * parameters settle, so a constant rate reaches the minimum. */
#include "runtime/optimizer.h"

#include <string.h>

enum { STATE_SNAPSHOT, STATE_FULL, STATE_SLOPE, STATE_COUNT };

static void correct(Training *training, int64_t first, int64_t rows) {
    const double *full = training->state[STATE_FULL];
    double *slope = training->state[STATE_SLOPE];
    batch_gradient(training, training->state[STATE_SNAPSHOT], first, rows, slope);
    for (size_t i = 0; i < training->parameters; i++) {
        training->gradient[i] += full[i] - slope[i];
    }
}

static EpochStatus epoch(Training *training) {
    size_t bytes = training->parameters * sizeof(double);
    if (training->position == 0) {
        memcpy(training->state[STATE_SNAPSHOT], training->params, bytes);
        memcpy(training->state[STATE_FULL], training->gradient, bytes);
    }
    return epoch_batched(training);
}

const Optimizer opt_svrg = {
    .name = "svrg",
    .help = "sgd whose noise is taken away by the gradient of all rows, once an epoch",
    .full_batch = true,
    .batched = true,
    .rate = 0.01,
    .epochs = 100,
    .batch = 1,
    .states = STATE_COUNT,
    .epoch = epoch,
    .update = step_along_gradient,
    .correct = correct,
};
