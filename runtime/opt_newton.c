/* opt_newton.c: Newton's method in a trust region, by Hessians times vectors. Few params: the whole
 * Hessian, whose damped steps know every direction of negative curvature. Many: conjugate gradients
 * that end where the region does, or at negative curvature, which they follow to its edge (Steihaug
 * 1983), and that are as exact as the gradient is small. In the scaled variables of search.c. */
#include "runtime/curvature.h"
#include "runtime/region.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum { WHOLE = 64, PRODUCTS = 250 }; /* params; products of a step */
enum {
    STATE_TRIAL,
    STATE_SLOPE,
    STATE_SCALE,
    STATE_STEP,
    STATE_REST,
    STATE_DIRECTION,
    STATE_PRODUCT,
    STATE_COUNT
};
enum { ROOM_MATRIX, ROOM_FACTOR, ROOM_AUX };

/* The sizes of the params; of one that is 0, that of its kind. */
static void set_scale(Training *training) {
    double *scale = training->state[STATE_SCALE];
    search_scale(training, scale);
    for (size_t i = 0; i < training->parameters; i++) {
        scale[i] = 1 / scale[i];
    }
}

static bool whole_hessian(Training *training, Region *region) {
    size_t n = training->parameters;
    double *matrix = region_room(training, ROOM_MATRIX, n * n);
    region->factor = region_room(training, ROOM_FACTOR, n * (n + 1));
    region->aux = region_room(training, ROOM_AUX, 3 * n + 2);
    if (!matrix || !region->factor || !region->aux || !curvature_hessian(training, matrix)) {
        return false;
    }
    double *slope = region->aux + 2 * n + 1;
    for (size_t i = 0; i < n; i++) {
        slope[i] = (double)training->data->samples * training->gradient[i];
    }
    region->matrix = matrix;
    region->slope = slope;
    return all_finite(matrix, n * n);
}

static EpochStatus no_hessian(Training *training) {
    training->bad = (Bad){-1, NAN, "the Hessian"};
    return EPOCH_DIVERGED;
}

/* ---- conjugate gradients -------------------------------------------------------------------- */

/* How far along `direction` (scaled variables) the edge of the region is. */
static double to_edge(const double *step, const double *direction, size_t n, double radius) {
    double along = dot(step, direction, n), square = dot(direction, direction, n);
    double inside = radius * radius - dot(step, step, n);
    double root = sqrt(along * along + square * fmax(inside, 0));
    return along > 0 ? fmax(inside, 0) / (along + root) : (root - along) / square;
}

/* The step of the region, in scaled variables y = Dθ until its end. */
static EpochStatus find_step(Training *training, Region *region) {
    size_t n = region->n;
    double *step = region->step, *rest = training->state[STATE_REST];
    double *direction = training->state[STATE_DIRECTION], *product = training->state[STATE_PRODUCT];
    const double *scale = region->scale;
    const double samples = (double)training->data->samples;
    memset(step, 0, n * sizeof *step);
    for (size_t i = 0; i < n; i++) {
        rest[i] = samples * training->gradient[i] / scale[i];
        direction[i] = -rest[i];
    }
    double square = dot(rest, rest, n), first = sqrt(square);
    double wanted = first * fmin(0.1, sqrt(first / (1 + fabs(samples * training->objective))));
    double *v = training->state[STATE_TRIAL];
    region->predicted = 0;
    for (int k = 0; k < PRODUCTS && (size_t)k <= 2 * n && sqrt(square) > wanted; k++) {
        for (size_t i = 0; i < n; i++) {
            v[i] = direction[i] / scale[i];
        }
        if (training->stopped()) {
            return EPOCH_STOPPED; /* a part of the way would be another step */
        }
        if (!curvature_product(training, v, product) || !all_finite(product, n)) {
            return no_hessian(training);
        }
        for (size_t i = 0; i < n; i++) {
            product[i] /= scale[i];
        }
        double curvature = dot(direction, product, n);
        double length = square / curvature;
        double edge = to_edge(step, direction, n, region->radius);
        bool leaves = !(curvature > 0) || !(length < edge);
        length = leaves ? edge : length;
        region->predicted += length * square - length * length * curvature / 2;
        double before = square;
        for (size_t i = 0; i < n; i++) {
            step[i] += length * direction[i];
            rest[i] += length * product[i];
        }
        square = dot(rest, rest, n);
        for (size_t i = 0; i < n; i++) {
            direction[i] = square / before * direction[i] - rest[i];
        }
        if (leaves) {
            break;
        }
    }
    region->length = norm(step, n);
    for (size_t i = 0; i < n; i++) {
        step[i] /= scale[i];
    }
    return isfinite(region->length) && isfinite(region->predicted) ? EPOCH_DONE : EPOCH_CONVERGED;
}

static EpochStatus epoch(Training *training) {
    Region region = {.n = training->parameters,
                     .scale = training->state[STATE_SCALE],
                     .step = training->state[STATE_STEP]};
    if (training->epoch == 0) {
        set_scale(training);
    }
    if (training->parameters > WHOLE) {
        region.find = find_step;
    } else if (!whole_hessian(training, &region)) {
        return no_hessian(training);
    }
    return region_epoch(training, &region, training->state[STATE_TRIAL],
                        training->state[STATE_SLOPE]);
}

const Optimizer opt_newton = {
    .name = "newton",
    .help = "Newton steps in a trust region, by Hessians times vectors; for smooth losses",
    .full_batch = true,
    .rate = 1,
    .epochs = 500,
    .states = STATE_COUNT,
    .epoch = epoch,
};
