/* sparse.c: data for sparse.sh, and the same steps written by hand.
 *
 *     sparse data factorisation|words PARAM_ROWS SAMPLES      a CSV file
 *     sparse factorisation|words PARAM_ROWS SAMPLES EPOCHS    "ns STEP": time of a step, the least
 * epoch's
 */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { K = 16, E = 100, NEGATIVES = 5, NAMES = NEGATIVES + 2 };

static uint64_t state = 1;

static int64_t below(int64_t limit) {
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (int64_t)((state >> 33) % (uint64_t)limit);
}

/* The largest row comes first, so that any number of samples binds the dims. */
static int64_t name(int64_t sample, int64_t rows) {
    return sample == 0 ? rows - 1 : below(rows);
}

static int write_data(const char *kind, int64_t rows, int64_t samples) {
    int words = strcmp(kind, "words") == 0;
    printf(words ? "word,context,neg0,neg1,neg2,neg3,neg4\n" : "u,i,r\n");
    for (int64_t s = 0; s < samples; s++) {
        for (int k = 0; k < (words ? NAMES : 2); k++) {
            printf("%s%lld", k ? "," : "", (long long)name(s, rows));
        }
        if (!words) {
            printf(",%lld", (long long)below(5));
        }
        putchar('\n');
    }
    return 0;
}

static double *vector(int64_t count) {
    double *made = malloc((size_t)count * sizeof *made);
    for (int64_t i = 0; made && i < count; i++) {
        made[i] = (double)below(1000) / 1e4 - 0.05;
    }
    return made ? made : (perror("sparse"), exit(1), NULL);
}

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void factorise(int64_t rows, int64_t samples, const int64_t *names, double *U, double *V,
                      double *bu, double *bi, double *mu, double rate) {
    (void)rows;
    for (int64_t s = 0; s < samples; s++) {
        int64_t a = names[2 * s], b = names[2 * s + 1];
        double *u = U + a * K, *v = V + b * K;
        double e = *mu + bu[a] + bi[b] - (double)(s % 5);
        for (int k = 0; k < K; k++) {
            e += u[k] * v[k];
        }
        double step = 2 * rate * e;
        *mu -= step;
        bu[a] -= step + 0.04 * rate * bu[a];
        bi[b] -= step + 0.04 * rate * bi[b];
        for (int k = 0; k < K; k++) {
            double old = u[k];
            u[k] -= step * v[k] + 0.04 * rate * old;
            v[k] -= step * old + 0.04 * rate * v[k];
        }
    }
}

static void embed(int64_t samples, const int64_t *names, double *U, double *C, double rate) {
    for (int64_t s = 0; s < samples; s++) {
        double *u = U + names[NAMES * s] * E;
        double move[E] = {0}, slope[NAMES];
        for (int j = 1; j < NAMES; j++) {
            const double *c = C + names[NAMES * s + j] * E;
            double z = 0;
            for (int k = 0; k < E; k++) {
                z += u[k] * c[k];
            }
            slope[j] = j == 1 ? -1 / (1 + exp(z)) : 1 / (1 + exp(-z));
            for (int k = 0; k < E; k++) {
                move[k] += slope[j] * c[k];
            }
        }
        for (int j = 1; j < NAMES; j++) {
            double *c = C + names[NAMES * s + j] * E;
            for (int k = 0; k < E; k++) {
                c[k] -= rate * slope[j] * u[k];
            }
        }
        for (int k = 0; k < E; k++) {
            u[k] -= rate * move[k];
        }
    }
}

int main(int argc, char **argv) {
    if (argc == 5 && strcmp(argv[1], "data") == 0) {
        return write_data(argv[2], atoll(argv[3]), atoll(argv[4]));
    }
    if (argc != 5) {
        fprintf(stderr, "usage: see the head of sparse.c\n");
        return 2;
    }
    int words = strcmp(argv[1], "words") == 0;
    int64_t rows = atoll(argv[2]), samples = atoll(argv[3]), epochs = atoll(argv[4]);
    int64_t width = words ? NAMES : 2, entries = words ? E : K;
    int64_t *names = malloc((size_t)(samples * width) * sizeof *names);
    for (int64_t i = 0; names && i < samples * width; i++) {
        names[i] = name(i / width, rows);
    }
    double *a = vector(rows * entries), *b = vector(rows * entries);
    double *bu = vector(rows), *bi = vector(rows), mu = 0, least = INFINITY;
    for (int64_t epoch = 0; names && epoch < epochs; epoch++) {
        double before = seconds();
        if (words) {
            embed(samples, names, a, b, 0.01);
        } else {
            factorise(rows, samples, names, a, b, bu, bi, &mu, 0.01);
        }
        double taken = seconds() - before;
        least = taken < least ? taken : least;
    }
    printf("ns %.1f\nend %g\n", least / (double)samples * 1e9, a[0] + b[0] + mu);
    return 0;
}
