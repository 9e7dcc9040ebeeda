/* opt_proximal.c: proximal gradient steps for penalties Σ c |θ|: FISTA (Beck and Teboulle 2009)
 * with the restarts of O'Donoghue and Candès (2015). A step goes along the gradient of all else, f,
 * and moves each entry by rate · c towards 0, where it stops: such entries are exact zeros. The
 * rate is halved until f lies under its parabola. Without such terms it is accelerated gradient
 * descent. */
#include "runtime/optimizer.h"

#include <math.h>
#include <string.h>

enum { STATE_POINT, STATE_SLOPE, STATE_TRIAL, STATE_TRIAL_SLOPE, STATE_COUNT };
enum { MOMENTUM }; /* of Training.memory */

static double sign(double x) {
    return (double)((x > 0) - (x < 0));
}

bool shrink_start(Training *training) {
    const Model *model = training->model;
    const Kernel *kernel = &model->kernels[ROLE_SHRINK];
    size_t n = training->parameters;
    size_t size = model_work(training->context, model, kernel, 1);
    double *work = size == SIZE_MAX ? NULL : NEW(training->context, double, size + 1);
    training->shrink = NEW(training->context, double, n);
    if (!work || !training->shrink) {
        return false;
    }
    if (kernel->function) {
        GradcArgs args = model->args;
        args.out = training->shrink;
        args.work = work;
        kernel->function(&args);
        reals_widen(model, training->shrink, n);
    }
    for (size_t i = 0; i < n; i++) {
        if (!(training->shrink[i] > 0 && isfinite(training->shrink[i]))) {
            training->shrink[i] = 0; /* no such term, or a concave one: a part of f */
        }
    }
    memory_free(training->context, work);
    return true;
}

void shrink_take(const Training *training, double *gradient) {
    for (size_t i = 0; i < training->parameters; i++) {
        gradient[i] -= training->shrink[i] * sign(training->params[i]);
    }
}

static double pulled(double value, double pull) {
    return pull == 0 ? value : value > pull ? value - pull : value < -pull ? value + pull : 0;
}

void shrink_pull(const Training *training, double *params) {
    for (size_t i = 0; i < training->parameters; i++) {
        params[i] = pulled(params[i], training->rate * training->shrink[i]);
    }
}

double shrink_norm(const Training *training) {
    double sum = 0;
    for (size_t i = 0; i < training->parameters; i++) {
        double slope = fabs(training->gradient[i]);
        if (training->params[i] == 0) {
            slope = fmax(0, slope - training->shrink[i]);
        }
        sum += slope * slope;
    }
    return sqrt(sum);
}

/* What is left of a gradient, and of a value, without Σ c |θ|. */
static double take_smooth(const Training *training, const double *params, double value,
                          double *slope) {
    for (size_t i = 0; i < training->parameters; i++) {
        slope[i] -= training->shrink[i] * sign(params[i]);
        value -= training->shrink[i] * fabs(params[i]);
    }
    return value;
}

static void step(const Training *training, const double *from, const double *slope, double *to) {
    for (size_t i = 0; i < training->parameters; i++) {
        to[i] = from[i] - training->rate * slope[i];
    }
    shrink_pull(training, to);
}

typedef struct {
    double value;  /* of f at the trial */
    double along;  /* ∇f · move */
    double square; /* |move|² */
    double bend;   /* (∇f at the trial − ∇f) · move */
} Move;

/* The trial of the present rate; its gradient without the terms goes to STATE_TRIAL_SLOPE. */
static Move try_step(Training *training, double *objective) {
    const double *point = training->state[STATE_POINT];
    const double *slope = training->state[STATE_SLOPE];
    double *trial = training->state[STATE_TRIAL];
    double *trial_slope = training->state[STATE_TRIAL_SLOPE];
    Move move = {0};
    step(training, point, slope, trial);
    *objective = evaluate(training->evaluator, trial, trial_slope);
    move.value = take_smooth(training, trial, *objective, trial_slope);
    for (size_t i = 0; i < training->parameters; i++) {
        double d = trial[i] - point[i];
        move.along += slope[i] * d;
        move.square += d * d;
        move.bend += (trial_slope[i] - slope[i]) * d;
    }
    return move;
}

