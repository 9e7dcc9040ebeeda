/* updates.c: an epoch of steps that a kernel makes itself, on the parameters. Nothing here is done
 * for all parameters in each step, so that steps that touch few of them take little time: numbers
 * are looked at by the sum of the losses, and all parameters where they are few, or at the end of
 * the epoch. Where they stopped to be finite, the epoch is done again from its start, by halves, to
 * find the step. */
#include "runtime/optimizer.h"

#include <math.h>
#include <string.h>

enum {
    BLOCK_ROWS = 4096,        /* between looks at signals and at the numbers, */
    BLOCK_WORK = 8,           /* or so many for each number that the kernel may compute ahead */
    PARAMETERS_FEW = 1 << 14, /* looked at as often */
    ROWS_OF_A_RATE = 64       /* rows in single steps, for which a schedule gives one rate */
};

typedef struct {
    Training *training;
    UpdateKernel *run;
    int64_t unit; /* samples of a step */
} Steps;

/* In single precision the kernels move floats; the training's doubles are those from the start of a
 * block on, and again when its numbers are looked at. */
void *kernel_params(const Training *training) {
    return training->singles ? (void *)training->singles : training->params;
}

static void params_to_kernel(const Training *training) {
    if (training->singles) {
        reals_swap(training->model, training->singles, training->params, training->parameters,
                   false);
    }
}

static void params_from_kernel(const Training *training) {
    if (training->singles) {
        reals_swap(training->model, training->singles, training->params, training->parameters,
                   true);
    }
}

/* The sum of the losses over the samples first … first + count - 1, each before its step. */
static double run_steps(const Steps *steps, int64_t first, int64_t count) {
    double sum = 0;
    Training *training = steps->training;
    const double share = 1 / (double)training->data->samples;
    const int64_t end = first + count;
    bool scheduled = schedule_moves(&training->schedule);
    if (steps->unit == 1 && !scheduled) {
        return steps->run(training, first, count);
    }
    int64_t unit = steps->unit > 1 ? steps->unit : ROWS_OF_A_RATE;
    for (int64_t at = first, next; at < end; at = next) {
        next = (at / unit + 1) * unit; /* the same pieces wherever the first one begins */
        next = next < end ? next : end;
        schedule_set(training, (double)at * share, (double)(next - at) * share);
        sum += steps->run(training, at, next - at);
    }
    return sum;
}

/* The same from the training's params on, which change. */
static double run_again(const Steps *steps, int64_t first, int64_t count) {
    params_to_kernel(steps->training);
    double sum = run_steps(steps, first, count);
    params_from_kernel(steps->training);
    return sum;
}

static bool still_good(const Training *training, double sum) {
    return isfinite(sum) && all_finite(training->params, training->parameters);
}

/* Leaves the parameters before the bad step in `good`. `end`: of the samples until it was seen. */
static EpochStatus find_bad(const Steps *steps, int64_t end) {
    Training *training = steps->training;
    size_t bytes = training->parameters * sizeof(double);
    int64_t low = 0;
    memcpy(training->good, training->start, bytes);
    while (end - low > steps->unit) {
        int64_t count = (end - low + steps->unit - 1) / steps->unit; /* steps, two at least */
        int64_t half = low + count / 2 * steps->unit;
        memcpy(training->params, training->good, bytes);
        if (still_good(training, run_again(steps, low, half - low))) {
            memcpy(training->good, training->params, bytes);
            low = half;
        } else {
            end = half;
        }
    }
    memcpy(training->params, training->good, bytes);
    double value = run_again(steps, low, end - low);
    bool finite = isfinite(value);
    int64_t row =
        steps->unit > 1 ? -1 : training->base + (training->order ? training->order[low] : low);
    if (still_good(training, value)) {
        training->bad = (Bad){-1, NAN, "the sum of the losses"};
        return EPOCH_DIVERGED;
    }
    training->bad = (Bad){row, value, finite ? "the update of the parameters" : "the loss"};
    if (!finite) {
        memcpy(training->params, training->good, bytes); /* where the loss was not finite */
        if (steps->unit > 1) {
            batch_diverged(training, low, end - low);
        }
    }
    return EPOCH_DIVERGED;
}

int64_t update_block(Context *context, const Model *model, const Kernel *kernel) {
    size_t work = model_work(context, model, kernel, 1);
    int64_t rows = work < (1 << 28) ? BLOCK_WORK * (int64_t)work : BLOCK_ROWS;
    return rows > BLOCK_ROWS ? rows : BLOCK_ROWS;
}

/* Steps over a part of the epoch, from training->position on. */
static EpochStatus run_visit(const Steps *steps, const Visit *part, int64_t block) {
    Training *training = steps->training;
    bool few = training->parameters <= PARAMETERS_FEW;
    if (training->position == part->begin && part->begin > 0) { /* where find_bad begins */
        memcpy(training->start, training->params, training->parameters * sizeof(double));
    }
    params_to_kernel(training);
    for (int64_t first = training->position - part->begin; first < part->count; first += block) {
        int64_t rows = part->count - first < block ? part->count - first : block;
        double sum = run_steps(steps, first, rows);
        bool due = training_due(training);
        bool look = few || first + rows == part->count || due;
        if (look || !isfinite(sum)) {
            params_from_kernel(training);
        }
        if (!isfinite(sum) || (look && !all_finite(training->params, training->parameters))) {
            return find_bad(steps, first + rows);
        }
        training->step += (rows + steps->unit - 1) / steps->unit;
        if (due && training_pause(training, part->begin + first + rows)) {
            return EPOCH_STOPPED;
        }
    }
    training->position = part->begin + part->count;
    return EPOCH_DONE;
}

EpochStatus epoch_updates(Training *training, UpdateKernel *run, int64_t unit) {
    Steps steps = {training, run, unit};
    int64_t block = unit > 1 ? BLOCK_ROWS / unit * unit
                             : update_block(training->context, training->model,
                                            &training->model->kernels[ROLE_SGD]);
    EpochStatus status = EPOCH_DONE;
    block = unit > BLOCK_ROWS ? unit : block;
    for (Visit part; status == EPOCH_DONE && visit_next(training, &part);) {
        status = run_visit(&steps, &part, block);
    }
    return status;
}
