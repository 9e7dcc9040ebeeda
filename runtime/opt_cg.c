/* opt_cg.c: nonlinear conjugate gradients, by the formula of Polak and Ribière, restarted where it
 * is negative (Nocedal and Wright, Numerical Optimization, section 5.2), with the line search of
 * search.c, in the scaled variables of opt_lbfgs.c. */
#include "runtime/optimizer.h"

#include <string.h>

enum { STATE_DIRECTION, STATE_TRIAL, STATE_SLOPE, STATE_SCALE, STATE_OLD, STATE_COUNT };

/* The last step and slope, from which the next first step is guessed. */
static double first_step(const Training *training, const Point *start, double length) {
    const double last = training->memory[0];
    if (training->step == 0 || last == 0) {
        return length > 1 ? 1 / length : 1;
    }
    return last / start->slope;
}

static void find_direction(Training *training) {
    size_t n = training->parameters;
    double *direction = training->state[STATE_DIRECTION];
    const double *scale = training->state[STATE_SCALE], *old = training->state[STATE_OLD];
    double along = 0, size = 0;
    for (size_t i = 0; i < n; i++) {
        double g = scale[i] * training->gradient[i], before = scale[i] * old[i];
        along += g * (g - before);
        size += before * before;
    }
    double share = training->step > 0 && along > 0 && size > 0 ? along / size : 0;
    for (size_t i = 0; i < n; i++) {
        direction[i] = share * direction[i] - scale[i] * training->gradient[i];
    }
    memcpy(training->state[STATE_OLD], training->gradient, n * sizeof(double));
}

static const Line line = {find_direction, first_step};

static EpochStatus epoch(Training *training) {
    const Search search = {training,
                           training->state[STATE_TRIAL],
                           training->state[STATE_SLOPE],
                           training->state[STATE_DIRECTION],
                           training->state[STATE_SCALE],
                           0.1};
    Point start, found;
    if (training->epoch == 0) {
        search_scale(training, training->state[STATE_SCALE]);
    }
    EpochStatus status = search_epoch(&search, &line, &start, &found);
    if (status != EPOCH_DONE) {
        return status;
    }
    training->memory[0] = found.step * start.slope;
    training->step++;
    search_accept(&search, &found);
    return EPOCH_DONE;
}

const Optimizer opt_cg = {
    .name = "cg",
    .help = "nonlinear conjugate gradients; for smooth losses of very many parameters",
    .full_batch = true,
    .rate = 1,
    .epochs = 1000,
    .states = STATE_COUNT,
    .epoch = epoch,
};
