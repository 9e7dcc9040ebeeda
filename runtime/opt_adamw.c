/* opt_adamw.c: Adam with decoupled weight decay (Loshchilov and Hutter 2019, algorithm 2): the
 * parameters lose their share before Adam's step, as with --decay in all batched methods; here it
 * is not 0 if it is not given. */
#include "runtime/optimizer.h"

const Optimizer opt_adamw = {
    .name = "adamw",
    .help = "adam, with a decay of the parameters of its own",
    .batched = true,
    .rate = 0.001,
    .epochs = 100,
    .batch = 32,
    .states = 2,
    .epoch = epoch_batched,
    .update = adam_step,
    .decay = 0.01,
};
