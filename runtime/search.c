/* search.c: the line search of full-batch methods. A step is accepted by the Wolfe conditions or,
 * near a minimum, where values no longer tell one point from another, by the approximate ones of
 * Hager and Zhang (2005), which look at slopes. A step to where J is not finite is a step too far,
 * no end. */
#include "runtime/optimizer.h"

#include <math.h>
#include <string.h>

enum { TRIALS_MAX = 40 };

static const double enough_decrease = 1e-4;

/* Of J, relative: what rounding leaves of it. */
static double noise(const Training *training) {
    return training->model->single ? 1e-7 : 1e-12;
}

double dot(const double *a, const double *b, size_t count) {
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        sum += a[i] * b[i];
    }
    return sum;
}

void search_scale(const Training *training, double *scale) {
    const Model *model = training->model;
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

/* J and its slope at `step` along the direction. */
static Point look(const Search *search, double step) {
    Training *training = search->training;
    size_t n = training->parameters;
    double *trial = search->trial;
    double *gradient = search->gradient;
    const double *direction = search->direction;
    const double *scale = search->scale;
    for (size_t i = 0; i < n; i++) {
        trial[i] = training->params[i] + step * scale[i] * direction[i];
    }
    Point point = {step, evaluate(training->evaluator, trial, gradient), 0};
    for (size_t i = 0; i < n; i++) {
        point.slope += scale[i] * direction[i] * gradient[i];
    }
    return point;
}

static bool good_enough(const Search *search, const Point *start, const Point *point) {
    bool flat = fabs(point->slope) <= search->flat * -start->slope;
    bool lower = point->value <= start->value + enough_decrease * point->step * start->slope;
    bool level = point->value <= start->value + noise(search->training) * fabs(start->value) &&
                 point->slope <= (2 * enough_decrease - 1) * start->slope;
    return flat && (lower || level);
}

static Point line_start(const Search *search) {
    Point start = {0, search->training->objective, 0};
    for (size_t i = 0; i < search->training->parameters; i++) {
        start.slope += search->scale[i] * search->direction[i] * search->training->gradient[i];
    }
    return start;
}

void search_go(Training *training, const double *params, const double *gradient, double value) {
    size_t bytes = training->parameters * sizeof(double);
    memcpy(training->params, params, bytes);
    memcpy(training->gradient, gradient, bytes);
    training->objective = value;
    training->current = true;
}

void search_accept(const Search *search, const Point *found) {
    search_go(search->training, search->trial, search->gradient, found->value);
}

bool search_settled(Training *training) {
    enum { IDLE_MAX = 10 };
    double *best = training->memory + SEARCH_MEMORY; /* J, norm of the gradient, epochs since */
    bool first = training->epoch == 0;
    bool better = training->objective < best[0] || training->gradient_norm < best[1];
    best[2] = first || better ? 0 : best[2] + 1;
    best[0] = first ? training->objective : fmin(best[0], training->objective);
    best[1] = first ? training->gradient_norm : fmin(best[1], training->gradient_norm);
    return best[2] >= IDLE_MAX;
}

static double between(double low, double high, double guess) {
    double margin = 0.1 * (high - low);
    if (!(guess >= low + margin)) { /* a NaN too */
        return guess < low + margin ? low + margin : low + (high - low) / 2;
    }
    return guess > high - margin ? high - margin : guess;
}

/* Looks for a step that lowers J enough, `step` first. False if there is none, or a signal came. */
static bool find_step(const Search *search, const Point *start, double step, Point *found) {
    Point low = *start;
    double high = INFINITY;
    for (int i = 0; i < TRIALS_MAX; i++) {
        Point point = look(search, step);
        bool finite = isfinite(point.value) && isfinite(point.slope);
        if (finite && good_enough(search, start, &point)) {
            *found = point;
            return true;
        }
        double limit = start->value + enough_decrease * step * start->slope +
                       noise(search->training) * fabs(start->value);
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
        if (!isfinite(step) || step == low.step || search->training->stopped()) {
            return false;
        }
    }
    return false;
}

EpochStatus search_epoch(const Search *search, const Line *line, Point *start, Point *found) {
    Training *training = search->training;
    if (search_settled(training)) {
        return EPOCH_CONVERGED;
    }
    for (;; training->step = 0) { /* what was learned misleads: forget it */
        line->direction(training);
        *start = line_start(search);
        double first = line->first(training, start, norm(search->direction, training->parameters));
        if (start->slope < 0 && find_step(search, start, first, found)) {
            return EPOCH_DONE;
        }
        if (training->stopped()) {
            return EPOCH_STOPPED;
        }
        if (training->step == 0) {
            return EPOCH_CONVERGED;
        }
    }
}

/* ---- along the gradient itself ----------------------------------------------------------------
 */

EpochStatus descend(Training *training, double limit, double *trial, double *slope, double *value) {
    enum { HALVINGS_MAX = 100 };
    size_t n = training->parameters;
    double square = dot(training->gradient, training->gradient, n);
    for (int k = 0; k < HALVINGS_MAX; k++, training->rate /= 2) {
        bool moved = false;
        for (size_t i = 0; i < n; i++) {
            trial[i] = training->params[i] - training->rate * training->gradient[i];
            moved |= trial[i] != training->params[i];
        }
        if (!moved) {
            return EPOCH_CONVERGED;
        }
        *value = evaluate(training->evaluator, trial, slope);
        if (isfinite(*value) && all_finite(slope, n) &&
            *value <= limit - enough_decrease * training->rate * square) {
            return EPOCH_DONE;
        }
        if (training->stopped()) {
            return EPOCH_STOPPED;
        }
    }
    return EPOCH_CONVERGED;
}
