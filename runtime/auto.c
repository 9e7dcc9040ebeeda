/* auto.c: --method=auto: the method that fits the model and the size of the problem, and why. Rules
 * in their order; the first that fits is it. */
#include "runtime/curvature.h"

#include <string.h>

enum {
    FEW_PARAMETERS = 400,   /* for lm: an epoch takes time for their cube */
    FEWER_PARAMETERS = 64,  /* for newton, which makes the whole Hessian */
    MANY_PARAMETERS = 1000, /* of what is not smooth: for steps on batches */
    MANY_SAMPLES = 100000,  /* the same */
};
static const double lm_work = 1e9;    /* samples · parameters², of an epoch */
static const double batch_work = 2e8; /* samples · parameters: an epoch is worth more than a step */

typedef struct {
    const Session *session;
    const Model *model;
    double samples, parameters;
} Case;

static bool is_given(const Session *session, OptionId id) {
    return option_text(session->model, session->options, id) != NULL;
}

static bool has_rate(const Case *c) {
    return is_given(c->session, OPT_rate) && !is_given(c->session, OPT_batch);
}

static bool has_batch(const Case *c) {
    return is_given(c->session, OPT_batch);
}

static bool has_kinks_only_in_penalty(const Case *c) {
    return c->model->kernels[ROLE_SHRINK].function != NULL;
}

static bool is_squares(const Case *c) {
    return curvature_has_gauss(c->model) && c->parameters <= FEW_PARAMETERS &&
           c->samples * c->parameters * c->parameters <= lm_work;
}

static bool is_small_and_smooth(const Case *c) {
    return c->model->smooth && c->model->kernels[ROLE_HVP].function &&
           c->parameters <= FEWER_PARAMETERS &&
           c->samples * c->parameters * c->parameters <= lm_work;
}

static bool has_kinks_and_many(const Case *c) {
    return !c->model->smooth && c->parameters > MANY_PARAMETERS;
}

static bool is_large(const Case *c) {
    return c->samples > MANY_SAMPLES && c->samples * c->parameters > batch_work;
}

static bool always(const Case *c) {
    (void)c;
    return true;
}

static const struct {
    bool (*fits)(const Case *c);
    const char *method, *why;
} rules[] = {
    /* no why: the user has in effect said it */
    {has_batch, "minibatch", NULL},
    {has_rate, "bgd", NULL},
    {has_kinks_only_in_penalty, "proximal", "the penalty has absolute values"},
    {is_squares, "lm", "the loss is a sum of squares"},
    {is_small_and_smooth, "newton", "the loss is smooth, and the parameters are few"},
    {has_kinks_and_many, "adam", "the loss has kinks, and the parameters are many"},
    {is_large, "adam", "the samples are many"},
    {always, "lbfgs", "one that needs no rate"},
};

const Optimizer *auto_method(const Session *session, const char **why) {
    const Model *model = session->model;
    const Case c = {.session = session,
                    .model = model,
                    .samples = (double)session->data.samples,
                    .parameters = (double)model->parameter_count};
    size_t rule = 0;
    while (!rules[rule].fits(&c)) {
        rule++;
    }
    *why = rules[rule].why;
    size_t k = 0;
    while (strcmp(optimizers[k]->name, rules[rule].method) != 0) {
        k++;
    }
    return optimizers[k];
}
