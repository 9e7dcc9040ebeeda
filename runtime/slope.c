/* slope.c: the derivative of a vector by one param, by central differences.
 *
 * D(h) = (f(x + h) − f(x − h)) / 2h, for steps h that are halved; from two of them (4 D(h/2) −
 * D(h)) / 3 is right to h⁴, from two of these (16 E(h/2) − E(h)) / 15 to h⁶. Large steps are off by
 * what is left out, small ones by rounding: the best are those where two neighbours agree best
 * (Ridders 1982). */
#include "runtime/errors.h"

#include <math.h>
#include <string.h>

enum { STEPS_MOST = 44, VECTORS = 7, WORSE_MOST = 3 };

static const double first_step = 0.125;  /* of the param, or of 1 */
static const double near_zero = 1e-8;    /* a param below that says nothing of its scale */
static const double good_enough = 1e-10; /* a ladder need not go on, */
static const double settled = 1e-5;      /* or may end where it gets worse */

bool slope_start(Context *context, const Model *model, VectorFunction *function, void *self,
                 size_t count, Slope *slope) {
    *slope = (Slope){.context = context,
                     .model = model,
                     .function = function,
                     .self = self,
                     .count = count,
                     .memory = memory_new(context, count + 1, VECTORS * sizeof(double))};
    return slope->memory != NULL;
}

void slope_end(Slope *slope) {
    memory_free(slope->context, slope->memory);
    slope->memory = NULL;
}

/* D(h); false: the function failed. *finite: all numbers are. */
static bool difference(const Slope *slope, double *point, size_t at, double h, double *column,
                       bool *finite) {
    double x = point[at];
    volatile double above = real_rounded(slope->model, x + h);
    volatile double below = real_rounded(slope->model, x - h);
    double *low = slope->memory;
    double sum = 0;
    point[at] = above;
    bool done = slope->function(slope->self, point, column);
    point[at] = below;
    done = done && slope->function(slope->self, point, low);
    point[at] = x;
    for (size_t i = 0; i < slope->count; i++) {
        column[i] = (column[i] - low[i]) / (above - below);
        sum += column[i] * 0;
    }
    *finite = sum == 0;
    return done;
}

/* The largest |a − b| relative to the largest of both. */
static double disagreement(const double *a, const double *b, const double *weights, size_t count) {
    double off = 0;
    double size = 0;
    for (size_t i = 0; i < count; i++) {
        double weight = weights ? weights[i] : 1;
        off = fmax(off, weight * fabs(a[i] - b[i]));
        size = fmax(size, weight * fmax(fabs(a[i]), fabs(b[i])));
    }
    return size > 0 ? off / size : 0;
}

static void extrapolate(const double *coarse, const double *fine, double power, size_t count,
                        double *to) {
    for (size_t i = 0; i < count; i++) {
        to[i] = fine[i] + (fine[i] - coarse[i]) / (power - 1);
    }
}

bool slope_at(const Slope *slope, double *point, size_t at, double *column, double *off) {
    size_t n = slope->count;
    double *m = slope->memory + n; /* `low` of difference is before */
    double *d[2] = {m, m + n};
    double *e[2] = {m + 2 * n, m + 3 * n};
    double *f[2] = {m + 4 * n, m + 5 * n};
    double h = first_step * (fabs(point[at]) >= near_zero ? fabs(point[at]) : 1);
    int levels = 0;
    int worse = 0;
    *off = INFINITY;
    memset(column, 0, n * sizeof *column);
    for (int k = 0; k < STEPS_MOST; k++, h /= 2) {
        bool finite;
        int now = levels % 2;
        if (!difference(slope, point, at, h, d[now], &finite)) {
            return false;
        }
        if (!finite) {
            levels = 0;
            continue;
        }
        if (levels >= 1) {
            extrapolate(d[!now], d[now], 4, n, e[now]);
        }
        if (levels >= 2) {
            extrapolate(e[!now], e[now], 16, n, f[now]);
        }
        if (levels >= 3) {
            double here = disagreement(f[!now], f[now], slope->weights, n);
            worse = here < *off ? 0 : worse + 1;
            if (here < *off) {
                *off = here;
                memcpy(column, f[now], n * sizeof *column);
            }
            if (*off <= good_enough || (*off <= settled && worse >= WORSE_MOST)) {
                break;
            }
        }
        levels++;
    }
    return true;
}
