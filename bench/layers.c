/* Gradients of batches of two models with layers, by gradc and by C of the kind that is written
 * with a BLAS; compiled with -DMODEL_mlp or -DMODEL_softmax, -DUSE_BLAS where there is one.
 *
 *     layers FEATURES BATCH RUNS      prints nanoseconds a sample of both, medians, and the ratio
 *
 * Both are called in turns in one process. Without a BLAS the peer's products are plain loops. */
#include "measure.h"

#include <tgmath.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef USE_BLAS
#include <cblas.h>
#endif
#ifdef MODEL_mlp
#include "mlp.h"
enum { HIDDEN = 128 };
#define OURS(d, p, m, x, y, g) mlp_loss_batch_grad(d, p, m, x, y, g, work)
#else
#include "softmax.h"
#ifdef SINGLE /* what is kept for a block has room on the stack */
#define OURS(d, p, m, x, y, g) softmax_loss_batch_grad(d, p, m, x, y, g)
#else
#define OURS(d, p, m, x, y, g) softmax_loss_batch_grad(d, p, m, x, y, g, work)
#endif
#endif
#ifdef SINGLE
typedef float real;
#define GEMM  cblas_sgemm
#define CLOSE 1e-4
#else
typedef double real;
#define GEMM  cblas_dgemm
#define CLOSE 1e-9
#endif
enum { CLASSES = 10, ROUNDS = 9 };

static real *work, *hidden, *scores, *back;

/* c[m][n] = beta c + a · b; `at`, `bt`: stored the other way round. */
static void product(int at, int bt, size_t m, size_t n, size_t k, const real *restrict a,
                    const real *restrict b, real beta, real *restrict c) {
#ifdef USE_BLAS
    GEMM(CblasRowMajor, at ? CblasTrans : CblasNoTrans, bt ? CblasTrans : CblasNoTrans, (int)m,
         (int)n, (int)k, 1, a, (int)(at ? m : k), b, (int)(bt ? k : n), beta, c, (int)n);
#else
    if (beta == 0) {
        memset(c, 0, m * n * sizeof *c);
    }
    for (size_t i = 0; i < m; i++) {
        if (bt) {
            for (size_t j = 0; j < n; j++) {
                real sum = 0;
                for (size_t l = 0; l < k; l++) {
                    sum += (at ? a[l * m + i] : a[i * k + l]) * b[j * k + l];
                }
                c[i * n + j] += sum;
            }
        } else {
            for (size_t l = 0; l < k; l++) {
                const real f = at ? a[l * m + i] : a[i * k + l];
                for (size_t j = 0; j < n; j++) {
                    c[i * n + j] += f * b[l * n + j];
                }
            }
        }
    }
#endif
}

/* Adds b, makes the losses and in place what goes back; returns the loss. */
static real classify(size_t m, const real *b, const int64_t *y, real *z, real *db) {
    real loss = 0;
    memset(db, 0, CLASSES * sizeof *db);
    for (size_t i = 0; i < m; i++) {
        real *row = z + i * CLASSES, top = -INFINITY, sum = 0;
        for (size_t k = 0; k < CLASSES; k++) {
            row[k] += b[k];
            top = fmax(top, row[k]);
        }
        loss -= row[y[i]] - top;
        for (size_t k = 0; k < CLASSES; k++) {
            row[k] = exp(row[k] - top);
            sum += row[k];
        }
        loss += log(sum);
        for (size_t k = 0; k < CLASSES; k++) {
            row[k] = (row[k] / sum - (y[i] == (int64_t)k)) / (real)m;
            db[k] += row[k];
        }
    }
    return loss / (real)m;
}

