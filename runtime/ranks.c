/* ranks.c: see ranks.h. Waiting for a rank that is lost ends with the signal that mpirun sends to
 * the others then. Rank 0 computes nothing more after that: what it was about to find is NaN, and
 * the training ends with what it knew before (train.c). */
#include "runtime/ranks.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char *environment(const char *const *names) {
    for (; *names; names++) {
        const char *value = getenv(*names);
        if (value && *value) {
            return value;
        }
    }
    return NULL;
}

static const MpiTable *open_plugin(Context *context) {
    const char *given = getenv("GRADC_MPI");
    const char *file = given && *given ? given : GRADC_PKGLIBDIR "/libgradc_mpi.so";
    void *handle = dlopen(file, RTLD_NOW | RTLD_GLOBAL);
    const MpiTable *table = handle ? dlsym(handle, "gradc_mpi") : NULL;
    if (!table) {
        report_error(context,
                     "cannot run under mpirun: `%s` cannot be loaded; it is installed with a gradc "
                     "that was built with MPI, and GRADC_MPI=FILE in the environment says where",
                     file);
    }
    return table;
}

/* Only rank 0 has something to say; what a helper says when it alone fails goes to its `errors`. */
static bool be_quiet(Ranks *ranks) {
    int kept = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    ranks->errors = kept < 0 ? NULL : fdopen(kept, "w");
    return freopen("/dev/null", "w", stdout) && freopen("/dev/null", "w", stderr);
}

