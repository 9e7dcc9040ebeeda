/* region.c: steps in a trust region, after Moré (1978): the damping λ is found by Newton's method
 * on 1/|D δ(λ)|, between bounds; then the radius follows how well the model predicts. A matrix that
 * is not positive definite is damped until it is (Moré and Sorensen, 1983, without the hard case,
 * which rounding breaks). */
#include "runtime/region.h"
#include "runtime/curvature.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum { DAMPINGS = 30, TRIALS = 60 };

static const double radius_first = 1; /* times |D θ| */
static const double fits = 0.1;       /* the length of a step is so near to the radius */

/* ---- one damping ---------------------------------------------------------------------------- */

static double scaled_norm(const double *scale, const double *values, size_t n, bool by) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        double value = by ? values[i] * scale[i] : values[i] / scale[i];
        sum += value * value;
    }
    return sqrt(sum);
}

/* The triangle of B + λ D², and −its rhs solved: false where it is singular. */
static bool by_triangle(Region *region, double damping) {
    size_t n = region->n;
    size_t width = n + 1;
    double *s = region->factor;
    memcpy(s, region->triangle, n * width * sizeof *s);
    if (damping > 0) {
        memset(region->rows, 0, n * width * sizeof *s);
        for (size_t i = 0; i < n; i++) {
            region->rows[i * width + i] = sqrt(damping) * region->scale[i];
        }
        curvature_add_rows(s, n, region->rows, (int64_t)n, width, region->aux);
    }
    double largest = 0;
    for (size_t i = 0; i < n; i++) {
        largest = fmax(largest, fabs(s[i * width + i]) / region->scale[i]);
    }
    for (size_t i = n; i-- > 0;) {
        double sum = -s[i * width + n];
        for (size_t j = i + 1; j < n; j++) {
            sum -= s[i * width + j] * region->step[j];
        }
        double pivot = s[i * width + i];
        if (!(fabs(pivot) / region->scale[i] > (double)n * DBL_EPSILON * largest)) {
            return false;
        }
        region->step[i] = sum / pivot;
    }
    return true;
}

static bool by_matrix(Region *region, double damping) {
    size_t n = region->n;
    size_t width = n + 1;
    double *s = region->factor;
    for (size_t i = 0; i < n; i++) { /* row i of the upper triangle */
        double *row = s + i * width;
        memcpy(row + i, region->matrix + i * n + i, (n - i) * sizeof *row);
        double diagonal = row[i] + damping * region->scale[i] * region->scale[i];
        double before = fabs(row[i]) + damping * region->scale[i] * region->scale[i];
        row[i] = diagonal;
        for (size_t k = 0; k < i; k++) {
            const double *other = s + k * width;
            for (size_t j = i; other[i] != 0 && j < n; j++) {
                row[j] -= other[i] * other[j];
            }
        }
        if (!(row[i] > (double)n * DBL_EPSILON * before)) {
            return false;
        }
        double root = sqrt(row[i]);
        for (size_t j = i; j < n; j++) {
            row[j] /= root;
        }
    }
    double *y = region->aux;
    for (size_t i = 0; i < n; i++) {
        y[i] = -region->slope[i];
        for (size_t k = 0; k < i; k++) {
            y[i] -= s[k * width + i] * y[k];
        }
        y[i] /= s[i * width + i];
    }
    for (size_t i = n; i-- > 0;) {
        double sum = y[i];
        for (size_t j = i + 1; j < n; j++) {
            sum -= s[i * width + j] * region->step[j];
        }
        region->step[i] = sum / s[i * width + i];
    }
    return true;
}

/* The step of that damping. */
static bool solve(Region *region, double damping) {
    region->damping = damping;
    bool ok = region->triangle ? by_triangle(region, damping) : by_matrix(region, damping);
    region->length = ok ? scaled_norm(region->scale, region->step, region->n, true) : NAN;
    return isfinite(region->length);
}

/* |S⁻ᵀ D² δ|² / |D δ|²: how fast the length falls with λ. */
static double fall(const Region *region) {
    size_t n = region->n;
    size_t width = n + 1;
    double *y = region->aux;
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        y[i] = region->scale[i] * region->scale[i] * region->step[i] / region->length;
        for (size_t k = 0; k < i; k++) {
            y[i] -= region->factor[k * width + i] * y[k];
        }
        y[i] /= region->factor[i * width + i];
        sum += y[i] * y[i];
    }
    return sum;
}

/* ---- the step in the region ----------------------------------------------------------------- */

/* A damping that is enough: where the step of it would be shorter than the radius. */
static double upper_bound(const Region *region) {
    size_t n = region->n;
    double most = scaled_norm(region->scale, region->slope, n, false) / region->radius;
    double lowest = 0; /* by Gershgorin */
    for (size_t i = 0; region->matrix && i < n; i++) {
        double sum = 0;
        for (size_t j = 0; j < n; j++) {
            double entry = region->matrix[i * n + j] / (region->scale[i] * region->scale[j]);
            sum += i == j ? entry : -fabs(entry);
        }
        lowest = fmin(lowest, sum);
    }
    return most - lowest > 0 ? most - lowest : DBL_MIN;
}

static double predict(const Region *region) {
    size_t n = region->n;
    size_t width = n + 1;
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        double product = 0;
        if (region->triangle) {
            for (size_t j = i; j < n; j++) {
                product += region->triangle[i * width + j] * region->step[j];
            }
            sum += product * product / 2;
        } else {
            for (size_t j = 0; j < n; j++) {
                product += region->matrix[i * n + j] * region->step[j];
            }
            sum += product * region->step[i] / 2;
        }
    }
    return sum + region->damping * region->length * region->length;
}

