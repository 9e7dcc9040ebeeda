/* opt_rmsprop.c: RMSProp (Tieleman and Hinton 2012): θ ← θ − rate · g / (√s + ε), s a running mean
 * of g² with decay beta2. */
#include "runtime/optimizer.h"

#include <math.h>

static void update(Training *training) {
    double *square = training->state[0];
    double b = training->beta2;
    for (size_t i = 0; i < training->parameters; i++) {
        double g = training->gradient[i];
        square[i] = b * square[i] + (1 - b) * g * g;
        training->params[i] -= training->rate * g / (sqrt(square[i]) + training->epsilon);
    }
}

const Optimizer opt_rmsprop = {
    .name = "rmsprop",
    .help = "minibatch, each parameter scaled by its recent gradients, without momentum",
    .batched = true,
    .rate = 0.001,
    .epochs = 100,
    .batch = 32,
    .states = 1,
    .epoch = epoch_batched,
    .update = update,
};
