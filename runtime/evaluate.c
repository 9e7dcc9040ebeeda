/* evaluate.c: the objective and its gradient over all rows.
 *
 * Rows are cut into chunks, by their number alone; each chunk is summed by the kernel, and the sums
 * of the chunks are added by a tree that is fixed by their number. So results are the same bits for
 * any number of threads. A small problem is one chunk: its sum is the kernel's. Data of more than a
 * few megabytes are cut into blocks before, which are evaluated one after the other, so that they
 * need not be in memory all at once (store.c): the sums are the same bits whether they are or not.
 * Under mpirun all of that is done by each rank with the samples that it has (ranks.h).
 */
#include "runtime/ranks.h"
#include "runtime/store.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    BLOCK_BYTES = 1 << 22,
    BLOCK_GRADIENTS = 16, /* of a block's bytes, those of the parameters are at most this share */
    CHUNK_ROWS = 512,     /* at least */
    CHUNKS_MAX = 64,
    CHUNKS_MIN = 8,         /* as far as rows allow, even where gradients are large */
    PARTIALS_MAX = 1 << 20, /* doubles, beyond CHUNKS_MIN */
    PARTIALS_MOST = 1 << 25 /* doubles, whatever it costs */
};

static const double threads_worth =
    300e-6; /* seconds of one evaluation, below which one thread does it */

/* Where samples are blocks of rows, all of them. */
static int64_t block_of(const Evaluator *evaluator, int64_t all) {
    const Model *model = evaluator->model;
    size_t bytes = 1;
    size_t most = BLOCK_GRADIENTS * evaluator->parameters * sizeof(double);
    for (size_t i = 0; i < model->column_count; i++) {
        bytes += column_bytes(model, i);
    }
    most = most > BLOCK_BYTES ? most : BLOCK_BYTES;
    int64_t samples = (int64_t)(most / bytes) / CHUNK_ROWS * CHUNK_ROWS;
    samples = samples < CHUNK_ROWS ? CHUNK_ROWS : samples;
    return evaluator->data->starts || samples > all ? all : samples;
}

int64_t evaluate_window(const Evaluator *evaluator) {
    return block_of(evaluator, evaluator->samples);
}

static int64_t block_samples(const Evaluator *evaluator) {
    int64_t samples = block_of(evaluator, evaluator->held);
    return evaluator->data->divided && samples < 1 ? 1 : samples; /* a rank may have none */
}

int64_t chunk_count(const Evaluator *evaluator, size_t numbers) {
    const Data *data = evaluator->data;
    int64_t rows = data->starts ? data->rows : evaluator->block;
    rows = data->starts && evaluator->held < data->samples ? evaluator->held : rows;
    int64_t count = rows / CHUNK_ROWS;
    int64_t limit = numbers ? (int64_t)(PARTIALS_MAX / numbers) : CHUNKS_MAX;
    int64_t most = numbers ? (int64_t)(PARTIALS_MOST / numbers) : CHUNKS_MAX;
    int64_t least = most < 1 ? 1 : most < CHUNKS_MIN ? most : CHUNKS_MIN;
    limit = limit < least ? least : limit > CHUNKS_MAX ? CHUNKS_MAX : limit;
    count = count > limit ? limit : count;
    count = count > evaluator->block ? evaluator->block : count;
    return count < 1 ? 1 : count;
}

static size_t largest_work(Context *context, const Model *model, int64_t rows) {
    static const Role roles[] = {ROLE_OBJECTIVE, ROLE_GRADIENT, ROLE_SGD};
    size_t largest = 0;
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++) {
        size_t size = model_work(context, model, &model->kernels[roles[i]], rows);
        largest = size > largest ? size : largest;
    }
    for (size_t i = 0; i < model->metric_count; i++) {
        size_t size = model_work(context, model, &model->metrics[i].kernel, rows);
        largest = size > largest ? size : largest;
    }
    return largest;
}

