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

static double value_xlogy(double a, double b) {
    return a == 0 && !isnan(b) ? 0 : a * log(b);
}

double builtin_random_uniform(int64_t seed, int64_t counter) {
    uint64_t z = (uint64_t)seed + UINT64_C(0x9E3779B97F4A7C15) * ((uint64_t)counter + 1);
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    z ^= z >> 31;
    return ((double)(z >> 12) + 0.5) * 0x1p-52;
}

static double value_random_uniform(double seed, double counter) {
    return builtin_random_uniform((int64_t)seed, (int64_t)counter);
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

static double complex complex_lgamma(double complex a) {
    return first_order(a, lgamma(creal(a)), value_digamma(creal(a)));
}

static double complex complex_digamma(double complex a) {
    return first_order(a, value_digamma(creal(a)), value_trigamma(creal(a)));
}

static double complex complex_trigamma(double complex a) {
    return first_order(a, value_trigamma(creal(a)), value_tetragamma(creal(a)));
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
