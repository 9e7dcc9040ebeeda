/* ranks_work.c: what the ranks beside rank 0 do: what they are asked for, with their samples. */
#include "runtime/checkpoint.h"
#include "runtime/curvature.h"
#include "runtime/ranks.h"

#include <math.h>
#include <string.h>

/* A helper computes with a Training of which only what follows is there. */
typedef struct {
    Session *session;
    Ranks *ranks;
    Evaluator evaluator;
    Training training;
    double *gradient;
    RanksOrder order;
} Helper;

static bool start(Helper *helper) {
    Session *session = helper->session;
    const Model *model = session->model;
    Training *training = &helper->training;
    int64_t batch = helper->order.count;
    *training = (Training){.context = session->context,
                           .model = model,
                           .data = &session->data,
                           .evaluator = &helper->evaluator,
                           .params = session->params,
                           .parameters = model->parameter_count,
                           .batch = batch};
    helper->gradient = NEW(session->context, double, model->parameter_count + 1);
    return helper->gradient &&
           evaluator_start(session->context, &helper->evaluator, model, &session->data,
                           (size_t)session->threads, batch, SLOPES_OF_ALL) &&
           batch_room(training);
}

/* Σ loss, to be added up. */
static bool sum(Helper *helper, bool slopes) {
    Evaluator *evaluator = &helper->evaluator;
    double value = evaluate_own_losses(evaluator, helper->training.params, slopes);
    ranks_sum(helper->ranks, value, slopes ? evaluator->partials : NULL, evaluator->parameters);
    return !helper->ranks->lost;
}

static bool product(Helper *helper) {
    Evaluator *evaluator = &helper->evaluator;
    if (!curvature_own_product(&helper->training, helper->order.extra)) {
        return false;
    }
    ranks_sum(helper->ranks, 0, evaluator->partials, evaluator->parameters);
    return !helper->ranks->lost;
}

static bool curvature(Helper *helper) {
    size_t n = helper->evaluator.parameters;
    double *own = statistics_own_curvature(&helper->evaluator);
    if (!own) {
        return false;
    }
    ranks_sum(helper->ranks, 0, own, n * n);
    memory_free(helper->session->context, own);
    return !helper->ranks->lost;
}

static bool factor(Helper *helper) {
    size_t width = helper->evaluator.parameters + 1;
    double *own = NEW(helper->session->context, double, width *width);
    bool done = own && curvature_own_factor(&helper->training, own) &&
                ranks_reduce(helper->ranks, own, width * width, curvature_join, &helper->training);
    memory_free(helper->session->context, own);
    return done;
}

static bool batch(Helper *helper) {
    const RanksOrder *order = &helper->order;
    double value = batch_own(&helper->training, helper->training.params, order->extra, order->count,
                             helper->gradient);
    ranks_sum(helper->ranks, value, helper->gradient, helper->evaluator.parameters);
    return !helper->ranks->lost;
}

static bool find_bad(Helper *helper) {
    double pair[2];
    const RanksOrder *order = &helper->order;
    evaluate_own_bad(&helper->evaluator, helper->training.params,
                     order->has_extra ? order->extra : NULL, order->count, pair);
    ranks_first_bad(helper->ranks, pair);
    return !helper->ranks->lost;
}

static bool checksums(Helper *helper) {
    size_t count = helper->session->model->column_count;
    uint64_t *sums = NEW(helper->session->context, uint64_t, count + 1);
    if (!sums || !checkpoint_own_checksums(helper->session, sums)) {
        return false;
    }
    ranks_sum_words(helper->ranks, sums, count);
    memory_free(helper->session->context, sums);
    return !helper->ranks->lost;
}

static bool obey(Helper *helper) {
    switch (helper->order.work) {
    case WORK_END:
        break;
    case WORK_START:
        return start(helper);
    case WORK_OBJECTIVE:
        return sum(helper, false);
    case WORK_GRADIENT:
        return sum(helper, true);
    case WORK_PRODUCT:
        return product(helper);
    case WORK_CURVATURE:
        return curvature(helper);
    case WORK_FACTOR:
        return factor(helper);
    case WORK_BATCH:
        return batch(helper);
    case WORK_BAD:
        return find_bad(helper);
    case WORK_CHECKSUMS:
        return checksums(helper);
    }
    return false;
}

int ranks_serve(Session *session, Ranks *ranks, bool ready) {
    bool trains = session->options->command == COMMAND_TRAIN;
    if (trains && !ready) {
        ranks_complain(ranks, "cannot begin, unlike rank 0: are all files on its machine?");
        return STATUS_FAILED;
    }
    Helper *helper = NEW(session->context, Helper, 1);
    bool done = helper != NULL;
    if (helper) {
        helper->session = session;
        helper->ranks = ranks;
    }
    while (done && ranks_next(ranks, &helper->order, session->params) &&
           helper->order.work != WORK_END) {
        done = obey(helper);
    }
    if (helper && helper->evaluator.context) {
        evaluator_end(&helper->evaluator);
    }
    return done && helper->order.work == WORK_END ? STATUS_OK : STATUS_FAILED;
}