static bool regular_start(Context *context, Evaluator *evaluator, bool slopes) {
    const Model *model = evaluator->model;
    static const Role roles[] = {ROLE_REGULAR,        ROLE_REGULAR_GRADIENT, ROLE_PRIOR,
                                 ROLE_PRIOR_GRADIENT, ROLE_REGULAR_HVP,      ROLE_PRIOR_HVP};
    size_t largest = 0;
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++) {
        size_t size = model_work(context, model, &model->kernels[roles[i]], 1);
        if (size == SIZE_MAX) {
            return false;
        }
        largest = size > largest ? size : largest;
    }
    size_t size = slopes ? evaluator->parameters + 1 : 1;
    evaluator->regular = NEW(context, double, size);
    evaluator->prior = NEW(context, double, size);
    evaluator->regular_work = NEW(context, double, largest + 1);
    return evaluator->regular && evaluator->prior && evaluator->regular_work;
}

bool evaluator_start(Context *context, Evaluator *evaluator, const Model *model, const Data *data,
                     size_t threads, int64_t largest, Slopes slopes) {
    *evaluator = (Evaluator){.context = context,
                             .model = model,
                             .data = data,
                             .samples = data->samples,
                             .held = data->divided ? data->held : data->samples,
                             .parameters = model->parameter_count};
    bool weighted = model->weights && data->columns;
    if (weighted && (data->store || data->columns[model->weights - 1])) {
        int64_t zeros;
        double sum = data->divided ? data->weight : weights_sum(model, data, &zeros);
        if (!(sum > 0)) { /* of a part: that of all is not (weights_check) */
            return report_error(context,
                                "no sample of a part of the data has a weight; the "
                                "weights `%s` there add up to 0",
                                model->columns[model->weights - 1].name);
        }
        evaluator->weighting = (double)data->samples / sum;
    }
    evaluator->block = block_samples(evaluator);
    evaluator->chunks = chunk_count(evaluator, evaluator->parameters);
    evaluator->chunk = (evaluator->block + evaluator->chunks - 1) / evaluator->chunks;
    evaluator->chunks =
        evaluator->chunk ? (evaluator->block + evaluator->chunk - 1) / evaluator->chunk : 1;
    int64_t window = largest > evaluator->block ? largest : evaluator->block;
    if (data->store && !store_room(data->store, window)) {
        return false;
    }
    size_t limit = (size_t)evaluator->chunks;
    evaluator->threads = threads > limit ? limit : threads;
    evaluator->threads = evaluator->threads < 1 ? 1 : evaluator->threads;
    size_t work =
        largest_work(context, model, largest > evaluator->chunk ? largest : evaluator->chunk);
    if (work == SIZE_MAX) {
        return false;
    }
    evaluator->reals = model->single ? NEW(context, float, evaluator->parameters + 1) : NULL;
    evaluator->values = NEW(context, double, evaluator->chunks);
    evaluator->vectors = largest / CHUNK_ROWS > evaluator->chunks ? evaluator->chunks
                         : largest < 2 * CHUNK_ROWS               ? 1
                                                                  : largest / CHUNK_ROWS;
    evaluator->vectors = slopes == SLOPES_OF_ALL ? evaluator->chunks : evaluator->vectors;
    size_t vectors = slopes == SLOPES_NONE ? 0 : (size_t)evaluator->vectors;
    vectors += slopes != SLOPES_NONE && evaluator->block < evaluator->held; /* the blocks' sum */
    evaluator->slopes = slopes;
    evaluator->partials = NEW(context, double, vectors * evaluator->parameters + 1);
    evaluator->work = NEW(context, double *, evaluator->threads);
    evaluator->moved = NEW(context, const void **, evaluator->threads);
    evaluator->one = NEW(context, const void *, model->column_count + 1);
    if ((model->single && !evaluator->reals) || !evaluator->values || !evaluator->partials ||
        !evaluator->work || !evaluator->moved || !evaluator->one) {
        return false;
    }
    for (size_t i = 0; i < evaluator->threads; i++) {
        evaluator->work[i] = NEW(context, double, work + 1);
        evaluator->moved[i] = NEW(context, const void *, model->column_count + 1);
        if (!evaluator->work[i] || !evaluator->moved[i]) {
            return false;
        }
    }
    return regular_start(context, evaluator, slopes != SLOPES_NONE);
}

