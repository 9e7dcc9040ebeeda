/* The peers of vector.sh: full-batch loss and gradient by hand, as an expert writes them for one
 * machine: samples in blocks, exp and log inline as polynomials without special cases, so that gcc
 * or clang makes vectors of them with -O3 -march=native -ffast-math. With -DLIBM they call libm
 * instead, in one plain loop over the samples: compiled with -O3 -march=native alone. */
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef LIBM
#define NAME(f) f##_libm
#define EXP     exp
#define LOG1P   log1p
#else
#define NAME(f) f##_expert
#define EXP     fast_exp
#define LOG1P   fast_log1p

static inline double from_bits(int64_t n) {
    double x;
    memcpy(&x, &n, sizeof x);
    return x;
}

static inline int64_t to_bits(double x) {
    int64_t n;
    memcpy(&n, &x, sizeof n);
    return n;
}

/* |x| < 708. The sum with 2^52 + 2^51 is rounded to a whole number, which then stands in its low
 * bits; the barrier keeps -ffast-math from taking it off again. */
static inline double fast_exp(double x) {
    const double shift = 0x1.8p52;
    double t = fma(x, 0x1.71547652b82fep0, shift);
    int64_t bits = to_bits(t);
    double n = from_bits(bits) - shift;
    double r = fma(n, -0x1.62e42fefa39efp-1, x);
    r = fma(n, -0x1.abc9e3b39803fp-56, r);
    double p = 1.0 / 39916800;
    p = fma(p, r, 1.0 / 3628800);
    p = fma(p, r, 1.0 / 362880);
    p = fma(p, r, 1.0 / 40320);
    p = fma(p, r, 1.0 / 5040);
    p = fma(p, r, 1.0 / 720);
    p = fma(p, r, 1.0 / 120);
    p = fma(p, r, 1.0 / 24);
    p = fma(p, r, 1.0 / 6);
    p = fma(p, r, 0.5);
    p = fma(p, r, 1.0);
    p = fma(p, r, 1.0);
    return p * from_bits((int64_t)(((uint64_t)bits << 52) + 0x3ff0000000000000u));
}

/* 0 <= x <= 1, where the error may be absolute: log(1 + x) by s = x / (2 + x) <= 1/3. */
static inline double fast_log1p(double x) {
    double s = x / (2 + x), z = s * s;
    double p = 2.0 / 31;
    p = fma(p, z, 2.0 / 29);
    p = fma(p, z, 2.0 / 27);
    p = fma(p, z, 2.0 / 25);
    p = fma(p, z, 2.0 / 23);
    p = fma(p, z, 2.0 / 21);
    p = fma(p, z, 2.0 / 19);
    p = fma(p, z, 2.0 / 17);
    p = fma(p, z, 2.0 / 15);
    p = fma(p, z, 2.0 / 13);
    p = fma(p, z, 2.0 / 11);
    p = fma(p, z, 2.0 / 9);
    p = fma(p, z, 2.0 / 7);
    p = fma(p, z, 2.0 / 5);
    p = fma(p, z, 2.0 / 3);
    p = fma(p, z, 2.0);
    return s * p;
}
#endif

double NAME(curve)(const double *params, size_t m, const double *restrict x,
                   const double *restrict y, double *grad) {
    double b1 = params[0], b2 = params[1];
    double loss = 0, g1 = 0, g2 = 0;
    for (size_t i = 0; i < m; i++) {
        double e = EXP(-b2 * x[i]);
        double r = b1 * (1 - e) - y[i];
        loss += r * r;
        g1 += r * (1 - e);
        g2 += r * e * x[i];
    }
    grad[0] = 2 * g1 / (double)m;
    grad[1] = 2 * b1 * g2 / (double)m;
    return loss / (double)m;
}

enum { BLOCK = 128 };

/* params: w[d], b; x[m][d] */
double NAME(logistic)(const double *params, size_t m, size_t d, const double *restrict x,
                      const double *restrict y, double *restrict grad) {
    double loss = 0, gb = 0, b = params[d];
    memset(grad, 0, (d + 1) * sizeof *grad);
    for (size_t from = 0; from < m; from += BLOCK) {
        size_t count = m - from < BLOCK ? m - from : BLOCK;
        double z[BLOCK];
        for (size_t i = 0; i < count; i++) {
            const double *row = x + (from + i) * d;
            double sum = b;
            for (size_t j = 0; j < d; j++) {
                sum += row[j] * params[j];
            }
            z[i] = sum;
        }
        for (size_t i = 0; i < count; i++) {
            double e = EXP(-fabs(z[i]));
            loss += (z[i] > 0 ? z[i] : 0) + LOG1P(e) - y[from + i] * z[i];
            z[i] = (z[i] < 0 ? e : 1) / (1 + e) - y[from + i];
            gb += z[i];
        }
        for (size_t i = 0; i < count; i++) {
            const double *row = x + (from + i) * d;
            for (size_t j = 0; j < d; j++) {
                grad[j] += row[j] * z[i];
            }
        }
    }
    for (size_t j = 0; j < d; j++) {
        grad[j] /= (double)m;
    }
    grad[d] = gb / (double)m;
    return loss / (double)m;
}
