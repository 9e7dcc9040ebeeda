/* opt_lbfgs.c: the limited-memory quasi-Newton method of Nocedal (1980), with a line search that
 * accepts by the Wolfe conditions or, near a minimum, where values no longer tell one point from
 * another, by the approximate ones of Hager and Zhang (2005), which look at slopes.
 *
 * It works on scaled variables θ/scale, scale being the root mean square of each param's start:
 * models of curves have params of very different sizes. A step to where J is not finite is a step
 * too far, no end. */
#include "runtime/optimizer.h"

#include <math.h>
#include <string.h>

enum {
    PAIRS = 10,
    STATE_MOVE = 0,       /* differences of scaled parameters, a ring */
    STATE_CHANGE = PAIRS, /* of scaled gradients */
    STATE_DIRECTION = 2 * PAIRS,
    STATE_TRIAL, /* parameters of the line search */
    STATE_SLOPE, /* gradient there */
    STATE_SCALE,
    STATE_COUNT,
    TRIALS_MAX = 40
};

static const double enough_decrease = 1e-4;
static const double enough_slope = 0.9;
static const double noise = 1e-12; /* of J, relative */

static double dot(const double *a, const double *b, size_t count) {
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        sum += a[i] * b[i];
    }
    return sum;
}

static void choose_scale(Training *training) {
    const Model *model = training->model;
    double *scale = training->state[STATE_SCALE];
    for (size_t i = 0; i < model->param_count; i++) {
        const Param *param = &model->params[i];
        size_t count = param->count;
        double size =
            norm(training->params + param->offset, count) / sqrt((double)(count ? count : 1));
        for (size_t k = 0; k < count; k++) {
            scale[param->offset + k] = size > 0 ? size : 1;
        }
    }
}

/* The two-loop recursion: direction = −H · gradient, in scaled variables. */
static void find_direction(Training *training, int64_t pairs) {
    size_t n = training->parameters;
    double *direction = training->state[STATE_DIRECTION];
    const double *scale = training->state[STATE_SCALE];
    double share[PAIRS];
    for (size_t i = 0; i < n; i++) {
        direction[i] = -scale[i] * training->gradient[i];
    }
    int64_t first = pairs > PAIRS ? pairs - PAIRS : 0;
    for (int64_t k = pairs; k-- > first;) {
        const double *move = training->state[STATE_MOVE + k % PAIRS];
        const double *change = training->state[STATE_CHANGE + k % PAIRS];
        share[k % PAIRS] = dot(move, direction, n) / dot(move, change, n);
        for (size_t i = 0; i < n; i++) {
            direction[i] -= share[k % PAIRS] * change[i];
        }
    }
    if (pairs > 0) {
        const double *move = training->state[STATE_MOVE + (pairs - 1) % PAIRS];
        const double *change = training->state[STATE_CHANGE + (pairs - 1) % PAIRS];
        double curvature = dot(move, change, n) / dot(change, change, n);
        for (size_t i = 0; i < n; i++) {
            direction[i] *= curvature;
        }
    }
    for (int64_t k = first; k < pairs; k++) {
        const double *move = training->state[STATE_MOVE + k % PAIRS];
        const double *change = training->state[STATE_CHANGE + k % PAIRS];
        double back = dot(change, direction, n) / dot(move, change, n);
        for (size_t i = 0; i < n; i++) {
            direction[i] += (share[k % PAIRS] - back) * move[i];
        }
    }
}

typedef struct {
    double step, value, slope;
} Point;

/* J and its slope at `step` along the direction. */
static Point look(Training *training, double step) {
    size_t n = training->parameters;
    double *trial = training->state[STATE_TRIAL];
    double *gradient = training->state[STATE_SLOPE];
    const double *direction = training->state[STATE_DIRECTION];
    const double *scale = training->state[STATE_SCALE];
    for (size_t i = 0; i < n; i++) {
        trial[i] = training->params[i] + step * scale[i] * direction[i];
    }
    Point point = {step, evaluate(training->evaluator, trial, gradient), 0};
    for (size_t i = 0; i < n; i++) {
        point.slope += scale[i] * direction[i] * gradient[i];
    }
    return point;
}

