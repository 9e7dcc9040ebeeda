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

/* Settings that only some methods have: who gives one means such a method, and this one where no
 * name is given. The first that is given decides. */
static const struct {
    OptionId id;
    const char *method, *why;
} implied[] = {
    {OPT_beta1, "adam", "--beta1 is given"},
    {OPT_beta2, "adam", "--beta2 is given"},
    {OPT_epsilon, "adam", "--epsilon is given"},
    {OPT_momentum, "momentum", "--momentum is given"},
    {OPT_proximal, "minibatch", "--proximal is given"},
    {OPT_batch, "minibatch", "--batch is given"},
    {OPT_rate, "bgd", "--rate is given"},
    {OPT_schedule, "bgd", "--schedule is given"},
    {OPT_warmup, "bgd", "--warmup is given"},
    {OPT_clip, "bgd", "--clip is given"},
    {OPT_decay, "bgd", "--decay is given"},
};

static const struct {
    bool (*fits)(const Case *c);
    const char *method, *why;
} rules[] = {
    {has_kinks_only_in_penalty, "proximal", "the penalty has absolute values"},
    {is_squares, "lm", "the loss is a sum of squares"},
    {is_small_and_smooth, "newton", "the loss is smooth, and the parameters are few"},
    {has_kinks_and_many, "adam", "the loss has kinks, and the parameters are many"},
    {is_large, "adam", "the samples are many"},
    {always, "lbfgs", "one that needs no rate"},
};

static const Optimizer *named(const char *method) {
    size_t k = 0;
    while (strcmp(optimizers[k]->name, method) != 0) {
        k++;
    }
    return optimizers[k];
}

const Optimizer *auto_method(const Session *session, const char **why) {
    const Model *model = session->model;
    const Case c = {.session = session,
                    .model = model,
                    .samples = (double)session->data.samples,
                    .parameters = (double)model->parameter_count};
    for (size_t i = 0; i < sizeof implied / sizeof *implied; i++) {
        if (is_given(session, implied[i].id)) {
            *why = implied[i].why;
            return named(implied[i].method);
        }
    }
    size_t rule = 0;
    while (!rules[rule].fits(&c)) {
        rule++;
    }
    *why = rules[rule].why;
    return named(rules[rule].method);
}
