/* What an expert writes by hand for SGD of linear or logistic regression with 20 features: the
 * weights stay in vector registers, rows of a shuffled order are asked for 16 rows ahead, exp is
 * libm's.
 *
 *     sgd_peer linear|logistic file|shuffle EPOCHS RATE < FILE.bin      FILE.bin: peer convert 20
 *
 * Prints nanoseconds of processor time of each epoch, the shuffle included, then the weights. gcc
 * -O3 -march=native -ffast-math. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { D = 20, LANES = 4, PARTS = D / LANES, AHEAD = 16 };
typedef double Lanes __attribute__((vector_size(8 * LANES), aligned(8)));

static int64_t rows;
static double *xs, *ys;
static int32_t *order;

static int64_t cpu_time(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static uint64_t random_bits(void) { /* xorshift64* */
    static uint64_t state = 88172645463325252ull;
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return state * 2685821657736338717ull;
}

static void shuffle(void) {
    for (int64_t i = rows - 1; i > 0; i--) {
        int64_t j = (int64_t)((random_bits() >> 32) * (uint64_t)(i + 1) >> 32);
        int32_t kept = order[i];
        order[i] = order[j];
        order[j] = kept;
    }
}

static inline double dot(const Lanes *w, const double *x) {
    Lanes sum = w[0] * *(const Lanes *)x;
    Lanes other = w[1] * *(const Lanes *)(x + LANES);
    sum += w[2] * *(const Lanes *)(x + 2 * LANES);
    other += w[3] * *(const Lanes *)(x + 3 * LANES);
    sum += w[4] * *(const Lanes *)(x + 4 * LANES) + other;
    return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

static inline double residual(int logistic, double z, double y, double *loss) {
    if (!logistic) {
        *loss += (z - y) * (z - y) / 2;
        return z - y;
    }
    double e = exp(-fabs(z));
    *loss += fmax(z, 0) - y * z + log1p(e);
    return (z < 0 ? e : 1) / (1 + e) - y;
}

static double epoch(int logistic, int shuffled, double *weights, double rate) {
    Lanes w[PARTS];
    double b = weights[D];
    double loss = 0;
    memcpy(w, weights, sizeof w);
    for (int64_t n = 0; n < rows; n++) {
        int64_t i = shuffled ? order[n] : n;
        if (shuffled) {
            const char *next =
                (const char *)(xs + D * (int64_t)order[n + AHEAD < rows ? n + AHEAD : n]);
            __builtin_prefetch(next);
            __builtin_prefetch(next + 64);
            __builtin_prefetch(next + 128);
            __builtin_prefetch(ys + order[n + AHEAD < rows ? n + AHEAD : n]);
        }
        const double *x = xs + D * i;
        double step = rate * residual(logistic, b + dot(w, x), ys[i], &loss);
        b -= step;
        for (int k = 0; k < PARTS; k++) {
            w[k] -= step * *(const Lanes *)(x + k * LANES);
        }
    }
    memcpy(weights, w, sizeof w);
    weights[D] = b;
    return loss;
}

int main(int argc, char **argv) {
    int64_t header[2];
    if (argc < 5 || fread(header, sizeof header, 1, stdin) != 1 || header[1] != D) {
        fprintf(
            stderr,
            "usage: sgd_peer linear|logistic file|shuffle EPOCHS RATE < FILE.bin of 20 features\n");
        return 2;
    }
    int logistic = strcmp(argv[1], "logistic") == 0, shuffled = strcmp(argv[2], "shuffle") == 0;
    rows = header[0];
    xs = malloc((size_t)rows * D * sizeof(double));
    ys = malloc((size_t)rows * sizeof(double));
    order = malloc((size_t)rows * sizeof *order);
    for (int64_t i = 0; i < rows; i++) {
        order[i] = (int32_t)i;
        if (fread(xs + i * D, sizeof(double), D, stdin) != D ||
            fread(ys + i, sizeof(double), 1, stdin) != 1) {
            return 1;
        }
    }
    double w[D + 1] = {0};
    double loss = 0;
    for (long e = 0; e < atol(argv[3]); e++) {
        int64_t start = cpu_time();
        if (shuffled) {
            shuffle();
        }
        loss = epoch(logistic, shuffled, w, atof(argv[4]));
        printf("%lld\n", (long long)(cpu_time() - start));
    }
    printf("loss %.15g\n", loss / (double)rows);
    for (int k = 0; k <= D; k++) {
        printf("%.15g\n", w[k]);
    }
    return 0;
}