void evaluator_end(Evaluator *evaluator) {
    threads_stop(evaluator->pool);
    evaluator->pool = NULL;
}

Part evaluate_move(const Evaluator *evaluator, int64_t first, int64_t count, const void **columns) {
    const Model *model = evaluator->model;
    const Data *data = evaluator->data;
    first += data->first;
    if (data->store) {
        store_window(data->store, first, count, columns);
        return (Part){columns, NULL, NULL, count};
    }
    for (size_t i = 0; i < model->column_count; i++) {
        const char *base = data->columns ? data->columns[i] : NULL;
        int64_t width = (int64_t)column_bytes(model, i);
        bool moves = base && !model->columns[i].by_row;
        columns[i] = moves ? base + first * width : base;
    }
    return (Part){columns, data->starts ? data->starts + first : NULL, NULL, count};
}

/* The params as kernels take them, until the next call. */
static void *take_params(Evaluator *evaluator, double *params) {
    if (!evaluator->reals || !params) {
        return params;
    }
    reals_narrow(evaluator->model, evaluator->reals, params, evaluator->parameters);
    return evaluator->reals;
}

/* `params` and `direction` as kernels take them; `size` numbers go to `out`. */
static double call_kernel(const Evaluator *evaluator, const Kernel *kernel, void *params,
                          const void *direction, const Part *part, double *out, size_t size,
                          double *work) {
    GradcArgs args = evaluator->model->args;
    args.params = params;
    args.direction = direction;
    args.columns = part->columns;
    args.starts = part->starts;
    args.order = part->order;
    args.rows = part->count;
    args.out = out;
    args.work = work;
    double value = kernel->function(&args);
    if (out) {
        reals_widen(evaluator->model, out, size);
    }
    return value;
}

static Part move(const Evaluator *evaluator, const Part *whole, int64_t first, int64_t count,
                 const void **columns);

/* Of a sample of the part; their mean over all data is 1. */
static double part_weight(const Evaluator *evaluator, const Part *part, int64_t sample) {
    int64_t at = part->order ? part->order[sample] : sample;
    return evaluator->weighting * weights_at(evaluator->model, part->columns, at);
}

/* Where the samples end that have the weight of `first`, as it does. */
static int64_t run_end(const Evaluator *evaluator, const Part *part, int64_t first,
                       double *weight) {
    int64_t end = first + 1;
    *weight = part_weight(evaluator, part, first);
    while (end < part->count && part_weight(evaluator, part, end) == *weight) {
        end++;
    }
    return end;
}

/* Σ weight · what the kernel gives, for each run of samples with one weight. What has none is not
 * computed. Threads do this: its memory is the C library's. */
static double call_weighted(const Evaluator *evaluator, const Kernel *kernel, void *params,
                            const void *direction, const Part *part, double *out, size_t size,
                            double *work) {
    const void *columns[WEIGHTED_COLUMNS];
    double *one = out ? malloc((size + 1) * sizeof *one) : NULL;
    double sum = 0;
    if (out && !one) {
        return (double)NAN;
    }
    for (size_t i = 0; out && i < size; i++) {
        out[i] = 0;
    }
    for (int64_t first = 0, end; first < part->count; first = end) {
        double weight;
        end = run_end(evaluator, part, first, &weight);
        if (weight == 0) {
            continue;
        }
        Part run = move(evaluator, part, first, end - first, columns);
        sum += weight * call_kernel(evaluator, kernel, params, direction, &run, one, size, work);
        for (size_t i = 0; out && i < size; i++) {
            out[i] += weight * one[i];
        }
    }
    free(one);
    return sum;
}

static double call_along(const Evaluator *evaluator, const Kernel *kernel, void *params,
                         const void *direction, const Part *part, double *out, size_t size,
                         double *work) {
    return (evaluator->weighting > 0 && part->columns ? call_weighted : call_kernel)(
        evaluator, kernel, params, direction, part, out, size, work);
}