static bool good_enough(const Point *start, const Point *point) {
    bool flat = fabs(point->slope) <= enough_slope * -start->slope;
    bool lower = point->value <= start->value + enough_decrease * point->step * start->slope;
    bool level = point->value <= start->value + noise * fabs(start->value) &&
                 point->slope <= (2 * enough_decrease - 1) * start->slope;
    return flat && (lower || level);
}

static double between(double low, double high, double guess) {
    double margin = 0.1 * (high - low);
    if (!(guess >= low + margin)) { /* a NaN too */
        return guess < low + margin ? low + margin : low + (high - low) / 2;
    }
    return guess > high - margin ? high - margin : guess;
}

/* Ends at a step that is good enough, whose values are in STATE_TRIAL and STATE_SLOPE. */
static bool search(Training *training, const Point *start, double step, Point *found) {
    Point low = *start;
    double high = INFINITY;
    for (int i = 0; i < TRIALS_MAX; i++) {
        Point point = look(training, step);
        bool finite = isfinite(point.value) && isfinite(point.slope);
        if (finite && good_enough(start, &point)) {
            *found = point;
            return true;
        }
        double limit =
            start->value + enough_decrease * step * start->slope + noise * fabs(start->value);
        double secant = low.step - low.slope * (point.step - low.step) / (point.slope - low.slope);
        if (!finite) {
            high = step;
            step = low.step + 0.1 * (high - low.step);
        } else if (point.value > limit) {
            double width = step - low.step;
            double drop = point.value - low.value - width * low.slope;
            high = step;
            step = between(low.step, high, low.step - low.slope * width * width / (2 * drop));
        } else if (point.slope >= 0) {
            high = step;
            step = between(low.step, high, secant);
        } else if (high < INFINITY) {
            low = point;
            step = low.step + (high - low.step) / 2;
        } else {
            low = point;
            step = secant > 2 * step && secant < 10 * step ? secant : 4 * step;
        }
        if (!isfinite(step) || step == low.step || training->stopped()) {
            return false;
        }
    }
    return false;
}

/* Keeps the pair, if the curvature along it is positive. */
static void keep_pair(Training *training, int64_t pairs) {
    size_t n = training->parameters;
    const double *scale = training->state[STATE_SCALE];
    double *move = training->state[STATE_MOVE + pairs % PAIRS];
    double *change = training->state[STATE_CHANGE + pairs % PAIRS];
    for (size_t i = 0; i < n; i++) {
        move[i] = (training->state[STATE_TRIAL][i] - training->params[i]) / scale[i];
        change[i] = (training->state[STATE_SLOPE][i] - training->gradient[i]) * scale[i];
    }
    if (dot(move, change, n) > 1e-16 * dot(change, change, n)) {
        training->step++;
    }
}

static EpochStatus epoch(Training *training) {
    size_t n = training->parameters;
    size_t bytes = n * sizeof(double);
    Point found;
    if (training->epoch == 0) {
        choose_scale(training);
    }
    for (;;) {
        find_direction(training, training->step);
        Point start = {0, training->objective, 0};
        for (size_t i = 0; i < n; i++) {
            start.slope += training->state[STATE_SCALE][i] * training->state[STATE_DIRECTION][i] *
                           training->gradient[i];
        }
        double length = norm(training->state[STATE_DIRECTION], n);
        double first = training->step == 0 && length > 1 ? 1 / length : 1;
        if (start.slope < 0 && search(training, &start, first, &found)) {
            break;
        }
        if (training->stopped()) {
            return EPOCH_STOPPED;
        }
        if (training->step == 0) {
            return EPOCH_CONVERGED; /* not even along the gradient is there anything lower */
        }
        training->step = 0; /* what was learned misleads: forget it */
    }
    keep_pair(training, training->step);
    memcpy(training->params, training->state[STATE_TRIAL], bytes);
    memcpy(training->gradient, training->state[STATE_SLOPE], bytes);
    training->objective = found.value;
    training->current = true;
    return EPOCH_DONE;
}

const Optimizer opt_lbfgs = {
    .name = "lbfgs",
    .help = "quasi-Newton steps along which the objective falls enough; for smooth losses",
    .full_batch = true,
    .rate = 1,
    .epochs = 200,
    .states = STATE_COUNT,
    .epoch = epoch,
};
