/* opt_asgd.c: stochastic gradient descent whose result is an average of its iterates (Polyak and
 * Juditsky 1992, Ruppert 1988). Averages of all iterates remember the start for long; here epochs
 * are cut where their number is a power of two, and the average is over all steps since the last
 * cut but one: over at least the last half of them. */
#include "runtime/optimizer.h"

#include <string.h>

enum { STATE_ITERATE, STATE_BEFORE, STATE_SINCE, STATE_COUNT };
enum { STEPS_BEFORE, STEPS_SINCE }; /* of Training.memory */

static void update(Training *training) {
    double *since = training->state[STATE_SINCE];
    double share = 1 / (training->memory[STEPS_SINCE] += 1);
    step_along_gradient(training);
    for (size_t i = 0; i < training->parameters; i++) {
        since[i] += share * (training->params[i] - since[i]);
    }
}

static EpochStatus epoch(Training *training) {
    size_t n = training->parameters;
    size_t bytes = n * sizeof(double);
    double *memory = training->memory;
    double *before = training->state[STATE_BEFORE];
    const double *since = training->state[STATE_SINCE];
    bool begins = training->position == 0;
    if (begins && (training->epoch & (training->epoch - 1)) == 0) {
        memcpy(before, since, bytes);
        memory[STEPS_BEFORE] = memory[STEPS_SINCE];
        memory[STEPS_SINCE] = 0;
    }
    if (begins && training->epoch > 0) {
        memcpy(training->params, training->state[STATE_ITERATE], bytes);
    }
    EpochStatus status = epoch_batched(training);
    double share = memory[STEPS_SINCE] / (memory[STEPS_BEFORE] + memory[STEPS_SINCE]);
    if (status == EPOCH_DIVERGED || !(share > 0)) {
        return status;
    }
    memcpy(training->state[STATE_ITERATE], training->params, bytes);
    for (size_t i = 0; i < n; i++) {
        training->params[i] = before[i] + share * (since[i] - before[i]);
    }
    return status;
}

const Optimizer opt_asgd = {
    .name = "asgd",
    .help = "sgd; the result is the average of its later steps, which takes their noise away",
    .batched = true,
    .rate = 0.01,
    .epochs = 100,
    .batch = 1,
    .states = STATE_COUNT,
    .epoch = epoch,
    .update = update,
};
