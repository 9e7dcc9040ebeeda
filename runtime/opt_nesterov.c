/* opt_nesterov.c: minibatch steps with the momentum of Nesterov (1983), in the form of Sutskever
 * and others (2013) where the parameters are those at which the gradient is taken: v ← μ v − rate ·
 * g, θ ← θ + μ v − rate · g. */
#include "runtime/optimizer.h"

static void update(Training *training) {
    double *velocity = training->state[0];
    for (size_t i = 0; i < training->parameters; i++) {
        double step = training->rate * training->gradient[i];
        velocity[i] = training->momentum * velocity[i] - step;
        training->params[i] += training->momentum * velocity[i] - step;
    }
}

const Optimizer opt_nesterov = {
    .name = "nesterov",
    .help = "momentum that looks ahead",
    .batched = true,
    .rate = 0.01,
    .epochs = 100,
    .batch = 32,
    .states = 1,
    .epoch = epoch_batched,
    .update = update,
};
