/* opt_adamw.c: Adam with decoupled weight decay (Loshchilov and Hutter 2019, algorithm 2): the
 * parameters lose their share before Adam's step. */
#include "runtime/optimizer.h"

static void update(Training *training) {
    double keep = 1 - training->rate * training->decay;
    for (size_t i = 0; i < training->parameters; i++) {
        training->params[i] *= keep;
    }
    adam_step(training);
}

const Optimizer opt_adamw = {
    .name = "adamw",
    .help = "adam, with a decay of the parameters of its own",
    .batched = true,
    .rate = 0.001,
    .epochs = 100,
    .batch = 32,
    .states = 2,
    .epoch = epoch_batched,
    .update = update,
};