/* From the point, whose f is `value`: finds a rate. */
static EpochStatus descend_from(Training *training, double value, double *objective) {
    enum { HALVINGS_MAX = 100 };
    for (int k = 0; k < HALVINGS_MAX; k++, training->rate /= 2) {
        Move move = try_step(training, objective);
        if (move.square == 0) {
            return EPOCH_CONVERGED;
        }
        double parabola = move.square / (2 * training->rate);
        bool finite = isfinite(*objective) &&
                      all_finite(training->state[STATE_TRIAL_SLOPE], training->parameters);
        if (finite && (move.value <= value + move.along + parabola || move.bend <= parabola)) {
            return EPOCH_DONE;
        }
        if (training->stopped()) {
            return EPOCH_STOPPED;
        }
    }
    return EPOCH_CONVERGED;
}

/* The point is where the params are: no momentum. */
static double restart(Training *training) {
    size_t bytes = training->parameters * sizeof(double);
    memcpy(training->state[STATE_POINT], training->params, bytes);
    memcpy(training->state[STATE_SLOPE], training->gradient, bytes);
    training->memory[MOMENTUM] = 1;
    return take_smooth(training, training->params, training->objective,
                       training->state[STATE_SLOPE]);
}

/* Goes to the trial; the next point is beyond it, unless that is uphill. */
static void go_on(Training *training, double objective) {
    size_t n = training->parameters;
    double *point = training->state[STATE_POINT];
    const double *trial = training->state[STATE_TRIAL];
    double *slope = training->state[STATE_TRIAL_SLOPE];
    double momentum = training->memory[MOMENTUM];
    double next = (1 + sqrt(1 + 4 * momentum * momentum)) / 2;
    double uphill = 0;
    for (size_t i = 0; i < n; i++) {
        uphill += (point[i] - trial[i]) * (trial[i] - training->params[i]);
    }
    double share = uphill > 0 ? 0 : (momentum - 1) / next;
    for (size_t i = 0; i < n; i++) {
        point[i] = trial[i] + share * (trial[i] - training->params[i]);
        slope[i] += training->shrink[i] * sign(trial[i]); /* that of J again */
    }
    training->memory[MOMENTUM] = uphill > 0 ? 1 : next;
    training->rate *= uphill > 0 ? 2 : 1;
    search_go(training, trial, slope, objective);
}

static EpochStatus epoch(Training *training) {
    double objective;
    double value;
    bool plain = training->step++ == 0 || training->memory[MOMENTUM] == 1;
    if (search_settled(training)) {
        return EPOCH_CONVERGED;
    }
    if (plain) {
        value = restart(training);
    } else {
        double *slope = training->state[STATE_SLOPE];
        value = evaluate(training->evaluator, training->state[STATE_POINT], slope);
        value = take_smooth(training, training->state[STATE_POINT], value, slope);
        plain = !isfinite(value) || !all_finite(slope, training->parameters);
        value = plain ? restart(training) : value;
    }
    EpochStatus status = descend_from(training, value, &objective);
    if (!plain && (status == EPOCH_CONVERGED ||
                   (status == EPOCH_DONE && !(objective <= training->objective)))) {
        status = descend_from(training, restart(training), &objective);
    }
    if (status == EPOCH_DONE) {
        go_on(training, objective);
    }
    return status;
}

const Optimizer opt_proximal = {
    .name = "proximal",
    .help = "for penalties with abs(params), lasso: accelerated steps that end in exact zeros",
    .full_batch = true,
    .rate = 1,
    .epochs = 10000,
    .states = STATE_COUNT,
    .epoch = epoch,
    .shrinks = true,
};
