/* opt_lm.c: the method of Levenberg and Marquardt, as Moré (1978) made it robust: Gauss-Newton
 * steps in a trust region that is scaled by the largest columns of the Jacobian so far. Where the
 * whole objective is the sum of squares, steps come from the QR factors of the Jacobian; a prior or
 * a penalty enters by its own Hessian. */
#include "runtime/curvature.h"
#include "runtime/region.h"

#include <math.h>

enum { STATE_TRIAL, STATE_SLOPE, STATE_SCALE, STATE_STEP, STATE_COUNT };
enum { ROOM_TRIANGLE, ROOM_MATRIX, ROOM_REGULAR, ROOM_FACTOR, ROOM_ROWS, ROOM_AUX };

static bool refuses(const Training *training, const char **why) {
    *why = training->parameters > CURVATURE_GAUSS
               ? "`lm` is for at most 1024 parameters; --method=lbfgs or newton is for more"
           : !curvature_has_gauss(training->model)
               ? "`lm` is for sums of squares, and this loss is none that the compiler knows as "
                 "one; --method=newton or lbfgs is for others"
               : NULL;
    return *why != NULL;
}

/* 2 JᵀJ and the Hessian of what is no sum of squares, to `matrix`. */
static void add_regular(double *matrix, const double *triangle, const double *regular, size_t n) {
    size_t width = n + 1;
    for (size_t i = 0; i < n; i++) {
        for (size_t j = i; j < n; j++) {
            double sum = regular[i * n + j];
            for (size_t k = 0; k <= i; k++) {
                sum += triangle[k * width + i] * triangle[k * width + j];
            }
            matrix[i * n + j] = matrix[j * n + i] = sum;
        }
    }
}

static void update_scale(const Training *training, Region *region, const double *triangle) {
    size_t n = region->n;
    for (size_t j = 0; j < n; j++) {
        double square = 0;
        for (size_t i = 0; i <= j; i++) {
            square += triangle[i * (n + 1) + j] * triangle[i * (n + 1) + j];
        }
        double length = sqrt(square);
        region->scale[j] = training->epoch == 0 ? length : fmax(region->scale[j], length);
        region->scale[j] = region->scale[j] > 0 ? region->scale[j] : 1;
    }
}

static bool make_region(Training *training, Region *region) {
    size_t n = training->parameters;
    const Kernel *kernels = training->model->kernels;
    const double samples = (double)training->data->samples;
    bool regular = kernels[ROLE_REGULAR].function || kernels[ROLE_PRIOR].function;
    double *triangle = region_room(training, ROOM_TRIANGLE, (n + 1) * (n + 1));
    region->factor = region_room(training, ROOM_FACTOR, n * (n + 1));
    region->rows = region_room(training, ROOM_ROWS, (n + 1) * (n + 2));
    region->aux = region_room(training, ROOM_AUX, 3 * n + 2);
    if (!triangle || !region->factor || !region->rows || !region->aux ||
        !curvature_factor(training, triangle, NULL)) {
        return false;
    }
    double *slope = region->aux + 2 * n + 1;
    for (size_t i = 0; i < (n + 1) * (n + 1); i++) {
        triangle[i] *= sqrt(2); /* m·J's curvature is 2 JᵀJ */
    }
    for (size_t i = 0; i < n; i++) {
        slope[i] = samples * training->gradient[i];
    }
    region->slope = slope;
    region->triangle = triangle;
    update_scale(training, region, triangle);
    if (regular) {
        double *matrix = region_room(training, ROOM_MATRIX, n * n);
        double *rest = region_room(training, ROOM_REGULAR, n * n);
        if (!matrix || !rest || !curvature_regular(training, rest)) {
            return false;
        }
        add_regular(matrix, triangle, rest, n);
        region->matrix = matrix;
        region->triangle = NULL;
    }
    return all_finite(triangle, (n + 1) * (n + 1)) &&
           (!regular || all_finite(region->matrix, n * n));
}

static EpochStatus epoch(Training *training) {
    Region region = {.n = training->parameters,
                     .scale = training->state[STATE_SCALE],
                     .step = training->state[STATE_STEP]};
    if (!make_region(training, &region)) {
        training->bad = (Bad){-1, NAN, "a derivative or the weight of a residual"};
        return EPOCH_DIVERGED;
    }
    return region_epoch(training, &region, training->state[STATE_TRIAL],
                        training->state[STATE_SLOPE]);
}

const Optimizer opt_lm = {
    .name = "lm",
    .help = "Levenberg-Marquardt steps; for losses that are sums of squares",
    .full_batch = true,
    .rate = 1,
    .epochs = 5000,
    .states = STATE_COUNT,
    .epoch = epoch,
    .refuses = refuses,
};
