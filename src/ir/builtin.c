/* builtin.c: the table of built-in functions, their values and their complex extensions.
 *
 * The complex extensions serve complex-step differentiation: the imaginary part is tiny. Where a
 * function has a kink, the extension follows the branch of the real part; where C has no complex
 * version, it is right to first order in the imaginary part. Outside the real domain they are NaN,
 * as the real functions are. */
#include "ir/builtin.h"

#include <math.h>
#include <string.h>

static const double pi = 3.141592653589793;

/* ---- values ---------------------------------------------------------------------------------- */

static double value_add(double a, double b) {
    return a + b;
}

static double value_sub(double a, double b) {
    return a - b;
}

static double value_mul(double a, double b) {
    return a * b;
}

static double value_div(double a, double b) {
    return a / b;
}

static double value_neg(double a) {
    return -a;
}

static double value_square(double a) {
    return a * a;
}

static double value_floordiv(double a, double b) {
    return floor(a / b);
}

static double value_mod(double a, double b) {
    return a - b * floor(a / b);
}

static double value_eq(double a, double b) {
    return a == b;
}

static double value_ne(double a, double b) {
    return a != b;
}

static double value_lt(double a, double b) {
    return a < b;
}

static double value_le(double a, double b) {
    return a <= b;
}

static double value_and(double a, double b) {
    return a != 0 && b != 0;
}

static double value_or(double a, double b) {
    return a != 0 || b != 0;
}

static double value_not(double a) {
    return a == 0;
}

static double value_sech(double a) {
    return 1 / cosh(a);
}

static double value_tanh_rest(double a) {
    return fabs(a) >= 0.5625 ? 2 / (exp(2 * fabs(a)) + 1) : tanh(a);
}

static double value_sign(double a) {
    return a > 0 ? 1 : a < 0 ? -1 : a;
}

static double value_maximum(double a, double b) {
    if (isnan(a) || isnan(b)) {
        return a + b;
    }
    if (a == b) {
        return signbit(a) ? b : a; /* maximum(-0, 0) = 0 */
    }
    return a > b ? a : b;
}

static double value_minimum(double a, double b) {
    return -value_maximum(-a, -b);
}

static double value_clamp(double a, double b, double c) {
    return value_minimum(value_maximum(a, b), c);
}

static double value_step(double a) {
    return a >= 0 ? 1 : a < 0 ? 0 : a;
}

static double value_log1pexp(double a) {
    return a > 0 ? a + log1p(exp(-a)) : log1p(exp(a));
}

static double value_log1mexp(double a) {
    return a > -0.6931471805599453 ? log(-expm1(a)) : log1p(-exp(a));
}

static double value_logistic(double a) {
    return 1 / (1 + exp(-a));
}

static double value_logistic_slope(double a) {
    return value_logistic(a) * value_logistic(-a);
}

static double value_circle(double a) {
    return sqrt((1 - a) * (1 + a));
}

static double value_unit(double a, double b) {
    double h = hypot(a, b);
    return h == 0 ? 0 : a / h;
}

static double value_xlogy(double a, double b) {
    return a == 0 && !isnan(b) ? 0 : a * log(b);
}

static double value_xlog1py(double a, double b) {
    return a == 0 && !isnan(b) ? 0 : a * log1p(b);
}

const PrecisionRow precisions[PRECISION_COUNT] = {
    [PRECISION_F64] = {.name = "f64", .c = "double", .bytes = 8, .suffix = ""},
    [PRECISION_F32] = {.name = "f32", .c = "float", .bytes = 4, .suffix = "f"},
};

