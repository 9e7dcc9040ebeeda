/* opt_momentum.c: minibatch steps with momentum: v ← μ v − rate · g, θ ← θ + v. */
#include "runtime/optimizer.h"

static void update(Training *training) {
    double *velocity = training->state[0];
    for (size_t i = 0; i < training->parameters; i++) {
        velocity[i] = training->momentum * velocity[i] - training->rate * training->gradient[i];
        training->params[i] += velocity[i];
    }
}

const Optimizer opt_momentum = {
    .name = "momentum",
    .help = "minibatch, keeping a share of the last step",
    .batched = true,
    .rate = 0.01,
    .epochs = 100,
    .batch = 32,
    .states = 1,
    .epoch = epoch_batched,
    .update = update,
};