static double call(const Evaluator *evaluator, const Kernel *kernel, void *params, const Part *part,
                   double *out, size_t size, double *work) {
    return call_along(evaluator, kernel, params, NULL, part, out, size, work);
}

size_t evaluate_rows(Evaluator *evaluator, const Kernel *kernel, double *params, const Part *part,
                     size_t each, double *out, double *work) {
    const void *columns[WEIGHTED_COLUMNS];
    size_t size = 0;
    if (evaluator->weighting == 0) {
        size = each * (size_t)part->count;
        call_kernel(evaluator, kernel, params, NULL, part, out, size, work);
        return size;
    }
    double weight;
    for (int64_t first = 0, end; first < part->count; first = end) {
        end = run_end(evaluator, part, first, &weight);
        if (weight == 0) {
            continue;
        }
        Part run = move(evaluator, part, first, end - first, columns);
        size_t numbers = each * (size_t)run.count;
        call_kernel(evaluator, kernel, params, NULL, &run, out + size, numbers, work);
        for (size_t i = 0; i < numbers; i++) {
            out[size + i] *= sqrt(weight);
        }
        size += numbers;
    }
    return size;
}

/* Samples, cut into chunks for one kernel; the values go to those of the evaluator. */
typedef struct {
    Evaluator *evaluator;
    const Kernel *kernel;
    const Part *part;
    void *params; /* as kernels take them */
    const void *direction;
    int64_t chunk, chunks;
    double *partials; /* `size` numbers for each chunk, or NULL */
    size_t size;
    double **work; /* by worker */
    bool shared;   /* by ranks: of no use once one is lost */
} Job;

/* A part of a part. With an order the kernel finds its samples itself. */
static Part move(const Evaluator *evaluator, const Part *whole, int64_t first, int64_t count,
                 const void **columns) {
    const Model *model = evaluator->model;
    if (whole->order) {
        return (Part){whole->columns, whole->starts, whole->order + first, count};
    }
    for (size_t i = 0; i < model->column_count; i++) {
        const char *base = whole->columns[i];
        int64_t width = (int64_t)column_bytes(model, i);
        columns[i] = base && !model->columns[i].by_row ? base + first * width : base;
    }
    return (Part){columns, whole->starts ? whole->starts + first : NULL, NULL, count};
}

static void do_chunk(void *argument, size_t item, size_t worker) {
    const Job *job = argument;
    Evaluator *evaluator = job->evaluator;
    if (job->shared && ranks_lost(evaluator->context->ranks)) {
        return;
    }
    int64_t first = (int64_t)item * job->chunk;
    int64_t left = job->part->count - first;
    Part part = move(evaluator, job->part, first, left < job->chunk ? left : job->chunk,
                     evaluator->moved[worker]);
    double *out = job->partials ? job->partials + item * job->size : NULL;
    evaluator->values[item] = call_along(evaluator, job->kernel, job->params, job->direction, &part,
                                         out, job->size, job->work[worker]);
}

/* Adds the chunks' sums into the first. */
static void add_chunks(const Job *job) {
    Evaluator *evaluator = job->evaluator;
    size_t n = job->size;
    for (int64_t step = 1; step < job->chunks; step *= 2) {
        for (int64_t i = 0; i + step < job->chunks; i += 2 * step) {
            evaluator->values[i] += evaluator->values[i + step];
            if (!job->partials) {
                continue;
            }
            double *to = job->partials + (size_t)i * n;
            const double *from = job->partials + (size_t)(i + step) * n;
            for (size_t k = 0; k < n; k++) {
                to[k] += from[k];
            }
        }
    }
}

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* All chunks; starts the threads when that took long enough to be worth them. */
static void do_chunks(Job *job) {
    Evaluator *evaluator = job->evaluator;
    double before = seconds();
    threads_run(evaluator->pool, do_chunk, job, (size_t)job->chunks);
    if (!evaluator->pool && evaluator->threads > 1 && job->chunks > 1 &&
        seconds() - before > threads_worth) {
        evaluator->pool = threads_start(evaluator->context, evaluator->threads);
        evaluator->threads = threads_count(evaluator->pool); /* one, if none could be had */
    }
}

