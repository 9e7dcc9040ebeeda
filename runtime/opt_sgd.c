/* opt_sgd.c: stochastic gradient descent, a step for each row, in the compiled kernel; with options
 * that look at each gradient, as batches of one row. */
#include "runtime/optimizer.h"

static double run_rows(Training *training, int64_t first, int64_t rows) {
    const Model *model = training->model;
    Part part = visit_part(training, first, rows, training->evaluator->one);
    GradcArgs args = model->args;
    args.params = kernel_params(training);
    args.columns = part.columns;
    args.starts = part.starts;
    args.order = part.order;
    args.rows = rows;
    args.rate = training->rate;
    args.work = training->work;
    return model->kernels[ROLE_SGD].function(&args);
}

static EpochStatus epoch(Training *training) {
    return training->in_kernel ? epoch_updates(training, run_rows, 1) : epoch_batched(training);
}

const Optimizer opt_sgd = {
    .name = "sgd",
    .help = "stochastic gradient descent: a step for each row",
    .rate = 0.01,
    .epochs = 100,
    .epoch = epoch,
    .update = step_along_gradient,
    .plain = true,
};
