/* optimizer.c: the table of methods, and what they share. */
#include "runtime/optimizer.h"

#include <math.h>

#define OPTIMIZER(name) extern const Optimizer opt_##name;
#include "runtime/optimizer.def"
#undef OPTIMIZER

const Optimizer *const optimizers[] = {
#define OPTIMIZER(name) &opt_##name,
#include "runtime/optimizer.def"
#undef OPTIMIZER
};

const size_t optimizer_count = sizeof optimizers / sizeof *optimizers;

bool optimizer_takes_rate(const Optimizer *optimizer) {
    return optimizer->batched || optimizer->plain;
}

void step_along_gradient(Training *training) {
    for (size_t i = 0; i < training->parameters; i++) {
        training->params[i] -= training->rate * training->gradient[i];
    }
}

void clip_gradient(const Training *training, double *gradient) {
    double length = training->clip > 0 ? norm(gradient, training->parameters) : 0;
    if (length > training->clip) {
        for (size_t i = 0; i < training->parameters; i++) {
            gradient[i] *= training->clip / length;
        }
    }
}

bool all_finite(const double *values, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(values[i])) {
            return false;
        }
    }
    return true;
}

double norm(const double *values, size_t count) {
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        sum += values[i] * values[i];
    }
    if (isfinite(sum) && sum > 1e-280) {
        return sqrt(sum);
    }
    double result = 0; /* squares overflow or vanish */
    for (size_t i = 0; i < count; i++) {
        result = hypot(result, values[i]);
    }
    return result;
}