#ifdef MODEL_mlp
static real peer(size_t d, const real *p, size_t m, const real *x, const int64_t *y, real *g) {
    const size_t b1 = HIDDEN * d, w2 = b1 + HIDDEN, b2 = w2 + CLASSES * HIDDEN;
    product(0, 1, m, HIDDEN, d, x, p, 0, hidden);
    for (size_t i = 0; i < m; i++) {
        for (size_t h = 0; h < HIDDEN; h++) {
            hidden[i * HIDDEN + h] = tanh(hidden[i * HIDDEN + h] + p[b1 + h]);
        }
    }
    product(0, 1, m, CLASSES, HIDDEN, hidden, p + w2, 0, scores);
    const real loss = classify(m, p + b2, y, scores, g + b2);
    product(1, 0, CLASSES, HIDDEN, m, scores, hidden, 0, g + w2);
    product(0, 0, m, HIDDEN, CLASSES, scores, p + w2, 0, back);
    memset(g + b1, 0, HIDDEN * sizeof *g);
    for (size_t i = 0; i < m; i++) {
        for (size_t h = 0; h < HIDDEN; h++) {
            const real t = hidden[i * HIDDEN + h];
            back[i * HIDDEN + h] *= 1 - t * t;
            g[b1 + h] += back[i * HIDDEN + h];
        }
    }
    product(1, 0, HIDDEN, d, m, back, x, 0, g);
    return loss;
}
#else
static real peer(size_t d, const real *p, size_t m, const real *x, const int64_t *y, real *g) {
    enum { BLOCK = 64 }; /* so that its rows stay in the cache */
    real loss = 0, bias[CLASSES];
    memset(g, 0, (d + 1) * CLASSES * sizeof *g);
    for (size_t first = 0; first < m; first += BLOCK) {
        const size_t rows = m - first < BLOCK ? m - first : BLOCK;
        product(0, 1, rows, CLASSES, d, x + first * d, p, 0, scores);
        loss += classify(rows, p + CLASSES * d, y + first, scores, bias) * (real)rows;
        for (size_t k = 0; k < CLASSES; k++) {
            g[CLASSES * d + k] += bias[k] * (real)rows / (real)m;
        }
        for (size_t k = 0; k < rows * CLASSES; k++) {
            scores[k] *= (real)rows / (real)m;
        }
        product(1, 0, CLASSES, d, rows, scores, x + first * d, 1, g);
    }
    return loss / (real)m;
}
#endif

int main(int argc, char **argv) {
    if (argc < 4) {
        fprintf(stderr, "usage: %s FEATURES BATCH RUNS\n", argv[0]);
        return 2;
    }
    const size_t d = (size_t)atol(argv[1]), m = (size_t)atol(argv[2]), runs = (size_t)atol(argv[3]);
    const size_t count = 128 * (d + 1) + CLASSES * (d + 129);
    real *x = malloc(m * d * sizeof *x), *p = malloc(count * sizeof *p);
    real *g = calloc(count, sizeof *g), *h = calloc(count, sizeof *h);
    int64_t *y = malloc(m * sizeof *y);
    work = malloc((size_t)1 << 22);
    hidden = malloc(m * 128 * sizeof *hidden);
    back = malloc(m * 128 * sizeof *back);
    scores = malloc(m * CLASSES * sizeof *scores);
    for (size_t k = 0; k < m * d; k++) {
        x[k] = (real)sin((double)k * 1.3);
    }
    for (size_t k = 0; k < m; k++) {
        y[k] = (int64_t)(k * 7 % CLASSES);
    }
    for (size_t k = 0; k < count; k++) {
        p[k] = (real)(0.1 * cos((double)k * 0.7));
    }
    double ours[ROUNDS], theirs[ROUNDS], a = 0, b = 0, worst = 0;
    for (size_t r = 0; r < ROUNDS; r++) {
        const double start = now();
        for (size_t k = 0; k < runs; k++) {
            a = OURS(d, p, m, x, y, g);
        }
        const double middle = now();
        for (size_t k = 0; k < runs; k++) {
            b = peer(d, p, m, x, y, h);
        }
        ours[r] = (middle - start) / (double)(runs * m);
        theirs[r] = (now() - middle) / (double)(runs * m);
    }
    worst = fabs(a - b);
    for (size_t k = 0; k < count; k++) {
        worst = fmax(worst, fabs(g[k] - h[k]));
    }
    const double t[] = {1e9 * median(ours, ROUNDS), 1e9 * median(theirs, ROUNDS)};
    printf("%.0f %.0f %.2f %.1e\n", t[0], t[1], t[0] / t[1], worst);
    return worst < CLOSE ? 0 : 1;
}
