/* opt_sgd.c: stochastic gradient descent, a step for each row, in the compiled kernel. Where
 * numbers stop to be finite, the last block of rows is done again one by one, to find the row. */
#include "runtime/optimizer.h"

#include <math.h>
#include <string.h>

enum { BLOCK_ROWS = 4096 }; /* between looks at signals and at the numbers */

static double run_rows(Training *training, int64_t first, int64_t rows) {
    const Model *model = training->model;
    const int64_t *order = training->order ? training->order + first : NULL;
    const Evaluator *evaluator = training->evaluator;
    Part part = evaluate_move(evaluator, order ? 0 : first, rows, evaluator->one);
    GradcArgs args = model->args;
    args.params = training->params;
    args.columns = part.columns;
    args.starts = part.starts;
    args.order = order;
    args.rows = rows;
    args.rate = training->rate;
    args.work = training->work;
    return model->kernels[ROLE_SGD].function(&args);
}

/* Again from `good`, row by row; leaves the parameters before the bad row in good. */
static EpochStatus find_bad(Training *training, int64_t first, int64_t rows) {
    size_t bytes = training->parameters * sizeof(double);
    memcpy(training->params, training->good, bytes);
    training->bad = (Bad){-1, NAN, "the sum of the losses"};
    for (int64_t i = first; i < first + rows; i++) {
        memcpy(training->good, training->params, bytes);
        double value = run_rows(training, i, 1);
        bool finite = isfinite(value);
        if (!finite || !all_finite(training->params, training->parameters)) {
            training->bad = (Bad){training->order ? training->order[i] : i, value,
                                  finite ? "the update of the parameters" : "the loss"};
            if (!finite) {
                memcpy(training->params, training->good, bytes); /* where the loss was not finite */
            }
            break;
        }
    }
    return EPOCH_DIVERGED;
}

static EpochStatus epoch(Training *training) {
    int64_t total = training->data->samples;
    if (training->order) {
        random_shuffle(&training->random, training->order, total);
    }
    for (int64_t first = 0; first < total; first += BLOCK_ROWS) {
        int64_t rows = total - first < BLOCK_ROWS ? total - first : BLOCK_ROWS;
        memcpy(training->good, training->params, training->parameters * sizeof(double));
        double sum = run_rows(training, first, rows);
        if (!isfinite(sum) || !all_finite(training->params, training->parameters)) {
            return find_bad(training, first, rows);
        }
        training->step += rows;
        if (training->stopped()) {
            return EPOCH_STOPPED;
        }
    }
    return EPOCH_DONE;
}

const Optimizer opt_sgd = {
    .name = "sgd",
    .help = "stochastic gradient descent: a step for each row",
    .rate = 0.01,
    .epochs = 100,
    .epoch = epoch,
};
