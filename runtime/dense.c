/* dense.c: decompositions of small dense matrices, by rotations and reflections. */
#include "runtime/errors.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum { SWEEPS_MOST = 60 };

static void unit_matrix(double *a, size_t n) {
    memset(a, 0, n * n * sizeof *a);
    for (size_t i = 0; i < n; i++) {
        a[i * n + i] = 1;
    }
}

/* Columns p and q of a rows×n matrix, turned. */
static void turn_columns(double *a, size_t rows, size_t n, size_t p, size_t q, double c, double s) {
    for (size_t i = 0; i < rows; i++) {
        double x = a[i * n + p];
        double y = a[i * n + q];
        a[i * n + p] = c * x - s * y;
        a[i * n + q] = s * x + c * y;
    }
}

/* The rotation that makes off-diagonal b zero between diagonals a and d. */
static void rotation(double a, double b, double d, double *c, double *s) {
    double theta = (d - a) / (2 * b);
    double t = fabs(theta) > 1e150 ? 1 / (2 * theta)
                                   : (theta < 0 ? -1 : 1) / (fabs(theta) + sqrt(theta * theta + 1));
    *c = 1 / sqrt(t * t + 1);
    *s = t * *c;
}

/* Values and the columns of vectors, least first. */
static void sort(double *values, double *vectors, size_t n) {
    for (size_t i = 0; i < n; i++) {
        size_t least = i;
        for (size_t k = i + 1; k < n; k++) {
            least = values[k] < values[least] ? k : least;
        }
        double value = values[i];
        values[i] = values[least];
        values[least] = value;
        for (size_t row = 0; least != i && row < n; row++) {
            double kept = vectors[row * n + i];
            vectors[row * n + i] = vectors[row * n + least];
            vectors[row * n + least] = kept;
        }
    }
}

/* One sweep over all pairs; were there any to turn? */
static bool eigen_sweep(double *a, size_t n, double *vectors) {
    bool turned = false;
    for (size_t p = 0; p + 1 < n; p++) {
        for (size_t q = p + 1; q < n; q++) {
            double b = a[p * n + q];
            double size = sqrt(fabs(a[p * n + p]) * fabs(a[q * n + q]));
            if (fabs(b) <= DBL_EPSILON * size / 4 || fabs(b) < DBL_MIN) {
                continue;
            }
            double c, s;
            rotation(a[p * n + p], b, a[q * n + q], &c, &s);
            turn_columns(a, n, n, p, q, c, s);
            for (size_t i = 0; i < n; i++) {
                double x = a[p * n + i];
                double y = a[q * n + i];
                a[p * n + i] = c * x - s * y;
                a[q * n + i] = s * x + c * y;
            }
            a[p * n + q] = a[q * n + p] = 0;
            turn_columns(vectors, n, n, p, q, c, s);
            turned = true;
        }
    }
    return turned;
}

void dense_eigen(double *a, size_t n, double *values, double *vectors) {
    unit_matrix(vectors, n);
    for (int sweep = 0; sweep < SWEEPS_MOST && eigen_sweep(a, n, vectors); sweep++) {
    }
    for (size_t i = 0; i < n; i++) {
        values[i] = a[i * n + i];
    }
    sort(values, vectors, n);
}

static bool singular_sweep(double *a, size_t n, double *vectors) {
    bool turned = false;
    for (size_t p = 0; p + 1 < n; p++) {
        for (size_t q = p + 1; q < n; q++) {
            double x = 0, y = 0, both = 0;
            for (size_t i = 0; i < n; i++) {
                x += a[i * n + p] * a[i * n + p];
                y += a[i * n + q] * a[i * n + q];
                both += a[i * n + p] * a[i * n + q];
            }
            if (fabs(both) <= 4 * DBL_EPSILON * sqrt(x) * sqrt(y) || fabs(both) < DBL_MIN) {
                continue;
            }
            double c, s;
            rotation(x, both, y, &c, &s);
            turn_columns(a, n, n, p, q, c, s);
            turn_columns(vectors, n, n, p, q, c, s);
            turned = true;
        }
    }
    return turned;
}

void dense_singular(double *a, size_t n, double *values, double *vectors) {
    unit_matrix(vectors, n);
    for (int sweep = 0; sweep < SWEEPS_MOST && singular_sweep(a, n, vectors); sweep++) {
    }
    for (size_t k = 0; k < n; k++) {
        double square = 0;
        for (size_t i = 0; i < n; i++) {
            square += a[i * n + k] * a[i * n + k];
        }
        values[k] = sqrt(square);
    }
    sort(values, vectors, n);
}

/* The reflection that clears column k below the diagonal, done to all columns from k on. */
static void reflect(double *a, size_t rows, size_t n, size_t k) {
    double square = 0;
    for (size_t i = k; i < rows; i++) {
        square += a[i * n + k] * a[i * n + k];
    }
    double length = sqrt(square);
    if (length == 0) {
        return;
    }
    double head = a[k * n + k];
    double top = head > 0 ? -length : length;
    double first = head - top;
    double divisor = length * (length + fabs(head)); /* vᵀv / 2 */
    for (size_t j = k + 1; j < n; j++) {
        double sum = first * a[k * n + j];
        for (size_t i = k + 1; i < rows; i++) {
            sum += a[i * n + k] * a[i * n + j];
        }
        sum /= divisor;
        a[k * n + j] -= sum * first;
        for (size_t i = k + 1; i < rows; i++) {
            a[i * n + j] -= sum * a[i * n + k];
        }
    }
    a[k * n + k] = top;
}

void dense_triangle(double *a, size_t rows, size_t n, double *r) {
    memset(r, 0, n * n * sizeof *r);
    for (size_t k = 0; k < n && k < rows; k++) {
        reflect(a, rows, n, k);
    }
    for (size_t i = 0; i < n && i < rows; i++) {
        memcpy(r + i * n + i, a + i * n + i, (n - i) * sizeof *r);
    }
}
