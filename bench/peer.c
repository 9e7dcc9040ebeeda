/* Hand-written C of the algorithms that the trainers run, and a solver, on a table of table.c.
 *
 *     peer linear|logistic bgd|sgd EPOCHS RATE < FILE.bin     trains; prints nanoseconds per epoch,
 * weights peer linear solve 0 0 < FILE.bin                        least squares by normal equations
 *     peer convert FEATURES < FILE.csv > FILE.bin             rows of FEATURES + 1 doubles, after
 * two int64
 *
 * Compiled with -O3 -march=native -ffast-math: what a careful programmer would get without
 * intrinsics. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct {
    int64_t rows, d;
    double *x, *y;
} Table;

static int convert(int64_t d) {
    static char line[1 << 20];
    int64_t rows = 0, header[2] = {0, d};
    fwrite(header, sizeof header, 1, stdout);
    if (!fgets(line, sizeof line, stdin)) {
        return 1;
    }
    while (fgets(line, sizeof line, stdin)) {
        char *p = line;
        for (int64_t j = 0; j <= d; j++) {
            double v = strtod(p, &p);
            fwrite(&v, sizeof v, 1, stdout);
            p++;
        }
        rows++;
    }
    fseek(stdout, 0, SEEK_SET);
    header[0] = rows;
    fwrite(header, sizeof header, 1, stdout);
    return 0;
}

static Table load(void) {
    Table t;
    int64_t header[2];
    if (fread(header, sizeof header, 1, stdin) != 1) {
        exit(1);
    }
    t.rows = header[0];
    t.d = header[1];
    t.x = malloc((size_t)(t.rows * t.d) * sizeof(double));
    t.y = malloc((size_t)t.rows * sizeof(double));
    for (int64_t i = 0; i < t.rows; i++) {
        if (fread(t.x + i * t.d, sizeof(double), (size_t)t.d, stdin) != (size_t)t.d ||
            fread(t.y + i, sizeof(double), 1, stdin) != 1) {
            exit(1);
        }
    }
    return t;
}

static double loss_and_residual(int logistic, double z, double y, double *residual) {
    if (logistic) {
        double e = exp(-fabs(z));
        double p = z >= 0 ? 1 / (1 + e) : e / (1 + e);
        *residual = p - y;
        return fmax(z, 0) - y * z + log1p(e);
    }
    *residual = z - y;
    return (z - y) * (z - y) / 2;
}

static double full_batch(int logistic, const Table *t, double *restrict w, double *restrict g,
                         double rate) {
    double sum = 0;
    memset(g, 0, (size_t)(t->d + 1) * sizeof(double));
    for (int64_t i = 0; i < t->rows; i++) {
        const double *restrict x = t->x + i * t->d;
        double z = w[t->d], r;
        for (int64_t j = 0; j < t->d; j++) {
            z += w[j] * x[j];
        }
        sum += loss_and_residual(logistic, z, t->y[i], &r);
        g[t->d] += r;
        for (int64_t j = 0; j < t->d; j++) {
            g[j] += r * x[j];
        }
    }
    for (int64_t j = 0; j <= t->d; j++) {
        w[j] -= rate / (double)t->rows * g[j];
    }
    return sum / (double)t->rows;
}

static double one_by_one(int logistic, const Table *t, double *restrict w, double rate) {
    double sum = 0;
    for (int64_t i = 0; i < t->rows; i++) {
        const double *restrict x = t->x + i * t->d;
        double z = w[t->d], r;
        for (int64_t j = 0; j < t->d; j++) {
            z += w[j] * x[j];
        }
        sum += loss_and_residual(logistic, z, t->y[i], &r);
        r *= rate;
        w[t->d] -= r;
        for (int64_t j = 0; j < t->d; j++) {
            w[j] -= r * x[j];
        }
    }
    return sum / (double)t->rows;
}

static void solve(const Table *t, double *w) {
    int64_t n = t->d + 1;
    long double *a = calloc((size_t)(n * (n + 1)), sizeof *a);
    for (int64_t i = 0; i < t->rows; i++) {
        const double *x = t->x + i * t->d;
        for (int64_t p = 0; p < n; p++) {
            long double xp = p < t->d ? x[p] : 1;
            for (int64_t q = 0; q < n; q++) {
                a[p * (n + 1) + q] += xp * (q < t->d ? x[q] : 1);
            }
            a[p * (n + 1) + n] += xp * t->y[i];
        }
    }
    for (int64_t p = 0; p < n; p++) {
        for (int64_t r = 0; r < n; r++) {
            long double f = r == p ? 0 : a[r * (n + 1) + p] / a[p * (n + 1) + p];
            for (int64_t q = p; q <= n; q++) {
                a[r * (n + 1) + q] -= f * a[p * (n + 1) + q];
            }
        }
    }
    for (int64_t p = 0; p < n; p++) {
        w[p] = (double)(a[p * (n + 1) + n] / a[p * (n + 1) + p]);
    }
    free(a);
}

static int64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int main(int argc, char **argv) {
    if (argc == 3 && strcmp(argv[1], "convert") == 0) {
        return convert(atoll(argv[2]));
    }
    if (argc < 5) {
        fprintf(stderr, "usage: peer linear|logistic bgd|sgd|solve EPOCHS RATE < FILE.bin\n");
        return 2;
    }
    int logistic = strcmp(argv[1], "logistic") == 0, sgd = strcmp(argv[2], "sgd") == 0;
    long epochs = atol(argv[3]);
    double rate = atof(argv[4]), objective = 0;
    Table t = load();
    double *w = calloc((size_t)t.d + 1, sizeof *w), *g = calloc((size_t)t.d + 1, sizeof *g);
    int64_t best = INT64_MAX;
    if (strcmp(argv[2], "solve") == 0) {
        solve(&t, w);
    }
    for (long e = 0; e < epochs; e++) {
        int64_t start = now();
        objective = sgd ? one_by_one(logistic, &t, w, rate) : full_batch(logistic, &t, w, g, rate);
        int64_t took = now() - start;
        best = took < best ? took : best;
    }
    if (epochs) {
        printf("ns_per_epoch %lld\nobjective %.17g\n", (long long)best, objective);
    }
    for (int64_t j = 0; j <= t.d; j++) {
        printf("%s%lld %.17g\n", j < t.d ? "w" : "b", (long long)(j < t.d ? j : 0), w[j]);
    }
    return 0;
}