/* All samples that are here; the sums are values[0], and partials. The last of `room` partials adds
 * up blocks. */
static double do_blocks(Job *job, int64_t room) {
    Evaluator *evaluator = job->evaluator;
    double *total = job->partials ? job->partials + (size_t)room * job->size : NULL;
    double sum = 0;
    if (evaluator->held == 0 && job->partials) {
        memset(job->partials, 0, job->size * sizeof *job->partials);
    }
    for (int64_t first = 0; first < evaluator->held; first += evaluator->block) {
        int64_t left = evaluator->held - first;
        int64_t count = left < evaluator->block ? left : evaluator->block;
        Part part = evaluate_move(evaluator, first, count, evaluator->one);
        job->part = &part;
        job->chunks = (count + job->chunk - 1) / job->chunk;
        do_chunks(job);
        add_chunks(job);
        sum = first == 0 ? evaluator->values[0] : sum + evaluator->values[0];
        for (size_t i = 0; total && evaluator->block < evaluator->held && i < job->size; i++) {
            total[i] = first == 0 ? job->partials[i] : total[i] + job->partials[i];
        }
    }
    if (total && evaluator->block < evaluator->held) {
        memcpy(job->partials, total, job->size * sizeof *total);
    }
    return sum;
}

static Job losses_job(Evaluator *evaluator, const Kernel *kernel, double *params, const Part *part,
                      int64_t chunk, int64_t chunks, bool slopes) {
    return (Job){.evaluator = evaluator,
                 .kernel = kernel,
                 .part = part,
                 .params = take_params(evaluator, params),
                 .chunk = chunk,
                 .chunks = chunks,
                 .partials = slopes ? evaluator->partials : NULL,
                 .size = evaluator->parameters,
                 .work = evaluator->work};
}

void evaluate_curvature(Evaluator *evaluator, double *partials, int64_t chunks, double **work) {
    Job job = {.evaluator = evaluator,
               .kernel = &evaluator->model->kernels[ROLE_CURVATURE],
               .chunk = (evaluator->block + chunks - 1) / chunks,
               .partials = partials,
               .size = evaluator->parameters * evaluator->parameters,
               .work = work};
    do_blocks(&job, chunks);
}

void evaluate_own_product(Evaluator *evaluator, double *params, const void *direction,
                          double **work) {
    Job job = losses_job(evaluator, &evaluator->model->kernels[ROLE_HVP], params, NULL,
                         evaluator->chunk, evaluator->chunks, true);
    job.direction = direction;
    job.work = work;
    job.shared = evaluator->data->divided;
    do_blocks(&job, evaluator->vectors);
}

void evaluate_product(Evaluator *evaluator, double *params, const void *direction, double **work) {
    bool shared = ranks_ask(evaluator, WORK_PRODUCT, params, direction, 0);
    evaluate_own_product(evaluator, params, direction, work);
    if (shared) {
        ranks_sum(evaluator->context->ranks, 0, evaluator->partials, evaluator->parameters);
    }
}

double evaluate_own_losses(Evaluator *evaluator, double *params, bool slopes) {
    const Kernel *kernel = &evaluator->model->kernels[slopes ? ROLE_GRADIENT : ROLE_OBJECTIVE];
    Job job =
        losses_job(evaluator, kernel, params, NULL, evaluator->chunk, evaluator->chunks, slopes);
    job.shared = evaluator->data->divided;
    return do_blocks(&job, evaluator->vectors);
}

double evaluate_losses(Evaluator *evaluator, double *params, bool slopes) {
    Work work = slopes ? WORK_GRADIENT : WORK_OBJECTIVE;
    bool shared = ranks_ask(evaluator, work, params, NULL, 0);
    double sum = evaluate_own_losses(evaluator, params, slopes);
    return shared ? ranks_sum(evaluator->context->ranks, sum, slopes ? evaluator->partials : NULL,
                              evaluator->parameters)
                  : sum;
}