bool ranks_find(Context *context) {
    static const char *const sizes[] = {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", NULL};
    static const char *const numbers[] = {"OMPI_COMM_WORLD_RANK", "PMI_RANK", NULL};
    const char *size = environment(sizes);
    const char *rank = environment(numbers);
    if (!size || atoi(size) < 2) {
        return true;
    }
    Ranks *ranks = NEW(context, Ranks, 1);
    if (!ranks) {
        return false;
    }
    ranks->context = context;
    ranks->rank = rank ? atoi(rank) : 0;
    context->ranks = ranks;
    return ranks->rank == 0 || be_quiet(ranks);
}

bool ranks_join(Context *context) {
    Ranks *ranks = context->ranks;
    if (!ranks) {
        return true;
    }
    ranks->mpi = open_plugin(context);
    return ranks->mpi &&
           (ranks->mpi->start(&ranks->rank, &ranks->size) ||
            report_error(context, "MPI does not start")); /* rare: MPI itself ends the process */
}

bool ranks_helps(const Ranks *ranks) {
    return ranks && ranks->rank > 0;
}

/* ---- what goes over the wire ---- */

static bool lost(Ranks *ranks) {
    if (!ranks->lost && ranks->rank == 0) {
        report_error(ranks->context,
                     "a rank of mpirun is lost, or a signal came: training ends here");
    }
    ranks->lost = true;
    return false;
}

bool ranks_lost(const Ranks *ranks) {
    return ranks && ranks->rank == 0 && (ranks->lost || (ranks->stopped && ranks->stopped()));
}

static double *room(Ranks *ranks, size_t count) {
    if (count > ranks->room_count) {
        memory_free(ranks->context, ranks->room);
        ranks->room = NEW(ranks->context, double, count);
        ranks->room_count = ranks->room ? count : 0;
    }
    return ranks->room;
}

/* Up the tree: rank k·2^(i+1) takes what rank (2k + 1)·2^i has. */
static bool reduce(Ranks *ranks, double *mine, size_t count, Combine *combine, void *closure) {
    const MpiTable *mpi = ranks->mpi;
    const size_t bytes = count * sizeof *mine;
    for (int step = 1; step < ranks->size; step *= 2) {
        if (ranks->rank % (2 * step) != 0) {
            return mpi->send(ranks->rank - step, mine, bytes, ranks->stopped);
        }
        if (ranks->rank + step < ranks->size) {
            double *other = room(ranks, count);
            if (!other || !mpi->receive(ranks->rank + step, other, bytes, ranks->stopped)) {
                return false;
            }
            combine(closure, mine, other, count);
        }
    }
    return true;
}

bool ranks_reduce(Ranks *ranks, double *mine, size_t count, Combine *combine, void *closure) {
    if (!ranks_lost(ranks) && reduce(ranks, mine, count, combine, closure) && !ranks_lost(ranks)) {
        return true;
    }
    for (size_t i = 0; ranks->rank == 0 && i < count; i++) {
        mine[i] = (double)NAN;
    }
    return lost(ranks);
}

static void add(void *closure, double *mine, double *other, size_t count) {
    (void)closure;
    for (size_t i = 0; i < count; i++) {
        mine[i] += other[i];
    }
}

double ranks_sum(Ranks *ranks, double value, double *numbers, size_t count) {
    ranks_reduce(ranks, &value, 1, add, NULL);
    if (numbers) {
        ranks_reduce(ranks, numbers, count, add, NULL);
    }
    return value;
}

static void take_first(void *closure, double *mine, double *other, size_t count) {
    (void)closure;
    if (other[0] < mine[0]) {
        memcpy(mine, other, count * sizeof *mine);
    }
}

void ranks_first_bad(Ranks *ranks, double pair[2]) {
    ranks_reduce(ranks, pair, 2, take_first, NULL);
}

static void add_words(void *closure, double *mine, double *other, size_t count) {
    (void)closure;
    for (size_t i = 0; i < count; i++) {
        uint64_t a, b;
        memcpy(&a, mine + i, sizeof a);
        memcpy(&b, other + i, sizeof b);
        a += b;
        memcpy(mine + i, &a, sizeof a);
    }
}

void ranks_sum_words(Ranks *ranks, uint64_t *words, size_t count) {
    double *copy = NEW(ranks->context, double, count + 1);
    if (!copy) {
        lost(ranks);
        return;
    }
    memcpy(copy, words, count * sizeof *words);
    ranks_reduce(ranks, copy, count, add_words, NULL);
    memcpy(words, copy, count * sizeof *words);
    memory_free(ranks->context, copy);
}

bool ranks_tell(Ranks *ranks, const int64_t *mine, size_t count, int64_t *all) {
    return ranks->mpi->share(mine, count * sizeof *mine, all, ranks->stopped) || lost(ranks);
}

int64_t ranks_own(const Ranks *ranks, const int64_t *order, int64_t count, int64_t *own) {
    int64_t found = 0;
    for (int64_t i = 0; i < count; i++) {
        if (order[i] >= ranks->first && order[i] < ranks->first + ranks->held) {
            own[found++] = i;
        }
    }
    return found;
}

/* ---- rank 0 ---- */

bool ranks_shares(const Evaluator *evaluator) {
    const Ranks *ranks = evaluator->context->ranks;
    return ranks && ranks->rank == 0 && ranks->data && ranks->data == evaluator->data;
}

bool ranks_shares_batches(const Evaluator *evaluator, int64_t batch) {
    return ranks_shares(evaluator) && !evaluator->data->starts && !evaluator->data->store &&
           (batch >= RANKS_BATCH || evaluator->context->ranks->part);
}

/* What rank 0 broadcasts. What is small comes with it. */
typedef struct {
    int64_t work, count;
    uint64_t params, extra; /* bytes */
    char bytes[2048];
} Order;

static size_t extra_bytes(const Evaluator *evaluator, Work work, const void *extra, int64_t count) {
    return !extra                 ? 0
           : work == WORK_PRODUCT ? evaluator->parameters * sizeof(double)
                                  : (size_t)count * sizeof(int64_t);
}

/* params, then extra; either way. */
static bool pass(Ranks *ranks, Order *order, void *params, void *extra) {
    struct {
        void *bytes;
        size_t length;
    } parts[] = {{params, order->params}, {extra, order->extra}};
    if (order->params + order->extra <= sizeof order->bytes) {
        return true; /* they came with it */
    }
    for (size_t i = 0; i < 2; i++) {
        if (!ranks->mpi->broadcast(parts[i].bytes, parts[i].length, ranks->stopped)) {
            return false;
        }
    }
    return true;
}

static bool give(Ranks *ranks, Order *order, const double *params, const void *extra) {
    if (order->params + order->extra <= sizeof order->bytes) {
        memcpy(order->bytes, params ? (const void *)params : "", order->params);
        memcpy(order->bytes + order->params, extra ? extra : "", order->extra);
    }
    return ranks->mpi->broadcast(order, sizeof *order, ranks->stopped) &&
           pass(ranks, order, (void *)(uintptr_t)params, (void *)(uintptr_t)extra);
}

bool ranks_ask(const Evaluator *evaluator, Work work, const double *params, const void *extra,
               int64_t count) {
    Ranks *ranks = evaluator->context->ranks;
    if (!ranks_shares(evaluator)) {
        return false;
    }
    Order order = {.work = work, .count = count};
    order.params = params ? evaluator->parameters * sizeof *params : 0;
    order.extra = extra_bytes(evaluator, work, extra, count);
    if (ranks_lost(ranks) || !give(ranks, &order, params, extra)) {
        lost(ranks);
    }
    return true;
}

bool ranks_begin(Session *session, int64_t batch, bool (*stopped)(void)) {
    Ranks *ranks = session->context->ranks;
    if (!ranks) {
        return true;
    }
    Order order = {.work = WORK_START, .count = batch};
    ranks->stopped = stopped;
    if (!give(ranks, &order, NULL, NULL)) {
        return lost(ranks);
    }
    /* --search changes constants, which the others do not know of */
    if (session->data.divided && session->options->search_count == 0) {
        ranks->data = &session->data;
    }
    return true;
}

void ranks_end(Ranks *ranks, bool failed) {
    Order order = {.work = WORK_END};
    if (!ranks || failed || ranks->lost) {
        return;
    }
    if (ranks->rank == 0 && !give(ranks, &order, NULL, NULL)) {
        return;
    }
    ranks->mpi->end();
}

/* ---- the others ---- */

bool ranks_next(Ranks *ranks, RanksOrder *got, double *params) {
    Order order;
    if (!ranks->mpi->broadcast(&order, sizeof order, NULL)) {
        return false;
    }
    got->work = (Work)order.work;
    got->count = order.count;
    got->has_extra = order.extra > 0;
    if (order.extra > got->room) {
        memory_free(ranks->context, got->extra);
        got->extra = memory_new(ranks->context, order.extra, 1);
        got->room = got->extra ? order.extra : 0;
    }
    if (order.extra > got->room || (order.params && !params)) {
        return false;
    }
    if (order.params + order.extra <= sizeof order.bytes) {
        memcpy(params ? (void *)params : got->none, order.bytes, order.params);
        memcpy(got->extra ? got->extra : got->none, order.bytes + order.params, order.extra);
    }
    return pass(ranks, &order, params, got->extra);
}

void ranks_complain(Ranks *ranks, const char *what) {
    static const struct timespec pause = {2, 0};
    nanosleep(&pause, NULL);
    if (ranks->errors && !ranks->told) {
        fprintf(ranks->errors, "%s: error: rank %d of mpirun %s\n", ranks->context->program,
                ranks->rank, what);
        fflush(ranks->errors);
    }
}
