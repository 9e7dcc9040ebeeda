/* lib_run.c: planned library operations for loop_run: the same matrices in the same places as the
 * library that generated code calls, by plain loops. */
#include "loop/plan.h"

#include <math.h>

static void fill_nan(double *a, int64_t count) {
    for (int64_t i = 0; i < count; i++) {
        a[i] = NAN;
    }
}

static void run_cholesky(double *a, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        for (int64_t j = 0; j <= i; j++) {
            double sum = a[i * n + j];
            for (int64_t k = 0; k < j; k++) {
                sum -= a[i * n + k] * a[j * n + k];
            }
            if (i == j && !(sum > 0)) {
                fill_nan(a, n * n);
                return;
            }
            a[i * n + j] = i == j ? sqrt(sum) : sum / a[j * n + j];
        }
    }
}

static void exchange(double *a, int64_t n, int64_t i, int64_t j) {
    for (int64_t k = 0; k < n; k++) {
        double x = a[i * n + k];
        a[i * n + k] = a[j * n + k];
        a[j * n + k] = x;
    }
}

/* The rows of A, exchanged, are L U with the ones on L's diagonal. */
static void run_lu(double *a, int64_t n) {
    double *pivots = a + n * n;
    double det = 1;
    double log_det = 0;
    for (int64_t c = 0; c < n; c++) {
        int64_t best = c;
        for (int64_t i = c + 1; i < n; i++) {
            best = fabs(a[i * n + c]) > fabs(a[best * n + c]) ? i : best;
        }
        exchange(a, n, c, best);
        pivots[c] = (double)best;
        double pivot = a[c * n + c];
        det *= best != c ? -pivot : pivot;
        log_det += log(fabs(pivot));
        for (int64_t i = c + 1; i < n && pivot != 0; i++) {
            a[i * n + c] /= pivot;
            for (int64_t j = c + 1; j < n; j++) {
                a[i * n + j] -= a[i * n + c] * a[c * n + j];
            }
        }
    }
    pivots[n] = det;
    pivots[2 * n] = log_det;
}

/* T x = x, T row-major: its lower triangle from the top, its upper one from the bottom; transposed
 * the other way round. */
static void substitute(const double *t, double *x, int64_t n, bool lower, bool transposed,
                       bool ones) {
    bool down = lower != transposed;
    for (int64_t s = 0; s < n; s++) {
        int64_t i = down ? s : n - 1 - s;
        double sum = x[i];
        for (int64_t k = down ? 0 : i + 1; k < (down ? i : n); k++) {
            sum -= t[transposed ? k * n + i : i * n + k] * x[k];
        }
        x[i] = ones ? sum : sum / t[i * n + i];
    }
}

static void lu_column(const double *lu, double *x, int64_t n, bool transposed) {
    const double *pivots = lu + n * n;
    for (int64_t c = 0; c < n && !transposed; c++) {
        double y = x[c];
        x[c] = x[(int64_t)pivots[c]];
        x[(int64_t)pivots[c]] = y;
    }
    substitute(lu, x, n, !transposed, transposed, !transposed);
    substitute(lu, x, n, transposed, transposed, transposed);
    for (int64_t c = n; c-- > 0 && transposed;) {
        double y = x[c];
        x[c] = x[(int64_t)pivots[c]];
        x[(int64_t)pivots[c]] = y;
    }
}

/* a, the factor L, becomes L⁻ᵀL⁻¹. */
static void run_inverse(double *a, int64_t n) {
    for (int64_t j = 0; j < n; j++) { /* L⁻¹ in place, by columns */
        for (int64_t i = j; i < n; i++) {
            double sum = i == j ? 1 : 0;
            for (int64_t k = j; k < i; k++) {
                sum -= a[i * n + k] * a[k * n + j];
            }
            a[i * n + j] = sum / a[i * n + i];
        }
    }
    for (int64_t i = 0; i < n; i++) {
        for (int64_t j = 0; j <= i; j++) {
            double sum = 0;
            for (int64_t k = i; k < n; k++) {
                sum += a[k * n + i] * a[k * n + j];
            }
            a[i * n + j] = sum;
        }
    }
    for (int64_t i = 0; i < n; i++) {
        for (int64_t j = i + 1; j < n; j++) {
            a[i * n + j] = a[j * n + i];
        }
    }
}

void lib_run(LibId f, double *a, const double *factor, int64_t n, int64_t columns) {
    bool triangular = f == LIB_LOWER_SOLVE || f == LIB_LOWER_SOLVE_T;
    if (f == LIB_CHOLESKY) {
        run_cholesky(a, n);
        return;
    }
    if (f == LIB_LU) {
        run_lu(a, n);
        return;
    }
    if (f == LIB_FACTOR_INV) {
        run_inverse(a, n);
        return;
    }
    for (int64_t i = 0; i < n; i++) {
        if (factor[i * n + i] == 0) {
            fill_nan(a, n * columns);
            return;
        }
    }
    for (int64_t c = 0; c < columns; c++) {
        if (f == LIB_FACTOR_SOLVE) {
            substitute(factor, a + c * n, n, true, false, false);
            substitute(factor, a + c * n, n, true, true, false);
        } else if (triangular) {
            substitute(factor, a + c * n, n, true, f == LIB_LOWER_SOLVE_T, false);
        } else {
            lu_column(factor, a + c * n, n, f == LIB_LU_SOLVE_T);
        }
    }
}