double evaluate(Evaluator *evaluator, double *params, double *gradient) {
    double sum = evaluator->statistics ? statistics_losses(evaluator, params)
                                       : evaluate_losses(evaluator, params, gradient != NULL);
    double samples = (double)evaluator->samples;
    double regular = evaluate_regular(evaluator, params, gradient ? evaluator->regular : NULL);
    for (size_t i = 0; gradient && i < evaluator->parameters; i++) {
        gradient[i] = evaluator->partials[i] / samples + evaluator->regular[i];
    }
    return sum / samples + regular;
}

/* How the samples of a part are cut: by their number, and by the memory for gradients. */
static Job cut_part(Evaluator *evaluator, const Kernel *kernel, double *params, const Part *part,
                    bool with_gradient) {
    int64_t chunks = part->count / CHUNK_ROWS;
    int64_t most = with_gradient ? evaluator->vectors : evaluator->chunks;
    chunks = chunks > most ? most : chunks < 1 ? 1 : chunks;
    int64_t chunk = (part->count + chunks - 1) / chunks;
    chunks = (part->count + chunk - 1) / chunk;
    return losses_job(evaluator, kernel, params, part, chunk, chunks, with_gradient);
}

double evaluate_part(Evaluator *evaluator, double *params, const Part *part, double *gradient) {
    const Kernel *kernel = &evaluator->model->kernels[gradient ? ROLE_GRADIENT : ROLE_OBJECTIVE];
    if (part->count < 2 * CHUNK_ROWS || evaluator->chunks < 2) {
        return call(evaluator, kernel, take_params(evaluator, params), part, gradient,
                    evaluator->parameters, evaluator->work[0]);
    }
    Job job = cut_part(evaluator, kernel, params, part, gradient != NULL);
    do_chunks(&job);
    add_chunks(&job);
    if (gradient) {
        memcpy(gradient, evaluator->partials, evaluator->parameters * sizeof *gradient);
    }
    return evaluator->values[0];
}

double evaluate_samples(Evaluator *evaluator, double *params, int64_t first, int64_t count,
                        double *gradient) {
    Part part = evaluate_move(evaluator, first, count, evaluator->one);
    return evaluate_part(evaluator, params, &part, gradient);
}

double evaluate_metric(Evaluator *evaluator, double *params, const Metric *metric) {
    Job job = losses_job(evaluator, &metric->kernel, params, NULL, evaluator->chunk,
                         evaluator->chunks, false);
    double sum = 0;
    for (int64_t first = 0; first < evaluator->samples; first += evaluator->block) {
        int64_t left = evaluator->samples - first;
        int64_t count = left < evaluator->block ? left : evaluator->block;
        Part part = evaluate_move(evaluator, first, count, evaluator->one);
        job.part = &part;
        job.chunks = (count + job.chunk - 1) / job.chunk;
        do_chunks(&job);
        for (int64_t i = 0; i < job.chunks; i++) {
            sum += evaluator->values[i];
        }
    }
    return sum / (double)evaluator->samples;
}

/* What no sample has a part in: the value of `value`, and with a gradient that of `slope`. */
static double evaluate_apart(Evaluator *evaluator, Role value, Role slope, double *params,
                             double *gradient) {
    const Kernel *kernels = evaluator->model->kernels;
    const Part none = {NULL, NULL, NULL, 1};
    if (gradient && kernels[slope].function) {
        return call(evaluator, &kernels[slope], take_params(evaluator, params), &none, gradient,
                    evaluator->parameters, evaluator->regular_work);
    }
    if (gradient) {
        memset(gradient, 0, evaluator->parameters * sizeof *gradient);
    }
    return kernels[value].function
               ? call(evaluator, &kernels[value], take_params(evaluator, params), &none, NULL, 0,
                      evaluator->regular_work)
               : 0;
}

