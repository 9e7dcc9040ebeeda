/* Writes a CSV table of the benchmarks: columns x0 … x(d-1), y.
 *
 *     table linear|logistic ROWS FEATURES [SEED] > FILE
 *
 * linear: y = 1 + Σ (j+1)/d x_j + noise of deviation 0.1. logistic: y is 1 with probability
 * sigmoid(0.5 + Σ (-1)^j x_j / √d). Features are uniform in (-1, 1), with six digits. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t state;

static double uniform(void) { /* splitmix64 */
    uint64_t z = (state += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return (double)((z ^ (z >> 31)) >> 11) * 0x1p-53;
}

int main(int argc, char **argv) {
    if (argc < 4) {
        fprintf(stderr, "usage: %s linear|logistic ROWS FEATURES [SEED]\n", argv[0]);
        return 2;
    }
    int logistic = strcmp(argv[1], "logistic") == 0;
    long rows = atol(argv[2]), d = atol(argv[3]);
    state = argc > 4 ? (uint64_t)atoll(argv[4]) : 1;
    for (long j = 0; j < d; j++) {
        printf("x%ld,", j);
    }
    puts("y");
    for (long i = 0; i < rows; i++) {
        double z = logistic ? 0.5 : 1;
        for (long j = 0; j < d; j++) {
            long k = (long)(uniform() * 2000000) - 1000000;
            double x = (double)k / 1e6;
            z += logistic ? (j % 2 ? -x : x) / sqrt((double)d) : (double)(j + 1) / (double)d * x;
            printf("%s%ld.%06ld,", k < 0 ? "-" : "", labs(k) / 1000000, labs(k) % 1000000);
        }
        if (logistic) {
            printf("%d\n", uniform() < 1 / (1 + exp(-z)));
        } else {
            double noise = sqrt(-2 * log(1 - uniform())) * cos(6.283185307179586 * uniform());
            printf("%.6f\n", z + 0.1 * noise);
        }
    }
    return 0;
}
