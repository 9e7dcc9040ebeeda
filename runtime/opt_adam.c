/* opt_adam.c: Adam (Kingma and Ba 2015, algorithm 1). */
#include "runtime/optimizer.h"

#include <math.h>

void adam_step(Training *training) {
    double *mean = training->state[0];
    double *square = training->state[1];
    double a = training->beta1;
    double b = training->beta2;
    double mean_scale = 1 / (1 - pow(a, (double)training->step));
    double square_scale = 1 / (1 - pow(b, (double)training->step));
    for (size_t i = 0; i < training->parameters; i++) {
        double g = training->gradient[i];
        mean[i] = a * mean[i] + (1 - a) * g;
        square[i] = b * square[i] + (1 - b) * g * g;
        training->params[i] -= training->rate * (mean[i] * mean_scale) /
                               (sqrt(square[i] * square_scale) + training->epsilon);
    }
}

const Optimizer opt_adam = {
    .name = "adam",
    .help = "minibatch, each parameter scaled by its recent gradients",
    .batched = true,
    .rate = 0.001,
    .epochs = 100,
    .batch = 32,
    .states = 2,
    .epoch = epoch_batched,
    .update = adam_step,
};
