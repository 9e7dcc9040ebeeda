/* check_rounding.c: --check: how much of a difference between two ways to one number may come from
 * rounding. Both are computed again a few times by the interpreter, with an error of one rounding
 * more in each operation: what then moves is what no way can know. A wrong derivative is not
 * excused by that unless its error is as small as what rounding makes of the right one. */
#include "driver/check.h"

#include <math.h>

enum { TIMES = 6, WIDTHS = 16 };

/* Widens [low, high] by numbers that one way gives; those that are no numbers say nothing. */
static void widen(double *low, double *high, const double *values, size_t count) {
    for (size_t i = 0; values != NULL && i < count; i++) {
        if (isfinite(values[i])) {
            low[i] = fmin(low[i], values[i]);
            high[i] = fmax(high[i], values[i]);
        }
    }
}

static void add_spread(const Check *check, Ways *ways, int way, double share) {
    double *low = arena_array(check->arena, double, ways->count + 1);
    double *high = arena_array(check->arena, double, ways->count + 1);
    for (size_t i = 0; i < ways->count; i++) {
        low[i] = INFINITY;
        high[i] = -INFINITY;
    }
    for (uint64_t time = 0; time <= TIMES; time++) {
        widen(low, high, ways->again[way](check, ways->of[way], time), ways->count);
    }
    for (size_t i = 0; i < ways->count; i++) {
        ways->spread[i] += high[i] >= low[i] ? share * (high[i] - low[i]) : 0;
    }
}

bool check_agree_ways(const Check *check, Ways *ways, size_t entry, double a, double b,
                      double scale, double tolerance, Score *score) {
    const bool numbers = isfinite(a) && isfinite(b);
    if (!numbers || fabs(a - b) <= tolerance * scale) {
        return check_agree(a, b, scale, tolerance, score);
    }
    if (ways->spread == NULL) {
        ways->spread = arena_array(check->arena, double, ways->count + 1);
        const bool both = ways->again[1] != NULL;
        add_spread(check, ways, 0, both ? 1 : 2);
        if (both) {
            add_spread(check, ways, 1, 1);
        }
    }
    scale += WIDTHS * ways->spread[entry] / tolerance;
    return check_agree(a, b, scale, tolerance, score);
}

double *check_again_output(const Check *check, const void *of, uint64_t noise) {
    const OutputOf *output = of;
    EvalInput input = output->input;
    size_t count;
    (void)check;
    input.noise = noise;
    return ir_eval_output(output->ir, &input, output->output, &count);
}