double evaluate_regular(Evaluator *evaluator, double *params, double *gradient) {
    const Model *model = evaluator->model;
    double regular =
        evaluate_apart(evaluator, ROLE_REGULAR, ROLE_REGULAR_GRADIENT, params, gradient);
    if (!model->kernels[ROLE_PRIOR].function) {
        return regular;
    }
    double share =
        (evaluator->weighting > 0 ? evaluator->weighting : 1) / (double)model->args.total;
    double *slope = gradient ? evaluator->prior : NULL;
    double prior = evaluate_apart(evaluator, ROLE_PRIOR, ROLE_PRIOR_GRADIENT, params, slope);
    for (size_t i = 0; gradient && i < evaluator->parameters; i++) {
        gradient[i] -= slope[i] * share;
    }
    return regular - prior * share;
}

void evaluate_regular_product(Evaluator *evaluator, double *params, const void *direction,
                              double *product) {
    static const Role roles[] = {ROLE_REGULAR_HVP, ROLE_PRIOR_HVP};
    const Part none = {NULL, NULL, NULL, 1};
    size_t n = evaluator->parameters;
    memset(product, 0, n * sizeof *product);
    for (size_t k = 0; k < 2; k++) {
        const Kernel *kernel = &evaluator->model->kernels[roles[k]];
        double prior = evaluator->weighting > 0 ? -evaluator->weighting : -1;
        double share = k == 0 ? (double)evaluator->samples : prior;
        if (!kernel->function) {
            continue;
        }
        call_along(evaluator, kernel, take_params(evaluator, params), direction, &none,
                   evaluator->prior, n, evaluator->regular_work);
        for (size_t i = 0; i < n; i++) {
            product[i] += share * evaluator->prior[i];
        }
    }
}

bool evaluate_is_bad(Evaluator *evaluator, double *params, int64_t sample, bool slopes,
                     double *value) {
    *value = evaluate_samples(evaluator, params, sample, 1, slopes ? evaluator->partials : NULL);
    if (slopes && all_finite(evaluator->partials, evaluator->parameters)) {
        return false;
    }
    *value = slopes ? evaluate_samples(evaluator, params, sample, 1, NULL) : *value;
    return slopes || !isfinite(*value);
}

/* The first place of one in the order, or -1. */
static int64_t find_own(Evaluator *evaluator, double *params, const int64_t *order, int64_t count,
                        double *value) {
    bool slopes =
        evaluator->slopes != SLOPES_NONE && evaluator->model->kernels[ROLE_GRADIENT].function;
    for (int round = 0; round < 1 + slopes; round++) {
        for (int64_t i = 0; i < count; i++) {
            if (evaluate_is_bad(evaluator, params, order ? order[i] : i, round == 1, value)) {
                return i;
            }
        }
    }
    return -1;
}

void evaluate_own_bad(Evaluator *evaluator, double *params, const int64_t *order, int64_t count,
                      double pair[2]) {
    const Ranks *ranks = evaluator->context->ranks;
    int64_t *own = NEW(evaluator->context, int64_t, order ? 2 * count + 1 : 1);
    int64_t many = own && order ? ranks_own(ranks, order, count, own) : ranks->held;
    int64_t *samples = order ? own + count : NULL;
    for (int64_t i = 0; own && order && i < many; i++) {
        samples[i] = order[own[i]] - ranks->first;
    }
    pair[1] = 0;
    int64_t found = own ? find_own(evaluator, params, samples, many, &pair[1]) : -1;
    pair[0] = found < 0 ? (double)INFINITY : (double)(order ? own[found] : ranks->first + found);
    memory_free(evaluator->context, own);
}

int64_t evaluate_find_bad(Evaluator *evaluator, double *params, const int64_t *order, int64_t count,
                          double *value) {
    double pair[2];
    if (!ranks_ask(evaluator, WORK_BAD, params, order, count)) {
        int64_t found = find_own(evaluator, params, order, count, value);
        return found < 0 ? -1 : order ? order[found] : found;
    }
    evaluate_own_bad(evaluator, params, order, count, pair);
    ranks_first_bad(evaluator->context->ranks, pair);
    if (!isfinite(pair[0])) {
        return -1;
    }
    *value = pair[1];
    return order ? order[(int64_t)pair[0]] : (int64_t)pair[0];
}
