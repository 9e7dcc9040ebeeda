/* opt_bgd.c: batch gradient descent, θ ← θ − rate · ∇J(θ), the textbook's. */
#include "runtime/optimizer.h"

#include <string.h>

static EpochStatus epoch(Training *training) {
    bool moved = false;
    double keep = 1 - training->rate * training->decay;
    clip_gradient(training, training->gradient);
    for (size_t i = 0; i < training->parameters; i++) {
        double next = keep * training->params[i] - training->rate * training->gradient[i];
        moved |= next != training->params[i];
        training->params[i] = next;
    }
    return moved ? EPOCH_DONE : EPOCH_CONVERGED;
}

const Optimizer opt_bgd = {
    .name = "bgd",
    .help = "batch gradient descent: a step along the gradient over all rows",
    .full_batch = true,
    .rate = 0.01,
    .epochs = 1000,
    .epoch = epoch,
    .plain = true,
};
