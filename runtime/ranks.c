/* ranks.c: see ranks.h. Waiting for a rank that is lost ends with the signal that mpirun sends to
 * the others then; rank 0 does the chunks of that rank itself, and the training ends as it does
 * with any signal: what it has is written. */
#include "runtime/ranks.h"
#include "runtime/mpi.h"

#include <dlfcn.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum { ORDER_END, ORDER_WORK };

/* What rank 0 broadcasts; for ORDER_WORK the params follow. */
typedef struct {
    int64_t order, bytes;
    Share share;
} Order;

struct Ranks {
    Context *context;
    const MpiTable *mpi;
    const Data *data; /* what is shared, once it is */
    int64_t samples;  /* of them */
    bool (*stopped)(void);
    int rank, size;
    bool alone; /* a rank is lost, or none is ready: rank 0 asks nothing any more */
};

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

bool ranks_start(Context *context, Ranks **made) {
    static const char *const sizes[] = {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", NULL};
    static const char *const numbers[] = {"OMPI_COMM_WORLD_RANK", "PMI_RANK", NULL};
    const char *size = environment(sizes);
    const char *rank = environment(numbers);
    *made = NULL;
    if (!size || atoi(size) < 2) {
        return true;
    }
    if (rank && atoi(rank) != 0 &&
        (!freopen("/dev/null", "w", stdout) || !freopen("/dev/null", "w", stderr))) {
        return false; /* only rank 0 has something to say */
    }
    Ranks *ranks = NEW(context, Ranks, 1);
    if (!ranks) {
        return false;
    }
    ranks->context = context;
    ranks->mpi = open_plugin(context);
    if (!ranks->mpi) {
        return false;
    }
    if (!ranks->mpi->start(&ranks->rank, &ranks->size)) {
        return report_error(context, "MPI does not start");
    }
    *made = ranks;
    return true;
}

bool ranks_helps(const Ranks *ranks) {
    return ranks && ranks->rank > 0;
}

int64_t ranks_first(const Ranks *ranks, int rank, int64_t chunks) {
    return chunks * rank / ranks->size;
}

/* ---- rank 0 ---- */

static bool lost(Ranks *ranks) {
    if (!ranks->alone) {
        ranks->alone = true;
        report_error(ranks->context, "a rank of mpirun is lost, or a signal came; this one ends");
    }
    return false;
}

/* mpirun may send SIGTERM more than once when a rank is lost: a second one is not to end the
 * writing of what there is. It sends SIGKILL where that takes too long. */
static void keep_handler(void) {
    struct sigaction action;
    if (sigaction(SIGTERM, NULL, &action) == 0) {
        action.sa_flags &= ~(int)SA_RESETHAND;
        sigaction(SIGTERM, &action, NULL);
    }
}

bool ranks_share(Session *session, bool (*stopped)(void)) {
    Ranks *ranks = session->context->ranks;
    bool all = true;
    if (!ranks || ranks->rank > 0) {
        return true;
    }
    ranks->stopped = stopped;
    keep_handler();
    for (int rank = 1; rank < ranks->size; rank++) {
        int64_t ready = -1; /* the samples that it has */
        if (!ranks->mpi->receive(rank, &ready, sizeof ready, stopped)) {
            return lost(ranks);
        }
        if (ready != session->data.samples && all) {
            all = report_error(
                session->context,
                "rank %d of mpirun has not read the same data: is the file on its machine?", rank);
        }
    }
    ranks->data = all ? &session->data : NULL;
    ranks->samples = session->data.samples;
    return all;
}

bool ranks_ask(const Evaluator *evaluator, const Share *share, const void *params, size_t bytes) {
    Ranks *ranks = evaluator->context->ranks;
    Order order = {ORDER_WORK, (int64_t)bytes, *share};
    if (!ranks || ranks->alone || !ranks->data || ranks->data != evaluator->data ||
        ranks->samples != evaluator->samples) {
        return false;
    }
    return (ranks->mpi->broadcast(&order, sizeof order, ranks->stopped) &&
            ranks->mpi->broadcast((void *)(uintptr_t)params, bytes, ranks->stopped)) ||
           lost(ranks);
}

bool ranks_take(Ranks *ranks, int rank, double *values, int64_t count, double *partials,
                size_t size) {
    if (ranks->alone) {
        return false;
    }
    return (ranks->mpi->receive(rank, values, (size_t)count * sizeof *values, ranks->stopped) &&
            (!partials ||
             ranks->mpi->receive(rank, partials, (size_t)count * size * sizeof *partials,
                                 ranks->stopped))) ||
           lost(ranks);
}

int ranks_size(const Ranks *ranks) {
    return ranks->size;
}

void ranks_end(Ranks *ranks) {
    Order order = {.order = ORDER_END};
    if (!ranks) {
        return;
    }
    if (ranks->rank == 0 && !ranks->alone) {
        ranks->mpi->broadcast(&order, sizeof order, ranks->stopped);
    }
    if (!ranks->alone) {
        ranks->mpi->end();
    }
}

/* ---- the others ---- */

static bool work(Ranks *ranks, Evaluator *evaluator, const Order *order, void *params) {
    int64_t first = ranks_first(ranks, ranks->rank, order->share.chunks);
    int64_t count = ranks_first(ranks, ranks->rank + 1, order->share.chunks) - first;
    bool slopes = order->share.slopes;
    double *partials = evaluator->partials + (size_t)first * evaluator->parameters;
    evaluate_share(evaluator, params, &order->share, first, count);
    return ranks->mpi->send(evaluator->values + first, (size_t)count * sizeof(double)) &&
           (!slopes ||
            ranks->mpi->send(partials, (size_t)count * evaluator->parameters * sizeof(double)));
}

void ranks_serve(Session *session, Ranks *ranks, bool ready) {
    Evaluator evaluator;
    Order order = {.order = ORDER_END};
    const Model *model = session->model;
    bool trains = session->options && session->options->command == COMMAND_TRAIN;
    void *params = NULL;
    if (trains) {
        ready = ready && evaluator_start(session->context, &evaluator, model, &session->data,
                                         (size_t)session->threads, 1, SLOPES_OF_ALL);
        params = ready ? NEW(session->context, double, evaluator.parameters + 1) : NULL;
        int64_t word = params ? session->data.samples : -1;
        ranks->mpi->send(&word, sizeof word);
    }
    while (ranks->mpi->broadcast(&order, sizeof order, NULL) && order.order == ORDER_WORK &&
           params && order.share.chunks <= evaluator.chunks &&
           ranks->mpi->broadcast(params, (size_t)order.bytes, NULL) &&
           work(ranks, &evaluator, &order, params)) {
    }
    if (params) {
        evaluator_end(&evaluator);
    }
}