/* The step of the model in the region. False: there is none (numbers that are not finite). */
static bool region_step(Region *region) {
    double guess = region->damping;
    double high = upper_bound(region);
    double low = 0;
    bool known = solve(region, 0);
    if (!isfinite(high)) {
        return false;
    }
    if (known && region->length <= (1 + fits) * region->radius) {
        region->predicted = predict(region);
        return true;
    }
    if (known) {
        low = (region->length - region->radius) / region->radius / fall(region);
    }
    high = fmax(high, low);
    double damping = fmin(fmax(guess, low), high);
    damping = damping > 0 ? damping : fmax(1e-3 * high, sqrt(low * high));
    for (int k = 0; k < DAMPINGS; k++) {
        known = solve(region, damping);
        double over = known ? region->length - region->radius : INFINITY;
        if (known && fabs(over) <= fits * region->radius) {
            break;
        }
        if (over > 0) {
            low = fmax(low, damping);
        } else {
            high = fmin(high, damping);
        }
        double next = known ? damping + over / region->radius / fall(region) : 0;
        if (known) {
            next = fmax(next, low);
        }
        damping = next > low && next <= high ? next : fmax(sqrt(low * high), 1e-3 * high);
        if (high <= low * (1 + DBL_EPSILON)) {
            high = low = damping = 10 * fmax(low, DBL_MIN);
            high *= 1e3;
        }
    }
    for (int k = 0; !known && k < DAMPINGS; k++) {
        known = solve(region, damping = 10 * fmax(damping, DBL_MIN));
    }
    region->predicted = known ? predict(region) : 0;
    return known;
}

/* What the next radius is, when J has fallen by `actual` (a NaN: it is not finite there). */
static void region_resize(Region *region, double actual) {
    double ratio = actual / region->predicted;
    if (!(ratio > 0.25)) { /* a NaN too */
        double share = 0.5;
        if (!(actual >= 0)) {
            double slope = -2 * region->predicted; /* nearly: of a long step */
            share = isfinite(actual) ? 0.5 * slope / (slope + 0.5 * actual) : 0.1;
            share = fmin(fmax(share, 0.1), 0.5);
        }
        region->radius = share * fmin(region->radius, 10 * region->length);
        region->damping /= share;
    } else if (region->damping == 0 || ratio >= 0.75) {
        region->radius = 2 * region->length;
        region->damping /= 2;
    }
}

/* ---- an epoch ------------------------------------------------------------------------------- */

double *region_room(Training *training, unsigned which, size_t count) {
    if (!training->room[which]) {
        training->room[which] = NEW(training->context, double, count);
    }
    return training->room[which];
}

/* Of m·J: what rounding leaves of it. A residual is as wrong as what cancels in it, of which |D θ|
 * is the size where D has the norms of the Jacobian's columns. */
static double noise(const Training *training, const Region *region, double size) {
    const double value = fabs(training->objective) * (double)training->data->samples;
    double cancelled =
        region->triangle ? 4 * real_epsilon(training->model) * size * sqrt(value) : 0;
    return fmax((training->model->single ? 1e-6 : 1e-13) * value, cancelled);
}

/* Is the trial, whose J is that of before but for rounding, the better one by its slope, or are the
 * steps still those of something that converges? */
static bool is_better(const Training *training, const Region *region, const double *slope) {
    double before = scaled_norm(region->scale, training->gradient, region->n, false);
    return scaled_norm(region->scale, slope, region->n, false) < 0.95 * before ||
           region->length < region->last / 2;
}

static EpochStatus go(Training *training, Region *region, const double *trial, const double *slope,
                      double value) {
    search_go(training, trial, slope, value);
    region->last = region->length;
    return EPOCH_DONE;
}

static EpochStatus find_step(Training *training, Region *region) {
    if (region->find) {
        return region->find(training, region);
    }
    return region_step(region) ? EPOCH_DONE : EPOCH_CONVERGED;
}

static EpochStatus run(Training *training, Region *region, double *trial, double *slope) {
    size_t n = region->n;
    double samples = (double)training->data->samples;
    double size = scaled_norm(region->scale, training->params, n, true);
    if (region->radius == 0) {
        region->radius = radius_first * (size > 0 ? size : 1);
    }
    for (int k = 0; k < TRIALS; k++) {
        if (training->stopped()) {
            return EPOCH_STOPPED;
        }
        EpochStatus status = find_step(training, region);
        if (status != EPOCH_DONE) {
            return status;
        }
        if (!(region->predicted > 0) || region->length <= DBL_EPSILON * size) {
            return EPOCH_CONVERGED;
        }
        for (size_t i = 0; i < n; i++) {
            trial[i] = training->params[i] + region->step[i];
        }
        double value = evaluate(training->evaluator, trial, slope);
        bool finite = isfinite(value) && all_finite(slope, n);
        double actual = finite ? samples * (training->objective - value) : NAN;
        double rounding = noise(training, region, size);
        if (region->predicted <= rounding) { /* the last digits */
            if (finite && actual >= -rounding && is_better(training, region, slope)) {
                return go(training, region, trial, slope, value);
            }
            return EPOCH_CONVERGED;
        }
        region_resize(region, actual);
        if (actual >= 1e-4 * region->predicted) {
            return go(training, region, trial, slope, value);
        }
    }
    return EPOCH_CONVERGED;
}

EpochStatus region_epoch(Training *training, Region *region, double *trial, double *slope) {
    enum { RADIUS, DAMPING, LAST };
    double *memory = training->memory;
    region->radius = memory[RADIUS];
    region->damping = memory[DAMPING];
    region->last = memory[LAST];
    EpochStatus status = run(training, region, trial, slope);
    memory[RADIUS] = region->radius;
    memory[DAMPING] = region->damping;
    memory[LAST] = region->last;
    return status;
}
