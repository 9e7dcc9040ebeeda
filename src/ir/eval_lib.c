/* eval_lib.c: linear algebra for the interpreter, in complex numbers, by the plainest methods:
 * Gauss and Jordan with pivots, Cholesky by rows. It is what generated code is judged by and shares
 * nothing with it. All functions are the analytic extension of the real ones: no conjugates. */
#include "ir/eval.h"

#include <complex.h>
#include <math.h>
#include <string.h>

typedef double complex Complex;

static Complex complex_of(Number a) {
    double parts[2] = {a.real, a.imaginary};
    Complex z;
    memcpy(&z, parts, sizeof z);
    return z;
}

static void fill_nan(Number *result, size_t count) {
    for (size_t i = 0; i < count; i++) {
        result[i] = (Number){.real = NAN};
    }
}

static void copy_out(Number *result, const Complex *from, size_t count) {
    for (size_t i = 0; i < count; i++) {
        result[i] = (Number){.real = creal(from[i]), .imaginary = cimag(from[i])};
    }
}

/* Row-major, `transposed`: of an n × n matrix. */
static Complex *copy_in(const Number *from, size_t rows, size_t columns, bool transposed,
                        Arena *arena) {
    Complex *to = arena_array(arena, Complex, rows * columns + 1);
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < columns; j++) {
            to[i * columns + j] = complex_of(from[transposed ? j * rows + i : i * columns + j]);
        }
    }
    return to;
}

static void swap_rows(Complex *a, size_t columns, size_t i, size_t j) {
    for (size_t k = 0; k < columns; k++) {
        Complex x = a[i * columns + k];
        a[i * columns + k] = a[j * columns + k];
        a[j * columns + k] = x;
    }
}

/* a becomes the identity, and b, n × k, a⁻¹ b. Returns whether a was regular; pivots[i] are those
 * of elimination, negated once for each exchange of rows. */
static bool eliminate(Complex *a, size_t n, Complex *b, size_t k, Complex *pivots) {
    for (size_t c = 0; c < n; c++) {
        size_t best = c;
        for (size_t i = c + 1; i < n; i++) {
            if (fabs(creal(a[i * n + c])) > fabs(creal(a[best * n + c]))) {
                best = i;
            }
        }
        Complex pivot = a[best * n + c];
        pivots[c] = best != c ? -pivot : pivot;
        if (creal(pivot) == 0) {
            return false;
        }
        swap_rows(a, n, c, best);
        swap_rows(b, k, c, best);
        for (size_t j = 0; j < n; j++) {
            a[c * n + j] /= pivot;
        }
        for (size_t j = 0; j < k; j++) {
            b[c * k + j] /= pivot;
        }
        for (size_t i = 0; i < n; i++) {
            Complex factor = i != c ? a[i * n + c] : 0;
            for (size_t j = 0; j < n && i != c; j++) {
                a[i * n + j] -= factor * a[c * n + j];
            }
            for (size_t j = 0; j < k && i != c; j++) {
                b[i * k + j] -= factor * b[c * k + j];
            }
        }
    }
    return true;
}

static Number determinant(LibId f, const Complex *pivots, size_t n, bool regular) {
    Complex value = f == LIB_DET ? 1 : 0;
    if (!regular) {
        return (Number){.real = f == LIB_DET ? 0 : -INFINITY};
    }
    for (size_t i = 0; i < n; i++) {
        if (f == LIB_DET) {
            value *= pivots[i];
        } else {
            value += clog(creal(pivots[i]) < 0 ? -pivots[i] : pivots[i]);
        }
    }
    return (Number){.real = creal(value), .imaginary = cimag(value)};
}

static void cholesky(size_t n, const Number *a, Number *result, Arena *arena) {
    Complex *l = arena_array(arena, Complex, n * n + 1);
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j <= i; j++) {
            Complex sum = complex_of(a[i * n + j]);
            for (size_t k = 0; k < j; k++) {
                sum -= l[i * n + k] * l[j * n + k];
            }
            if (i == j && !(creal(sum) > 0)) {
                fill_nan(result, n * n);
                return;
            }
            l[i * n + j] = i == j ? csqrt(sum) : sum / l[j * n + j];
        }
    }
    copy_out(result, l, n * n);
}

/* a := the symmetric matrix of its lower triangle; is it positive definite? */
static bool symmetric(Complex *a, size_t n, Arena *arena) {
    Number *lower = arena_array(arena, Number, n * n + 1);
    Number *factor = arena_array(arena, Number, n * n + 1);
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < i; j++) {
            a[j * n + i] = a[i * n + j];
        }
    }
    copy_out(lower, a, n * n);
    cholesky(n, lower, factor, arena);
    return n == 0 || !isnan(factor[0].real);
}

/* Zeroes what is above the diagonal of an n × n matrix (below, if it was transposed). */
static void keep_triangle(Complex *a, size_t n, bool transposed) {
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < n; j++) {
            if (transposed ? j < i : j > i) {
                a[i * n + j] = 0;
            }
        }
    }
}

void eval_lib(LibId f, size_t n, size_t k, const Number *a, const Number *b, Number *result,
              Arena *arena) {
    if (f == LIB_CHOLESKY) {
        cholesky(n, a, result, arena);
        return;
    }
    bool transposed = f == LIB_SOLVE_T || f == LIB_LOWER_SOLVE_T;
    bool number = f == LIB_LOGDET || f == LIB_DET || f == LIB_SPD_LOGDET;
    bool spd = f == LIB_SPD_SOLVE || f == LIB_SPD_INV || f == LIB_SPD_LOGDET;
    Complex *matrix = copy_in(a, n, n, transposed, arena);
    Complex *right = b ? copy_in(b, n, k, false, arena) : arena_array(arena, Complex, n * n + 1);
    Complex *pivots = arena_array(arena, Complex, n + 1);
    for (size_t i = 0; i < n && !b; i++) {
        right[i * n + i] = 1;
    }
    if (f == LIB_LOWER_SOLVE || f == LIB_LOWER_SOLVE_T) {
        keep_triangle(matrix, n, transposed);
    }
    if (spd && !symmetric(matrix, n, arena)) {
        fill_nan(result, number ? 1 : n * k);
        return;
    }
    bool regular = eliminate(matrix, n, right, k, pivots);
    if (number) {
        *result = determinant(f, pivots, n, regular);
    } else if (regular) {
        copy_out(result, right, n * k);
    } else {
        fill_nan(result, n * k);
    }
}
