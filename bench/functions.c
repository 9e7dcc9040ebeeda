/* Times the elementary functions of gradc's code, over arrays and called one by one, beside libm's:
 * the median of 9 rounds, in ns a number. Prints a Markdown table. */
#include "functions.h"
#include "measure.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { COUNT = 4096, ROUNDS = 9, REPEAT = 200 };

static double x[COUNT], y[COUNT];

typedef void All(size_t, const double *, double *);
typedef double One(double);

static const struct {
    const char *name;
    All *all;
    One *one, *libm;
    double low, high;
} rows[] = {
    {"exp", functions_exp_all, functions_exp_one, exp, -10, 10},
    {"expm1", functions_expm1_all, functions_expm1_one, expm1, -10, 10},
    {"log", functions_log_all, functions_log_one, log, 0, 100},
    {"log1p", functions_log1p_all, functions_log1p_one, log1p, 0, 10},
    {"tanh", functions_tanh_all, functions_tanh_one, tanh, -5, 5},
    {"cosh", functions_cosh_all, functions_cosh_one, cosh, -5, 5},
};

static void each(One *f) {
    for (size_t i = 0; i < COUNT; i++) {
        y[i] = f(x[i]);
    }
}

static double measure(All *all, One *one) {
    double times[ROUNDS];
    for (int round = 0; round < ROUNDS; round++) {
        const double start = now();
        for (int r = 0; r < REPEAT; r++) {
            if (all) {
                all(COUNT, x, y);
            } else {
                each(one);
            }
        }
        times[round] = 1e9 * (now() - start) / REPEAT / COUNT;
    }
    return median(times, ROUNDS);
}

int main(void) {
    puts("| function | in a vector loop | called | libm |");
    puts("| --- | --- | --- | --- |");
    for (size_t f = 0; f < sizeof rows / sizeof *rows; f++) {
        for (size_t i = 0; i < COUNT; i++) {
            x[i] = rows[f].low + (rows[f].high - rows[f].low) * rand() / RAND_MAX;
        }
        printf("| `%s` | %.2f | %.1f | %.1f |\n", rows[f].name, measure(rows[f].all, NULL),
               measure(NULL, rows[f].one), measure(NULL, rows[f].libm));
    }
    return 0;
}