static uint64_t random_bits(int64_t seed, int64_t counter) {
    uint64_t z = (uint64_t)seed + UINT64_C(0x9E3779B97F4A7C15) * ((uint64_t)counter + 1);
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

double builtin_random_uniform(int64_t seed, int64_t counter) {
    return ((double)(random_bits(seed, counter) >> 12) + 0.5) * 0x1p-52;
}

double builtin_random_uniform_f32(int64_t seed, int64_t counter) {
    return ((double)(random_bits(seed, counter) >> 41) + 0.5) * 0x1p-23;
}

static double value_random_uniform(double seed, double counter) {
    return builtin_random_uniform((int64_t)seed, (int64_t)counter);
}

/* ---- the normal distribution ----------------------------------------------------------------- */

static double value_Phi(double a) {
    return 0.5 * erfc(-0.7071067811865476 * a);
}

static double value_mills_excess(double a) {
    enum { LEVELS = 55 }; /* what is left out is about that of a constant numerator */
    double fraction = 0.5 * (a + sqrt(a * a + 4 * (LEVELS + 1)));
    for (int k = LEVELS; k > 1; k--) {
        fraction = a + k / fraction;
    }
    return 1 / fraction;
}

static double value_mills(double a) {
    if (a < -2.5) {
        return value_mills_excess(-a) - a;
    }
    return 0.7978845608028654 * exp(-0.5 * a * a) / erfc(-0.7071067811865476 * a);
}

static double value_mills_shift(double a) {
    return a < -2.5 ? value_mills_excess(-a) : a + value_mills(a);
}

static double value_log_Phi(double a) {
    if (a < -20) {
        return -0.5 * a * a - 0.9189385332046727 - log(value_mills(a));
    }
    return a < 0 ? log(value_Phi(a)) : log1p(-value_Phi(-a));
}

enum { QUANTILE_TERMS = 8 };

/* The quotient of two polynomials, by falling powers. */
static double quotient(const double *above, const double *below, double a) {
    double numerator = 0, denominator = 0;
    for (int k = 0; k < QUANTILE_TERMS; k++) {
        numerator = numerator * a + above[k];
        denominator = denominator * a + below[k];
    }
    return numerator / denominator;
}

static double value_inv_Phi_middle(double a) {
    static const double above[] = {
        2509.0809287301226727, 33430.575583588128105, 67265.770927008700853, 45921.953931549871457,
        13731.693765509461125, 1971.5909503065514427, 133.14166789178437745, 3.387132872796366608};
    static const double below[] = {
        5226.495278852545925,  28729.085735721942674, 39307.89580009271061,  21213.794301586595867,
        5394.1960214247511077, 687.1870074920579083,  42.313330701600911252, 1};
    return quotient(above, below, a);
}

static double value_inv_Phi_near(double a) {
    static const double above[] = {7.7454501427834140764e-4, 0.0227238449892691845833,
                                   0.24178072517745061177,   1.27045825245236838258,
                                   3.64784832476320460504,   5.7694972214606914055,
                                   4.6303378461565452959,    1.42343711074968357734};
    static const double below[] = {1.05075007164441684324e-9, 5.475938084995344946e-4,
                                   0.0151986665636164571966,  0.14810397642748007459,
                                   0.68976733498510000455,    1.6763848301838038494,
                                   2.05319162663775882187,    1};
    return quotient(above, below, a);
}

static double value_inv_Phi_far(double a) {
    static const double above[] = {2.01033439929228813265e-7, 2.71155556874348757815e-5,
                                   0.0012426609473880784386,  0.026532189526576123093,
                                   0.29656057182850489123,    1.7848265399172913358,
                                   5.4637849111641143699,     6.6579046435011037772};
    static const double below[] = {2.04426310338993978564e-15, 1.4215117583164458887e-7,
                                   1.8463183175100546818e-5,   7.868691311456132591e-4,
                                   0.0148753612908506148525,   0.13692988092273580531,
                                   0.59983220655588793769,     1};
    return quotient(above, below, a);
}

static double value_inv_Phi_tail(double a) {
    return a <= 5 ? value_inv_Phi_near(a - 1.6) : a <= 27.5 ? value_inv_Phi_far(a - 5) : a / 0.0;
}

static double value_inv_Phi(double a) {
    double q = a - 0.5;
    if (fabs(q) <= 0.425) {
        return q * value_inv_Phi_middle(0.180625 - q * q);
    }
    return a < 0.5 ? -value_inv_Phi_tail(sqrt(-log(a))) : value_inv_Phi_tail(sqrt(-log(1 - a)));
}

static double value_inv_Phi_slope(double a) {
    return 1 / (value_minimum(a, 1 - a) * value_mills(-fabs(value_inv_Phi(a))));
}

/* ---- the gamma function ---------------------------------------------------------------------- */

/* Euler and Maclaurin: twelve terms, then the integral and the corrections B(2j) / (2j)!. */
static double value_hurwitz_zeta(double s, double b) {
    static const double corrections[] = {0.08333333333333333,    -0.001388888888888889,
                                         3.306878306878307e-05,  -8.267195767195768e-07,
                                         2.08767569878681e-08,   -5.284190138687493e-10,
                                         1.3382536530684679e-11, -3.3896802963225827e-13,
                                         8.586062056277845e-15,  -2.174868698558062e-16};
    enum { COUNT = sizeof corrections / sizeof *corrections };
    if (!(b > 0 && s > 1)) {
        return NAN;
    }
    double sum = 0, q = b + 12, series = 0;
    for (int k = 0; k < 12; k++) {
        sum += pow(b + k, -s);
    }
    for (int j = COUNT; j-- > 0;) {
        series = corrections[j] + (s + 2 * j + 1) * (s + 2 * j + 2) / (q * q) * series;
    }
    return sum + pow(q, -s) * (q / (s - 1) + 0.5 + s / q * series);
}

static double value_polygamma(double a, double b) {
    double n = round(a);
    return b == INFINITY ? 0 : (2 * fmod(n, 2) - 1) * tgamma(n + 1) * value_hurwitz_zeta(n + 1, b);
}

/* The digamma function and its derivatives: steps upwards to 10, then the asymptotic series. Near
 * the root 1.4616 digamma is summed from its Taylor series. */

static double tangent_of_fraction(double a) {
    return tan(pi * (a - round(a)));
}

static double digamma_taylor(double a) {
    /* ψ(x0 + d), coefficients ψ_n(x0) / n! at the root x0 */
    static const double coefficients[] = {
        0.9676722454476212,   -0.4427631689835921,  0.258499760955651,   -0.16394270544240652,
        0.10782405069126237,  -0.07219956125645471, 0.04880428816414311, -0.03316112647484736,
        0.022597648232218104, -0.01542476590494896,
    };
    double d = (a - 1.4616321446374059) - 3.3095646882754991e-10;
    double sum = 0;
    for (size_t k = sizeof coefficients / sizeof *coefficients; k-- > 0;) {
        sum = (sum + coefficients[k]) * d;
    }
    return sum;
}

static double value_digamma(double a) {
    if (a <= 0) {
        return value_digamma(1 - a) - pi / tangent_of_fraction(a);
    }
    if (fabs(a - 1.4616321446374059) < 0.02) {
        return digamma_taylor(a);
    }
    double sum = 0;
    for (; a < 10; a += 1) {
        sum -= 1 / a;
    }
    static const double bernoulli[] = {1. / 12,  -1. / 120,     1. / 252, -1. / 240,
                                       1. / 132, -691. / 32760, 1. / 12,  -3617. / 8160};
    double y = 1 / (a * a), series = 0;
    for (size_t k = sizeof bernoulli / sizeof *bernoulli; k-- > 0;) {
        series = (series + bernoulli[k]) * y;
    }
    return sum + (log(a) - 0.5 / a - series);
}

static const double bernoulli_numbers[] = {
    1. / 6, -1. / 30, 1. / 42, -1. / 30, 5. / 66, -691. / 2730, 7. / 6, -3617. / 510, 43867. / 798};
enum { BERNOULLI_COUNT = sizeof bernoulli_numbers / sizeof *bernoulli_numbers };

static double value_trigamma(double a) {
    if (a <= 0) {
        double s = sin(pi * (a - round(a)));
        return pi / s * (pi / s) - value_trigamma(1 - a);
    }
    double sum = 0;
    for (; a < 10; a += 1) {
        sum += 1 / (a * a);
    }
    double y = 1 / (a * a), series = 0;
    for (size_t k = BERNOULLI_COUNT; k-- > 0;) {
        series = (series + bernoulli_numbers[k]) * y;
    }
    return sum + 1 / a + 0.5 * y + series / a;
}

static double value_tetragamma(double a) {
    if (a <= 0) {
        double x = pi * (a - round(a)), s = pi / sin(x);
        return value_tetragamma(1 - a) - 2 * cos(x) * s * s * s;
    }
    double sum = 0;
    for (; a < 10; a += 1) {
        sum -= 2 / (a * a * a);
    }
    double y = 1 / (a * a), series = 0;
    for (size_t k = BERNOULLI_COUNT; k-- > 0;) {
        series = (series + bernoulli_numbers[k] * (2 * (double)k + 3)) * y;
    }
    return sum - y * (1 + 1 / a + series);
}

/* ---- complex extensions ---------------------------------------------------------------------- */

static double complex pair(double real, double imaginary) {
    double parts[2] = {real, imaginary}; /* as C lays out a complex number */
    double complex z;
    memcpy(&z, parts, sizeof z);
    return z;
}

/* f(x) + i y f'(x): 0 · ∞ counts as 0, as where nothing moves. */
static double complex first_order(double complex z, double value, double slope) {
    double y = cimag(z);
    return pair(value, y == 0 ? 0 : y * slope);
}

static double complex complex_add(double complex a, double complex b) {
    return pair(creal(a) + creal(b), cimag(a) + cimag(b));
}

static double complex complex_sub(double complex a, double complex b) {
    return pair(creal(a) - creal(b), cimag(a) - cimag(b));
}

static double complex complex_mul(double complex a, double complex b) {
    double imaginary = 0; /* what does not move is a strong zero: ∞ times it is nothing */
    if (cimag(b) != 0) {
        imaginary += creal(a) * cimag(b);
    }
    if (cimag(a) != 0) {
        imaginary += cimag(a) * creal(b);
    }
    double both = cimag(a) != 0 && cimag(b) != 0 ? cimag(a) * cimag(b) : 0;
    return pair(creal(a) * creal(b) - both, imaginary);
}

static double complex complex_div(double complex a, double complex b) {
    double value = creal(a) / creal(b), imaginary = 0;
    if (cimag(a) != 0) {
        imaginary += cimag(a) / creal(b);
    }
    if (cimag(b) != 0) {
        imaginary -= value * cimag(b) / creal(b);
    }
    return pair(value, imaginary);
}

static double complex complex_neg(double complex a) {
    return pair(-creal(a), -cimag(a));
}

static double complex complex_square(double complex a) {
    return complex_mul(a, a);
}

static double complex complex_exp_scaled(double complex a, double factor) {
    return cexp(pair(creal(a) * factor, cimag(a) * factor));
}

static double complex complex_pow(double complex a, double complex b) {
    double x = creal(a), y = creal(b), value = pow(x, y), imaginary = 0;
    if (cimag(a) != 0 && y != 0) {
        imaginary += cimag(a) * y * pow(x, y - 1);
    }
    if (cimag(b) != 0 && !(x == 0 && y >= 0)) {
        imaginary += cimag(b) * value * log(x);
    }
    return pair(value, imaginary);
}

/* To first order: the derivative of 1 / cosh would be inf / inf far out. */
static double complex complex_sech(double complex a) {
    double value = 1 / cosh(creal(a));
    return pair(value, -cimag(a) * value * tanh(creal(a)));
}

static double complex complex_abs(double complex a) {
    return creal(a) > 0 ? a : creal(a) < 0 ? complex_neg(a) : pair(fabs(creal(a)), 0);
}

#define PIECEWISE_CONSTANT(function)                                                               \
    static double complex complex_##function(double complex a) {                                   \
        return pair(value_##function(creal(a)), 0);                                                \
    }

#define value_floor floor
#define value_ceil  ceil
#define value_round round
#define value_trunc trunc

static double value_stop(double a) {
    return a;
}

PIECEWISE_CONSTANT(sign)
PIECEWISE_CONSTANT(step)
PIECEWISE_CONSTANT(floor)
PIECEWISE_CONSTANT(ceil)
PIECEWISE_CONSTANT(round)
PIECEWISE_CONSTANT(trunc)
PIECEWISE_CONSTANT(stop)

static double complex complex_maximum(double complex a, double complex b) {
    if (creal(a) == creal(b)) {
        return pair(value_maximum(creal(a), creal(b)), (cimag(a) + cimag(b)) / 2);
    }
    if (isnan(creal(a)) || isnan(creal(b))) {
        return pair(NAN, NAN);
    }
    return creal(a) > creal(b) ? a : b;
}

static double complex complex_minimum(double complex a, double complex b) {
    return complex_neg(complex_maximum(complex_neg(a), complex_neg(b)));
}

static double complex complex_fmod(double complex a, double complex b) {
    double x = creal(a), y = creal(b);
    return pair(fmod(x, y), cimag(a) - (cimag(b) == 0 ? 0 : cimag(b) * trunc(x / y)));
}

static double complex complex_exp2(double complex a) {
    double complex z = complex_exp_scaled(a, 0.6931471805599453);
    return pair(exp2(creal(a)), cimag(z));
}

static double complex complex_expm1(double complex a) {
    return pair(expm1(creal(a)), cimag(cexp(a)));
}

static double complex complex_log(double complex a) {
    return creal(a) < 0 ? pair(NAN, NAN) : pair(log(creal(a)), cimag(clog(a)));
}

static double complex complex_log2(double complex a) {
    return pair(log2(creal(a)), cimag(complex_log(a)) * 1.4426950408889634);
}

static double complex complex_log10(double complex a) {
    return pair(log10(creal(a)), cimag(complex_log(a)) * 0.4342944819032518);
}

static double complex complex_log1p(double complex a) {
    return pair(log1p(creal(a)), cimag(complex_log(pair(1 + creal(a), cimag(a)))));
}

static double complex complex_logistic(double complex a) {
    double e = exp(-fabs(creal(a)));
    return first_order(a, value_logistic(creal(a)), e / ((1 + e) * (1 + e)));
}

static double complex complex_tanh_rest(double complex a) {
    double x = creal(a), slope = 4 * value_logistic_slope(2 * fabs(x));
    double down = x < 0 ? slope : -slope;
    double value = value_tanh_rest(x);
    return first_order(a, value, fabs(x) >= 0.5625 ? down : (1 - value) * (1 + value));
}

static double complex complex_logistic_slope(double complex a) {
    double v = value_logistic_slope(creal(a));
    return first_order(a, v, -v * tanh(0.5 * creal(a)));
}

static double complex complex_circle(double complex a) {
    double v = value_circle(creal(a));
    return first_order(a, v, -creal(a) / v);
}

static double complex complex_log1pexp(double complex a) {
    double e = exp(-fabs(creal(a)));
    return first_order(a, value_log1pexp(creal(a)), (creal(a) > 0 ? 1 : e) / (1 + e));
}

static double complex complex_log1mexp(double complex a) {
    double e = exp(creal(a));
    return first_order(a, value_log1mexp(creal(a)), e / expm1(creal(a)));
}

static double complex complex_xlogy(double complex a, double complex b) {
    double x = creal(a), y = creal(b), imaginary = 0;
    if (cimag(a) != 0) {
        imaginary += cimag(a) * log(y);
    }
    if (cimag(b) != 0 && x != 0) {
        imaginary += cimag(b) * x / y;
    }
    return pair(value_xlogy(x, y), imaginary);
}

static double complex complex_xlog1py(double complex a, double complex b) {
    double x = creal(a), y = creal(b), imaginary = 0;
    if (cimag(a) != 0) {
        imaginary += cimag(a) * log1p(y);
    }
    if (cimag(b) != 0 && x != 0) {
        imaginary += cimag(b) * x / (1 + y);
    }
    return pair(value_xlog1py(x, y), imaginary);
}

static double complex complex_sqrt(double complex a) {
    return creal(a) < 0 ? pair(NAN, NAN) : pair(sqrt(creal(a)), cimag(csqrt(a)));
}

static double complex complex_cbrt(double complex a) {
    double root = cbrt(creal(a));
    return first_order(a, root, 1 / (3 * root * root));
}

static double complex complex_hypot(double complex a, double complex b) {
    double h = hypot(creal(a), creal(b));
    return pair(h, h == 0 ? 0 : cimag(a) * (creal(a) / h) + cimag(b) * (creal(b) / h));
}

static double complex complex_unit(double complex a, double complex b) {
    double x = creal(a), y = creal(b), h = hypot(x, y), other = value_unit(y, x);
    double moved = h == 0 ? 0 : (cimag(a) * other - cimag(b) * value_unit(x, y)) * other / h;
    return pair(value_unit(x, y), moved);
}

static double complex complex_asin(double complex a) {
    return fabs(creal(a)) > 1 ? pair(NAN, NAN) : casin(a);
}

static double complex complex_acos(double complex a) {
    return fabs(creal(a)) > 1 ? pair(NAN, NAN) : cacos(a);
}

static double complex complex_atan2(double complex a, double complex b) {
    double h = hypot(creal(a), creal(b));
    return pair(atan2(creal(a), creal(b)),
                cimag(a) * (creal(b) / h) / h - cimag(b) * (creal(a) / h) / h);
}

static double complex complex_acosh(double complex a) {
    return creal(a) < 1 ? pair(NAN, NAN) : cacosh(a);
}

static double complex complex_atanh(double complex a) {
    return fabs(creal(a)) > 1 ? pair(NAN, NAN) : catanh(a);
}

static double complex complex_erf(double complex a) {
    return first_order(a, erf(creal(a)), 2 / sqrt(pi) * exp(-creal(a) * creal(a)));
}

static double complex complex_erfc(double complex a) {
    return first_order(a, erfc(creal(a)), -2 / sqrt(pi) * exp(-creal(a) * creal(a)));
}

static double complex complex_Phi(double complex a) {
    double x = creal(a);
    return first_order(a, value_Phi(x), 0.3989422804014327 * exp(-0.5 * x * x));
}

static double complex complex_log_Phi(double complex a) {
    return first_order(a, value_log_Phi(creal(a)), value_mills(creal(a)));
}

static double complex complex_mills(double complex a) {
    double m = value_mills(creal(a));
    return first_order(a, m, -m * value_mills_shift(creal(a)));
}

static double complex complex_mills_shift(double complex a) {
    double shift = value_mills_shift(creal(a));
    return first_order(a, shift, 1 - value_mills(creal(a)) * shift);
}

static double complex complex_inv_Phi(double complex a) {
    return first_order(a, value_inv_Phi(creal(a)), value_inv_Phi_slope(creal(a)));
}

static double complex complex_inv_Phi_slope(double complex a) {
    double v = value_inv_Phi_slope(creal(a));
    return first_order(a, v, v * v * value_inv_Phi(creal(a)));
}

static double complex complex_tgamma(double complex a) {
    double x = creal(a), v = tgamma(x);
    return first_order(a, v, v * value_digamma(x));
}

static double complex complex_lgamma(double complex a) {
    return first_order(a, lgamma(creal(a)), value_digamma(creal(a)));
}

static double complex complex_digamma(double complex a) {
    return first_order(a, value_digamma(creal(a)), value_trigamma(creal(a)));
}

static double complex complex_trigamma(double complex a) {
    return first_order(a, value_trigamma(creal(a)), value_tetragamma(creal(a)));
}

static double complex complex_tetragamma(double complex a) {
    double x = creal(a), slope;
    if (x > 0) {
        slope = value_polygamma(3, x);
    } else {
        double tangent = tangent_of_fraction(x), cotangent = 1 / (tangent * tangent);
        slope = 2 * pi * pi * pi * pi * (1 + cotangent) * (1 + 3 * cotangent) -
                value_polygamma(3, 1 - x);
    }
    return first_order(a, value_tetragamma(x), slope);
}

/* ---- the table ------------------------------------------------------------------------------- */

/* A row may name .c itself: the later designator holds. */
#pragma GCC diagnostic push
#ifdef __clang__
#pragma GCC diagnostic ignored "-Winitializer-overrides"
#else
#pragma GCC diagnostic ignored "-Woverride-init"
#endif

const Builtin builtins[BI_COUNT] = {
#define BUILTIN(id, ...) [BI_##id] = {.name = #id, .c = #id, __VA_ARGS__},
#include "ir/builtin.def"
#undef BUILTIN
};

#pragma GCC diagnostic pop

bool builtin_find(const char *name, BuiltinId *found) {
    for (int f = 0; f < BI_COUNT; f++) {
        if (!builtins[f].hidden && strcmp(builtins[f].name, name) == 0) {
            *found = (BuiltinId)f;
            return true;
        }
    }
    return false;
}
