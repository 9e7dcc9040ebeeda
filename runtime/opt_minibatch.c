/* opt_minibatch.c: steps along the gradient of a batch of rows; the plain one, and what other
 * batched methods share. In the order of the file a batch is a part of the data; a shuffled one is
 * gathered first. */
#include "runtime/ranks.h"

#include <math.h>
#include <string.h>

/* `columns`: those of the samples that `order` numbers; afterwards of the batch. */
static void gather(const Training *training, const int64_t *order, int64_t rows,
                   const void **columns) {
    const Model *model = training->model;
    for (size_t c = 0; c < model->column_count; c++) {
        const char *from = columns[c];
        char *to = training->staging[c];
        size_t width = column_bytes(model, c);
        columns[c] = to;
        for (int64_t i = 0; from && i < rows; i++) {
            memcpy(to + (size_t)i * width, from + (size_t)order[i] * width, width);
        }
    }
}

/* Which row it was. */
EpochStatus batch_diverged(Training *training, int64_t first, int64_t rows) {
    double value = NAN;
    int64_t row = -1;
    if (training->order && !training->window) {
        row = evaluate_find_bad(training->evaluator, training->params, training->order + first,
                                rows, &value);
    } else {
        for (int64_t i = first; i < first + rows && row < 0; i++) {
            int64_t sample = training->base + (training->order ? training->order[i] : i);
            row = evaluate_find_bad(training->evaluator, training->params, &sample, 1, &value);
        }
    }
    training->bad = (Bad){row, value,
                          row < 0           ? "the sum over a batch"
                          : isfinite(value) ? "the gradient of the loss"
                                            : "the loss"};
    return EPOCH_DIVERGED;
}

static Part batch_part(Training *training, int64_t first, int64_t rows) {
    Evaluator *evaluator = training->evaluator;
    Part part = visit_part(training, first, rows, evaluator->one);
    if (training->order && !training->data->starts) { /* else the kernel follows the order */
        gather(training, training->order + first, rows, evaluator->one);
        part.order = NULL;
    }
    return part;
}

double batch_own(Training *training, double *params, const int64_t *order, int64_t rows,
                 double *gradient) {
    Evaluator *evaluator = training->evaluator;
    const Ranks *ranks = training->context->ranks;
    int64_t *own = NEW(training->context, int64_t, rows + 1);
    if (!own) {
        return (double)NAN;
    }
    int64_t count = ranks_own(ranks, order, rows, own);
    for (int64_t i = 0; i < count; i++) {
        own[i] = order[own[i]] - ranks->first;
    }
    Part part = evaluate_move(evaluator, 0, count, evaluator->one);
    double sum = 0;
    memset(gradient, 0, training->parameters * sizeof *gradient);
    if (count > 0) {
        gather(training, own, count, evaluator->one);
        sum = evaluate_part(evaluator, params, &part, gradient);
    }
    memory_free(training->context, own);
    return sum;
}

/* Of all ranks. */
static double shared_batch(Training *training, double *params, int64_t first, int64_t rows,
                           double *gradient) {
    Evaluator *evaluator = training->evaluator;
    int64_t *numbers = training->numbers;
    for (int64_t i = 0; i < rows; i++) {
        numbers[i] = training->base + (training->order ? training->order[first + i] : first + i);
    }
    ranks_ask(evaluator, WORK_BATCH, params, numbers, rows);
    double sum = batch_own(training, params, numbers, rows, gradient);
    return ranks_sum(training->context->ranks, sum, gradient, training->parameters);
}

double batch_gradient(Training *training, double *params, int64_t first, int64_t rows,
                      double *gradient) {
    Evaluator *evaluator = training->evaluator;
    if (evaluator->statistics) { /* the batch is all rows */
        return evaluate(evaluator, params, gradient);
    }
    double sum;
    if (training->numbers) {
        sum = shared_batch(training, params, first, rows, gradient);
    } else {
        Part part = batch_part(training, first, rows);
        sum = evaluate_part(evaluator, params, &part, gradient);
    }
    sum = sum / (double)rows + evaluate_regular(evaluator, params, training->regular);
    for (size_t i = 0; i < training->parameters; i++) {
        gradient[i] = gradient[i] / (double)rows + training->regular[i];
    }
    return sum;
}

/* Where there are few parameters a pass over all of them costs less than it saves. */
enum { PARAMETERS_MANY = 4096 };

bool steps_in_kernel(const Model *model, const Optimizer *optimizer) {
    return optimizer->plain && model->kernels[ROLE_STEP].function &&
           model->parameter_count > PARAMETERS_MANY;
}

static double run_batch(Training *training, int64_t first, int64_t rows) {
    const Model *model = training->model;
    Part part = batch_part(training, first, rows);
    GradcArgs args = model->args;
    args.params = kernel_params(training);
    args.columns = part.columns;
    args.rows = rows;
    args.rate = training->rate / (double)rows;
    args.work = training->work;
    return model->kernels[ROLE_STEP].function(&args);
}

/* One step, as the options for all methods want it. */
static void step_by(Training *training, int64_t first, int64_t rows) {
    const Optimizer *optimizer = training->optimizer;
    if (optimizer->correct) {
        optimizer->correct(training, first, rows);
    }
    if (training->shrink) {
        shrink_take(training, training->gradient);
    }
    clip_gradient(training, training->gradient);
    double keep = 1 - training->rate * training->decay;
    for (size_t i = 0; keep != 1 && i < training->parameters; i++) {
        training->params[i] *= keep;
    }
    optimizer->update(training);
    if (training->shrink) {
        shrink_pull(training, training->params);
    }
}

/* Steps over a part of the epoch, from training->position on. */
static EpochStatus run_part(Training *training, const Visit *part) {
    double share = 1 / (double)training->data->samples;
    for (int64_t first = training->position - part->begin; first < part->count;
         first += training->batch) {
        int64_t left = part->count - first;
        int64_t rows = left < training->batch ? left : training->batch;
        schedule_set(training, (double)(part->begin + first) * share, (double)rows * share);
        double value = batch_gradient(training, training->params, first, rows, training->gradient);
        if (!isfinite(value) || !all_finite(training->gradient, training->parameters)) {
            return batch_diverged(training, first, rows);
        }
        memcpy(training->good, training->params, training->parameters * sizeof(double));
        training->step++;
        step_by(training, first, rows);
        if (!all_finite(training->params, training->parameters)) {
            training->bad = (Bad){-1, NAN, "the update of the parameters"};
            return EPOCH_DIVERGED;
        }
        if (training_due(training) && training_pause(training, part->begin + first + rows)) {
            return EPOCH_STOPPED;
        }
    }
    training->position = part->begin + part->count;
    return EPOCH_DONE;
}

EpochStatus epoch_batched(Training *training) {
    EpochStatus status = EPOCH_DONE;
    if (training->in_kernel) {
        return epoch_updates(training, run_batch, training->batch);
    }
    for (Visit part; status == EPOCH_DONE && visit_next(training, &part);) {
        status = run_part(training, &part);
    }
    return status;
}

const Optimizer opt_minibatch = {
    .name = "minibatch",
    .help = "a step along the gradient of each batch of rows",
    .batched = true,
    .rate = 0.01,
    .epochs = 100,
    .batch = 32,
    .epoch = epoch_batched,
    .update = step_along_gradient,
    .plain = true,
};
