/* visit.c: the order in which an epoch goes through the samples. In memory all of them are
 * shuffled. Data on disk (store.h), and others with --order=windows, are cut into windows of a
 * fixed size, which come in a random order; within a window the samples are shuffled. What the
 * order is depends on the seed, the epoch and the window alone, so that it can be found again
 * anywhere. */
#include "runtime/optimizer.h"
#include "runtime/store.h"

/* Samples of a window: whole batches, about as many as are evaluated at a time. */
static int64_t window_size(const Training *training) {
    int64_t batches = evaluate_window(training->evaluator) / training->batch;
    return batches > 1 ? batches * training->batch : training->batch;
}

bool visit_start(Training *training) {
    int64_t samples = training->data->samples;
    int64_t size = window_size(training);
    bool windows = training->by_windows || training->data->store;
    training->window = windows && size < samples ? size : 0;
    int64_t most = training->window ? training->window : samples;
    training->order = NEW(training->context, int64_t, most);
    training->windows = NEW(training->context, int64_t, samples / size + 1);
    for (int64_t i = 0; training->order && i < most; i++) {
        training->order[i] = i;
    }
    return training->order && training->windows &&
           (!training->data->store || store_room(training->data->store, most));
}

static void shuffle(uint64_t seed, int64_t *order, int64_t count) {
    Random random;
    random_start(&random, seed);
    for (int64_t i = 0; i < count; i++) {
        order[i] = i;
    }
    random_shuffle(&random, order, count);
}

static bool next_window(Training *training, Visit *visit) {
    int64_t total = training->data->samples;
    int64_t size = training->window;
    int64_t count = (total + size - 1) / size;
    int64_t begin = 0;
    if (training->position == 0) {
        training->epoch_seed = random_next(&training->random);
    }
    shuffle(training->epoch_seed, training->windows, count);
    for (int64_t i = 0; i < count; i++) {
        int64_t window = training->windows[i];
        int64_t samples = window == count - 1 ? total - window * size : size;
        if (training->position < begin + samples) {
            uint64_t seed = ((uint64_t)window + 1) * UINT64_C(0xd1342543de82ef95);
            training->base = window * size;
            shuffle(training->epoch_seed ^ seed, training->order, samples);
            *visit = (Visit){begin, samples};
            return true;
        }
        begin += samples;
    }
    return false;
}

bool visit_next(Training *training, Visit *visit) {
    int64_t total = training->data->samples;
    if (training->position >= total) {
        return false;
    }
    if (training->window) {
        return next_window(training, visit);
    }
    if (training->order && training->position == 0 && !training->evaluator->statistics) {
        random_shuffle(&training->random, training->order, total);
    }
    *visit = (Visit){0, total};
    return true;
}

Part visit_part(const Training *training, int64_t first, int64_t rows, const void **columns) {
    const Evaluator *evaluator = training->evaluator;
    int64_t most = training->window ? training->window : training->data->samples;
    int64_t left = training->data->samples - training->base;
    if (!training->order) {
        return evaluate_move(evaluator, first, rows, columns);
    }
    Part part = evaluate_move(evaluator, training->base, left < most ? left : most, columns);
    part.order = training->order + first;
    part.count = rows;
    return part;
}
