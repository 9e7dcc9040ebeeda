/* opt_adagrad.c: AdaGrad (Duchi, Hazan and Singer 2011), diagonal: θ ← θ − rate · g / (√Σ g² + ε).
 */
#include "runtime/optimizer.h"

#include <math.h>

static void update(Training *training) {
    double *square = training->state[0];
    for (size_t i = 0; i < training->parameters; i++) {
        double g = training->gradient[i];
        square[i] += g * g;
        training->params[i] -= training->rate * g / (sqrt(square[i]) + training->epsilon);
    }
}

const Optimizer opt_adagrad = {
    .name = "adagrad",
    .help = "minibatch, each parameter scaled by all its gradients so far",
    .batched = true,
    .rate = 0.01,
    .epochs = 100,
    .batch = 32,
    .states = 1,
    .epoch = epoch_batched,
    .update = update,
};
