"""make_library.py > library.csv: reference values of the standard library's densities and functions.

Each function is written here in mpmath, from its textbook definition and not from the library's source,
and evaluated with 200 digits; its gradient is a difference quotient of that. A row of the table is
    function, arguments (a vector is its entries, separated by blanks; whole numbers have no point),
    value, gradient (one entry for each entry of each real argument), and for the value and each entry
    of the gradient its condition: how many times a relative error of one rounding in the arguments, or
    in the largest term of a sum, may grow.
"""
import csv
import sys

from mpmath import mp, mpf

mp.dps = 200
largest = [mpf(0)]


def term(x):
    """Notes how large the terms of a sum are: no sum of doubles is closer than their roundings."""
    largest[0] = max(largest[0], abs(x))
    return x


def normal(y, m, s):
    return -((y - m) / s) ** 2 / 2 - mp.log(s * mp.sqrt(2 * mp.pi))


def Phi(x):
    return mp.erfc(-x / mp.sqrt(2)) / 2


def student(y, nu, m, s):
    return (mp.loggamma((nu + 1) / 2) - mp.loggamma(nu / 2) - mp.log(s * mp.sqrt(nu * mp.pi))
            - (nu + 1) / 2 * mp.log(1 + ((y - m) / s) ** 2 / nu))


def gamma(y, a, b):
    return a * mp.log(b) - mp.loggamma(a) + (a - 1) * mp.log(y) - b * y


def inv_gamma(y, a, b):
    return a * mp.log(b) - mp.loggamma(a) - (a + 1) * mp.log(y) - b / y


def lbeta(a, b):
    return mp.loggamma(a) + mp.loggamma(b) - mp.loggamma(a + b)


def choose(n, k):
    return mp.loggamma(n + 1) - mp.loggamma(k + 1) - mp.loggamma(n - k + 1)


def beta(p, a, b):
    return (a - 1) * mp.log(p) + (b - 1) * mp.log(1 - p) - term(lbeta(a, b))


def lse(z):
    return mp.log(mp.fsum(mp.exp(x) for x in z))


def logistic(x):
    return 1 / (1 + mp.exp(-x))


def softplus(x):
    return mp.log(1 + mp.exp(x))


def neg_binomial_2(y, mu, phi):
    return (mp.loggamma(y + phi) - mp.loggamma(phi) - term(mp.loggamma(y + 1)) + y * mp.log(mu / (mu + phi))
            + phi * mp.log(phi / (mu + phi)))


def ordered(y, z, *c):
    above = mpf(0) if y == len(c) else logistic(z - c[int(y)])
    below = mpf(1) if y == 0 else logistic(z - c[int(y) - 1])
    return mp.log(below - above)


def lkj(n, eta, entries):
    """The density of a correlation matrix det^(eta - 1) carried to its Cholesky factor; the constant
    from the product of the beta integrals of the partial correlations."""
    total = mpf(0)
    for k in range(1, n):  # n - k partial correlations with beta(b, b) on (-1, 1)
        b = eta + mpf(n - 1 - k) / 2
        total -= (n - k) * ((2 * b - 1) * mp.log(2) + lbeta(b, b))
    for k in range(1, n):
        total += (n - 1 - k + 2 * eta - 2) * mp.log(entries[k * n + k])
    return total


# Matrices of 2 by 2, row by row; a symmetric one is read from its lower triangle.


def logdet(m):
    return mp.log(m[0] * m[3] - m[2] ** 2)


def product_of_inverse(s, w):
    """The trace of the inverse of the symmetric s times w."""
    return (s[3] * w[0] - s[2] * w[2] - s[2] * w[1] + s[0] * w[3]) / (s[0] * s[3] - s[2] ** 2)


def covariance(low):
    a, _, b, c = low
    return (a * a, a * b, a * b, b * b + c * c)


def multi_normal(y, m, s):
    d = [a - b for a, b in zip(y, m)]
    return -mp.log(2 * mp.pi) - logdet(s) / 2 - product_of_inverse(s, [d[0] ** 2, d[0] * d[1], d[0] * d[1], d[1] ** 2]) / 2


def multi_student(y, nu, m, s):
    d = [a - b for a, b in zip(y, m)]
    far = product_of_inverse(s, [d[0] ** 2, d[0] * d[1], d[0] * d[1], d[1] ** 2])
    return mp.loggamma(nu / 2 + 1) - mp.loggamma(nu / 2) - mp.log(nu * mp.pi) - logdet(s) / 2 - (nu + 2) / 2 * mp.log(1 + far / nu)


def multi_gamma(a):
    return mp.log(mp.pi) / 2 + mp.loggamma(a) + mp.loggamma(a - mpf(1) / 2)


def wishart(w, nu, s):
    return (-nu * mp.log(2) - multi_gamma(nu / 2) - nu / 2 * logdet(s) + (nu - 3) / 2 * logdet(w)
            - product_of_inverse(s, w) / 2)


def inv_wishart(w, nu, s):
    return (nu / 2 * logdet(s) - nu * mp.log(2) - multi_gamma(nu / 2) - (nu + 3) / 2 * logdet(w)
            - product_of_inverse(w, s) / 2)


def precision(y, m, p):
    d = [a - b for a, b in zip(y, m)]
    return logdet(p) / 2 - mp.log(2 * mp.pi) - (p[0] * d[0] ** 2 + (p[1] + p[2]) * d[0] * d[1] + p[3] * d[1] ** 2) / 2


# name: (function, signature, points); in a signature r is a real, w a whole number (not differentiated),
# a number that many reals.
T = {
    "normal_lpdf": (normal, "rrr", [(0.5, 1, 2), (-40, 1, 0.5), (3, 3, 1e-3), (1e8, 0, 1e9)]),
    "std_normal_lpdf": (lambda y: normal(y, 0, 1), "r", [(0.3,), (-38,), (1e5,)]),
    "student_t_lpdf": (student, "rrrr", [(0.5, 4, 0.1, 2), (1e6, 1.5, 0, 1), (2, 1e8, 0, 1), (3, 0.1, 1, 3), (1, 40, 0.5, 2)]),
    "cauchy_lpdf": (lambda y, m, s: -mp.log(mp.pi * s * (1 + ((y - m) / s) ** 2)), "rrr",
                    [(0.5, 1, 2), (1e9, 0, 1), (1.5, 1.25, 1e-4)]),
    "double_exponential_lpdf": (lambda y, m, s: -abs(y - m) / s - mp.log(2 * s), "rrr", [(0.5, 1, 2), (700, 1, 0.5)]),
    "laplace_lpdf": (lambda y, m, s: -abs(y - m) / s - mp.log(2 * s), "rrr", [(-0.5, 1, 2)]),
    "skew_double_exponential_lpdf": (
        lambda y, m, s, t: mp.log(2 * t * (1 - t) / s) - 2 / s * ((1 - t) * (m - y) if y < m else t * (y - m)),
        "rrrr", [(0.5, 1, 2, 0.25), (3, 1, 2, 0.75)]),
    "logistic_lpdf": (lambda y, m, s: mp.log(logistic((y - m) / s)) + mp.log(logistic((m - y) / s)) - mp.log(s), "rrr",
                      [(0.5, 1, 2), (60, 1, 0.5), (-900, 2, 1)]),
    "gumbel_lpdf": (lambda y, m, b: -mp.log(b) - (y - m) / b - mp.exp(-(y - m) / b), "rrr", [(0.5, 1, 2), (300, 1, 2), (-3, 1, 2)]),
    "skew_normal_lpdf": (lambda y, x, w, a: mp.log(2) + normal(y, x, w) + mp.log(Phi(a * (y - x) / w)), "rrrr",
                         [(0.5, 1, 2, 3), (-20, 1, 2, 6), (4, 1, 2, -3), (2.5, 1, 1.5, 0.5)]),
    "exp_mod_normal_lpdf": (
        lambda y, m, s, l: mp.log(l) + l * (m - y) + (l * s) ** 2 / 2 + mp.log(Phi((y - m) / s - l * s)), "rrrr",
        [(0.5, 1, 2, 0.5), (30, 1, 2, 0.5), (-20, 1, 1.5, 2)]),
    "von_mises_lpdf": (lambda y, m, k: k * mp.cos(y - m) - mp.log(2 * mp.pi * mp.besseli(0, k)), "rrr",
                       [(0.5, 1, 2), (0.5, 0.75, 24.9), (0.5, 0.4, 30), (3, 0, 0.01), (1, 1.001, 1e4)]),
    "lognormal_lpdf": (lambda y, m, s: normal(mp.log(y), m, s) - mp.log(y), "rrr", [(0.5, 1, 2), (1e-10, 1, 2), (1e10, 3, 0.5)]),
    "chi_square_lpdf": (lambda y, n: gamma(y, n / 2, mpf(1) / 2), "rr", [(0.5, 3), (40, 10), (200, 2.5)]),
    "inv_chi_square_lpdf": (lambda y, n: inv_gamma(y, n / 2, mpf(1) / 2), "rr", [(0.5, 3), (0.01, 10)]),
    "scaled_inv_chi_square_lpdf": (lambda y, n, s: inv_gamma(y, n / 2, n * s * s / 2), "rrr", [(0.5, 3, 2), (4, 10, 0.5)]),
    "exponential_lpdf": (lambda y, l: mp.log(l) - l * y, "rr", [(0.5, 3), (1e-8, 0.2), (1e5, 0.01)]),
    "gamma_lpdf": (gamma, "rrr", [(0.5, 3, 2), (1e-5, 0.5, 2), (40, 30, 1.5), (1e3, 1, 2)]),
    "inv_gamma_lpdf": (inv_gamma, "rrr", [(0.5, 3, 2), (0.01, 2, 0.5), (90, 0.5, 3)]),
    "weibull_lpdf": (lambda y, a, s: mp.log(a / s) + (a - 1) * mp.log(y / s) - (y / s) ** a, "rrr",
                     [(0.5, 3, 2), (5, 0.5, 0.1), (0.001, 1.5, 2)]),
    "frechet_lpdf": (lambda y, a, s: mp.log(a / s) - (a + 1) * mp.log(y / s) - (y / s) ** -a, "rrr",
                     [(0.5, 3, 2), (5, 0.5, 0.1), (20, 1.5, 2)]),
    "rayleigh_lpdf": (lambda y, s: mp.log(y / s ** 2) - (y / s) ** 2 / 2, "rr", [(0.5, 2), (20, 1)]),
    "loglogistic_lpdf": (lambda y, a, b: mp.log(b / a) + (b - 1) * mp.log(y / a) - 2 * mp.log(1 + (y / a) ** b), "rrr",
                         [(0.5, 2, 3), (20, 1, 0.5)]),
    "pareto_lpdf": (lambda y, m, a: mp.log(a) + a * mp.log(m) - (a + 1) * mp.log(y), "rrr", [(3, 2, 1.5), (1e4, 0.5, 3)]),
    "pareto_type_2_lpdf": (lambda y, m, l, a: mp.log(a / l) - (a + 1) * mp.log(1 + (y - m) / l), "rrrr",
                           [(3, 2, 1.5, 2.5), (2 + 2.0 ** -20, 2, 1.5, 2.5)]),
    "beta_lpdf": (beta, "rrr", [(0.25, 2, 3), (1e-8, 0.5, 0.5), (0.75, 1e6, 3e5), (0.5, 40, 30)]),
    "beta_proportion_lpdf": (lambda p, m, k: beta(p, m * k, (1 - m) * k), "rrr", [(0.25, 0.3, 5), (0.75, 0.5, 40)]),
    "uniform_lpdf": (lambda y, a, b: -mp.log(b - a), "rrr", [(0.5, -1, 3)]),
    "dirichlet_lpdf": (
        lambda *x: mp.loggamma(mp.fsum(x[3:])) + mp.fsum((a - 1) * mp.log(p) - mp.loggamma(a) for p, a in zip(x[:3], x[3:])),
        "33", [(0.25, 0.5, 0.25, 1.5, 2, 0.5), (1e-6, 0.5, 0.499999, 1.5, 20, 10)]),
    "lkj_corr_cholesky_lpdf": (lambda *x: lkj(3, x[9], x[:9]), "9r",
                               [(1, 0, 0, 0.6, 0.8, 0, 0.5, 0.5, 0.7071067811865476, 2), (1, 0, 0, 0, 1, 0, 0, 0.6, 0.8, 1)]),
    "lkj_corr_lpdf": (lambda *x: (x[4] - 1) * logdet(x) - (2 * x[4] - 1) * mp.log(2) - lbeta(x[4], x[4]), "4r",
                      [(1, 0.5, 0.5, 1, 2.5), (1, -0.75, -0.75, 1, 0.5)]),
    "multi_normal_cholesky_lpdf": (lambda *x: multi_normal(x[:2], x[2:4], covariance(x[4:])), "224",
                                   [(1, 2, 0.5, 1, 2, 0, 0.5, 3), (1e3, 2, 0.5, 1, 1e-3, 0, 0.5, 3)]),
    "multi_normal_lpdf": (lambda *x: multi_normal(x[:2], x[2:4], x[4:]), "224", [(1, 2, 0.5, 1, 2, 0.5, 0.5, 3)]),
    "multi_normal_prec_lpdf": (lambda *x: precision(x[:2], x[2:4], x[4:]), "224", [(1, 2, 0.5, 1, 2, 0.5, 0.5, 3)]),
    "multi_student_t_cholesky_lpdf": (lambda *x: multi_student(x[:2], x[2], x[3:5], covariance(x[5:])), "2r24",
                                      [(1, 2, 4, 0.5, 1, 2, 0, 0.5, 3), (1, 2, 1e9, 0.5, 1, 2, 0, 0.5, 3)]),
    "multi_student_t_lpdf": (lambda *x: multi_student(x[:2], x[2], x[3:5], x[5:]), "2r24", [(1, 2, 4, 0.5, 1, 2, 0.5, 0.5, 3)]),
    "wishart_lpdf": (lambda *x: wishart(x[:4], x[4], x[5:]), "4r4", [(2, 0.5, 0.5, 1, 4, 2, -0.25, -0.25, 3)]),
    "inv_wishart_lpdf": (lambda *x: inv_wishart(x[:4], x[4], x[5:]), "4r4", [(2, 0.5, 0.5, 1, 4, 2, -0.25, -0.25, 3)]),
    "bernoulli_lpmf": (lambda y, p: mp.log(p if y == 1 else 1 - p), "wr", [(0, 0.25), (1, 0.25), (0, 1e-9)]),
    "bernoulli_logit_lpmf": (lambda y, z: -softplus(-z if y == 1 else z), "wr", [(0, 0.25), (1, -40), (0, -21), (1, 800), (0, 800)]),
    "binomial_lpmf": (lambda y, n, p: term(choose(n, y)) + y * mp.log(p) + (n - y) * mp.log(1 - p), "wwr",
                      [(3, 10, 0.25), (0, 10, 0.75), (500000, 1000000, 0.5), (3, 1000000000, 1e-9)]),
    "binomial_logit_lpmf": (lambda y, n, z: choose(n, y) - y * softplus(-z) - (n - y) * softplus(z), "wwr",
                            [(3, 10, 0.25), (0, 10, -40), (10, 10, 40)]),
    "beta_binomial_lpmf": (lambda y, n, a, b: choose(n, y) + lbeta(y + a, n - y + b) - lbeta(a, b) + 0 * term(n * mp.log(a + b)), "wwrr",
                           [(3, 10, 2, 3.5), (7, 20, 1e6, 2e6)]),
    "hypergeometric_lpmf": (lambda y, n, a, b: choose(a, y) + choose(b, n - y) - term(choose(a + b, n)), "wwww",
                            [(3, 10, 7, 20), (2, 10, 1000000, 2000000)]),
    "geometric_lpmf": (lambda y, p: y * mp.log(1 - p) + mp.log(p), "wr", [(3, 0.25), (0, 0.5), (1000000, 1e-6)]),
    "poisson_lpmf": (lambda y, l: y * mp.log(l) - l - mp.loggamma(y + 1), "wr", [(3, 2.5), (0, 0.125), (1000, 900)]),
    "poisson_log_lpmf": (lambda y, z: y * z - mp.exp(z) - mp.loggamma(y + 1), "wr", [(3, 0.5), (0, -40), (1000, 7)]),
    "neg_binomial_lpmf": (
        lambda y, a, b: choose(y + a - 1, y) + a * mp.log(b / (b + 1)) - term(y * mp.log(b + 1)), "wrr",
        [(3, 2.5, 0.5), (0, 2.5, 4), (1000, 1e6, 1e3)]),
    "neg_binomial_2_lpmf": (neg_binomial_2, "wrr", [(3, 2.5, 0.5), (0, 2.5, 4), (3, 2.5, 1e9), (1000, 900, 50), (0, 1, 1e-3)]),
    "neg_binomial_2_log_lpmf": (lambda y, z, phi: neg_binomial_2(y, mp.exp(z), phi), "wrr",
                                [(3, 0.5, 0.5), (0, -3, 4), (1000, 7, 50)]),
    "discrete_range_lpmf": (lambda y, a, b: -mp.log(b - a + 1), "www", [(3, 1, 6)]),
    "categorical_lpmf": (lambda y, *p: mp.log(p[int(y)]), "w3", [(1, 0.25, 0.5, 0.25)]),
    "categorical_logit_lpmf": (lambda y, *z: z[int(y)] - lse(z), "w3", [(1, 0.25, 0.5, -0.25), (0, 800, -800, 3)]),
    "ordered_logistic_lpmf": (ordered, "wr2", [(0, 0.25, -1, 1), (1, 0.25, -1, 1), (2, 0.25, -1, 1), (1, 40, -1, 1), (1, -60, -1, 0.5)]),
    "multinomial_lpmf": (
        lambda *x: mp.loggamma(mp.fsum(x[:3]) + 1) + mp.fsum(y * mp.log(p) - mp.loggamma(y + 1) for y, p in zip(x[:3], x[3:])),
        "u3", [(2, 3, 5, 0.25, 0.25, 0.5)]),
    "multinomial_logit_lpmf": (
        lambda *x: mp.loggamma(mp.fsum(x[:3]) + 1)
        + mp.fsum(y * (z - lse(x[3:])) - mp.loggamma(y + 1) for y, z in zip(x[:3], x[3:])),
        "u3", [(2, 3, 5, 0.25, -0.25, 0.5)]),
    "dirichlet_multinomial_lpmf": (
        lambda *x: mp.loggamma(mp.fsum(x[:3]) + 1) + mp.loggamma(mp.fsum(x[3:])) - mp.loggamma(mp.fsum(x)) + 0 * term(10 * mp.log(mp.fsum(x)))
        + mp.fsum(mp.loggamma(y + a) - mp.loggamma(a) - mp.loggamma(y + 1) for y, a in zip(x[:3], x[3:])),
        "u3", [(2, 3, 5, 1.5, 2, 0.5), (2, 3, 5, 1e6, 2e6, 5e5)]),
    # distribution functions
    "normal_lcdf": (lambda y, m, s: mp.log(Phi((y - m) / s)), "rrr", [(0.5, 1, 2), (-40, 1, 0.5), (9, 0, 1)]),
    "normal_lccdf": (lambda y, m, s: mp.log(Phi((m - y) / s)), "rrr", [(0.5, 1, 2), (40, 1, 0.5)]),
    "normal_cdf": (lambda y, m, s: Phi((y - m) / s), "rrr", [(0.5, 1, 2), (-9, 1, 0.5)]),
    "std_normal_lcdf": (lambda y: mp.log(Phi(y)), "r", [(0.5,), (-100,)]),
    "std_normal_lccdf": (lambda y: mp.log(Phi(-y)), "r", [(0.5,), (100,)]),
    "lognormal_lcdf": (lambda y, m, s: mp.log(Phi((mp.log(y) - m) / s)), "rrr", [(0.5, 1, 2), (1e-9, 1, 0.5)]),
    "lognormal_lccdf": (lambda y, m, s: mp.log(Phi((m - mp.log(y)) / s)), "rrr", [(0.5, 1, 2), (1e9, 1, 0.5)]),
    "cauchy_lcdf": (lambda y, m, s: mp.log(mp.atan((y - m) / s) / mp.pi + mpf(1) / 2), "rrr", [(0.5, 1, 2), (-1e9, 1, 0.5), (3, 1, 2)]),
    "cauchy_lccdf": (lambda y, m, s: mp.log(mpf(1) / 2 - mp.atan((y - m) / s) / mp.pi), "rrr", [(0.5, 1, 2), (1e9, 1, 0.5), (3, 1, 2)]),
    "double_exponential_lcdf": (lambda y, m, s: mp.log(mp.exp((y - m) / s) / 2 if y < m else 1 - mp.exp((m - y) / s) / 2), "rrr",
                                [(0.5, 1, 2), (30, 1, 2), (-900, 1, 2)]),
    "double_exponential_lccdf": (lambda y, m, s: mp.log(mp.exp((m - y) / s) / 2 if y > m else 1 - mp.exp((y - m) / s) / 2), "rrr",
                                 [(0.5, 1, 2), (30, 1, 2), (900, 1, 2)]),
    "logistic_lcdf": (lambda y, m, s: mp.log(logistic((y - m) / s)), "rrr", [(0.5, 1, 2), (-900, 1, 0.5), (40, 1, 2)]),
    "logistic_lccdf": (lambda y, m, s: mp.log(logistic((m - y) / s)), "rrr", [(0.5, 1, 2), (900, 1, 0.5)]),
    "gumbel_lcdf": (lambda y, m, b: -mp.exp((m - y) / b), "rrr", [(0.5, 1, 2), (-3, 1, 2)]),
    "gumbel_lccdf": (lambda y, m, b: mp.log(1 - mp.exp(-mp.exp((m - y) / b))), "rrr", [(0.5, 1, 2), (-3, 1, 2), (90, 1, 2)]),
    "exponential_lcdf": (lambda y, l: mp.log(1 - mp.exp(-l * y)), "rr", [(0.5, 3), (1e-12, 0.5), (90, 1)]),
    "exponential_lccdf": (lambda y, l: -l * y, "rr", [(0.5, 3)]),
    "weibull_lcdf": (lambda y, a, s: mp.log(1 - mp.exp(-(y / s) ** a)), "rrr", [(0.5, 3, 2), (1e-6, 1.5, 2)]),
    "weibull_lccdf": (lambda y, a, s: -(y / s) ** a, "rrr", [(0.5, 3, 2)]),
    "frechet_lcdf": (lambda y, a, s: -(y / s) ** -a, "rrr", [(0.5, 3, 2)]),
    "frechet_lccdf": (lambda y, a, s: mp.log(1 - mp.exp(-(y / s) ** -a)), "rrr", [(0.5, 3, 2), (1e6, 1.5, 2)]),
    "rayleigh_lcdf": (lambda y, s: mp.log(1 - mp.exp(-(y / s) ** 2 / 2)), "rr", [(0.5, 2), (1e-9, 2)]),
    "rayleigh_lccdf": (lambda y, s: -(y / s) ** 2 / 2, "rr", [(0.5, 2)]),
    "loglogistic_lcdf": (lambda y, a, b: mp.log(1 / (1 + (y / a) ** -b)), "rrr", [(0.5, 2, 3), (1e-9, 2, 3)]),
    "loglogistic_lccdf": (lambda y, a, b: mp.log(1 / (1 + (y / a) ** b)), "rrr", [(0.5, 2, 3), (1e9, 2, 3)]),
    "pareto_lcdf": (lambda y, m, a: mp.log(1 - (m / y) ** a), "rrr", [(3, 2, 1.5)]),
    "pareto_lccdf": (lambda y, m, a: a * mp.log(m / y), "rrr", [(3, 2, 1.5)]),
    "uniform_lcdf": (lambda y, a, b: mp.log((y - a) / (b - a)), "rrr", [(0.5, -1, 3)]),
    "uniform_lccdf": (lambda y, a, b: mp.log((b - y) / (b - a)), "rrr", [(0.5, -1, 3)]),
    # activations
    "sigmoid": (logistic, "r", [(0,), (-30,), (40,), (-700,)]),
    "softplus": (softplus, "r", [(0,), (-40,), (30,), (1000,)]),
    "log_sigmoid": (lambda x: -softplus(-x), "r", [(0,), (-40,), (30,)]),
    "relu": (lambda x: max(x, mpf(0)), "r", [(2,), (-2,)]),
    "relu6": (lambda x: min(max(x, mpf(0)), mpf(6)), "r", [(2,), (-2,), (7,)]),
    "leaky_relu": (lambda x, s: x if x > 0 else s * x, "rr", [(2, 0.25), (-2, 0.25)]),
    "elu": (lambda x, a: x if x > 0 else a * mp.expm1(x), "rr", [(2, 0.5), (-2, 0.5), (-1e-9, 2)]),
    "celu": (lambda x, a: x if x > 0 else a * mp.expm1(x / a), "rr", [(2, 0.5), (-2, 0.5)]),
    "selu": (lambda x: mpf("1.0507009873554804934193349852946") * (x if x > 0 else mpf("1.6732632423543772848170429916717") * mp.expm1(x)),
             "r", [(2,), (-2,)]),
    "gelu": (lambda x: x * Phi(x), "r", [(0.5,), (-0.5,), (3,), (-8,)]),
    "gelu_tanh": (lambda x: x / 2 * (1 + mp.tanh(mp.sqrt(2 / mp.pi) * (x + mpf(0.044715) * x ** 3))), "r", [(0.5,), (-0.5,), (-4,)]),
    "silu": (lambda x: x * logistic(x), "r", [(0.5,), (-40,), (30,)]),
    "swish": (lambda x: x * logistic(x), "r", [(0.5,)]),
    "mish": (lambda x: x * mp.tanh(softplus(x)), "r", [(0.5,), (-30,), (3,), (25,)]),
    "softsign": (lambda x: x / (1 + abs(x)), "r", [(0.5,), (-3,)]),
    "hard_tanh": (lambda x: min(max(x, mpf(-1)), mpf(1)), "r", [(0.5,), (-3,), (3,)]),
    "hard_sigmoid": (lambda x: min(max(x / 6 + 0.5, mpf(0)), mpf(1)), "r", [(0.5,), (-4,), (4,)]),
    "hard_swish": (lambda x: x * min(max(x / 6 + 0.5, mpf(0)), mpf(1)), "r", [(0.5,), (-4,), (4,)]),
    "tanh_shrink": (lambda x: x - mp.tanh(x), "r", [(0.5,), (-4,)]),
    "soft_shrink": (lambda x, l: mp.sign(x) * max(abs(x) - l, mpf(0)), "rr", [(0.25, 0.5), (-4, 0.5), (4, 0.5)]),
    "hard_shrink": (lambda x, l: x if abs(x) > l else mpf(0), "rr", [(0.25, 0.5), (-4, 0.5)]),
    # losses
    "squared_error": (lambda p, y: (p - y) ** 2, "rr", [(0.5, 2)]),
    "absolute_error": (lambda p, y: abs(p - y), "rr", [(0.5, 2)]),
    "huber": (lambda r, d: r * r / 2 if abs(r) <= d else d * (abs(r) - d / 2), "rr", [(0.5, 1), (-3, 1), (3, 0.5)]),
    "smooth_l1": (lambda r, b: r * r / (2 * b) if abs(r) <= b else abs(r) - b / 2, "rr", [(0.5, 1), (-3, 1)]),
    "pseudo_huber": (lambda r, d: d * d * (mp.sqrt(1 + (r / d) ** 2) - 1), "rr", [(0.5, 1), (-3, 2), (1e-9, 1), (1e9, 1)]),
    "log_cosh": (lambda r: mp.log(mp.cosh(r)), "r", [(0.5,), (-3,), (800,)]),
    "cauchy_loss": (lambda r, c: c * c / 2 * mp.log(1 + (r / c) ** 2), "rr", [(0.5, 1), (1e-9, 2), (100, 2)]),
    "tukey_loss": (lambda r, c: c * c / 6 * (1 - (1 - (r / c) ** 2) ** 3) if abs(r) <= c else c * c / 6, "rr", [(0.5, 2), (3, 2), (1e-9, 2)]),
    "quantile_loss": (lambda r, t: max(t * r, (t - 1) * r), "rr", [(0.5, 0.25), (-0.5, 0.25)]),
    "epsilon_insensitive": (lambda r, e: max(mpf(0), abs(r) - e), "rr", [(0.5, 0.25), (-0.125, 0.25)]),
    "hinge": (lambda z, y: max(mpf(0), 1 - y * z), "rr", [(0.5, 1), (3, 1), (0.5, -1)]),
    "squared_hinge": (lambda z, y: max(mpf(0), 1 - y * z) ** 2, "rr", [(0.5, 1), (3, 1), (0.5, -1)]),
    "exponential_loss": (lambda z, y: mp.exp(-y * z), "rr", [(0.5, 1), (3, -1)]),
    "log_loss": (lambda p, y: -(y * mp.log(p) + (1 - y) * mp.log(1 - p)), "rr", [(0.25, 0.5), (1e-9, 0.75)]),
    "logit_loss": (lambda z, y: softplus(z) - y * z, "rr", [(0.25, 1), (-30, 0), (800, 0.5)]),
    "focal_loss": (lambda z, y, g: (logistic(-z) if y else logistic(z)) ** g * softplus(-z if y else z), "rwr",
                   [(0.25, 1, 2), (-3, 0, 1.5), (30, 1, 2)]),
    "cross_entropy": (lambda *x: lse(x[:3]) - x[int(x[3])], "3w", [(0.25, 1, -2, 1), (1000, 0, -1000, 2)]),
    "smoothed_cross_entropy": (lambda *x: lse(x[:3]) - (1 - x[4]) * x[int(x[3])] - x[4] * mp.fsum(x[:3]) / 3, "3wr",
                               [(0.25, 1, -2, 1, 0.125)]),
    "kl_divergence": (lambda *x: mp.fsum(p * mp.log(p / q) for p, q in zip(x[:3], x[3:])), "33", [(0.25, 0.5, 0.25, 0.5, 0.125, 0.375)]),
    "poisson_loss": (lambda p, y: p - y * mp.log(p), "rr", [(0.5, 3)]),
    "gaussian_loss": (lambda m, v, y: (mp.log(v) + (y - m) ** 2 / v) / 2, "rrr", [(0.5, 2, 3)]),
    # vectors, statistics
    "norm": (lambda *x: mp.sqrt(mp.fsum(a * a for a in x)), "3", [(1, -2, 3)]),
    "norm1": (lambda *x: mp.fsum(abs(a) for a in x), "3", [(1, -2, 3)]),
    "norm_inf": (lambda *x: max(abs(a) for a in x), "3", [(1, -2, 3)]),
    "distance": (lambda *x: mp.sqrt(mp.fsum((a - b) ** 2 for a, b in zip(x[:3], x[3:]))), "33", [(1, -2, 3, 4, 0.5, 2)]),
    "squared_distance": (lambda *x: mp.fsum((a - b) ** 2 for a, b in zip(x[:3], x[3:])), "33", [(1, -2, 3, 4, 0.5, 2)]),
    "cosine_similarity": (lambda *x: mp.fsum(a * b for a, b in zip(x[:3], x[3:]))
                          / mp.sqrt(mp.fsum(a * a for a in x[:3]) * mp.fsum(a * a for a in x[3:])), "33", [(1, -2, 3, 4, 0.5, 2)]),
    "variance": (lambda *x: mp.fsum((a - mp.fsum(x) / 3) ** 2 for a in x) / 3, "3", [(1, -2, 3)]),
    "sd": (lambda *x: mp.sqrt(mp.fsum((a - mp.fsum(x) / 3) ** 2 for a in x) / 3), "3", [(1, -2, 3)]),
    "entropy": (lambda *p: -mp.fsum(a * mp.log(a) for a in p), "3", [(0.25, 0.5, 0.25)]),
    "polynomial": (lambda *x: x[1] + x[2] * x[0] + x[3] * x[0] ** 2, "r3", [(0.5, 1, -2, 3), (-2, 1, 2, 4)]),
    "square": (lambda x: x * x, "r", [(-3,)]),
    "inv_sqrt": (lambda x: 1 / mp.sqrt(x), "r", [(3,)]),
    "inv_square": (lambda x: 1 / x ** 2, "r", [(-3,)]),
    "fdim": (lambda a, b: max(a - b, mpf(0)), "rr", [(3, 1), (1, 3)]),
    "radians": (lambda x: x * mp.pi / 180, "r", [(90,)]),
    "degrees": (lambda x: x * 180 / mp.pi, "r", [(3,)]),
    "sinc": (lambda x: mp.sin(mp.pi * x) / (mp.pi * x), "r", [(0.3,), (1e-5,), (-2.25,)]),
    "inv_logit": (logistic, "r", [(3,)]),
    "log_inv_logit": (lambda x: -softplus(-x), "r", [(3,)]),
    "log1m_inv_logit": (lambda x: -softplus(x), "r", [(3,)]),
    "logit": (lambda p: mp.log(p / (1 - p)), "r", [(0.25,), (1e-300,), (1 - 2.0 ** -40,)]),
    "inv_cloglog": (lambda x: 1 - mp.exp(-mp.exp(x)), "r", [(0.5,), (-40,), (3,)]),
    "cloglog": (lambda p: mp.log(-mp.log(1 - p)), "r", [(0.25,), (1e-12,), (0.999,)]),
    "log1m": (lambda a: mp.log(1 - a), "r", [(0.25,), (1e-12,)]),
    "log_add_exp": (lambda a, b: mp.log(mp.exp(a) + mp.exp(b)), "rr", [(0.5, 0.25), (1000, 999), (3, 3)]),
    "log_diff_exp": (lambda a, b: mp.log(mp.exp(a) - mp.exp(b)), "rr", [(0.5, 0.25), (1000, 999)]),
    "log_sum_exp": (lambda *z: lse(z), "3", [(1, 2, 3), (1000, 2, 999)]),
    "log_mix": (lambda t, a, b: mp.log(t * mp.exp(a) + (1 - t) * mp.exp(b)), "rrr", [(0.25, 1, 2), (0.5, -1000, -1001)]),
    # gamma functions
    "lgamma_difference": (lambda a, b: mp.loggamma(a + b) - mp.loggamma(a), "rr", [(2.5, 3), (1e8, 2.5), (40, -3), (1e15, 1)]),
    "log_beta": (lbeta, "rr", [(2, 3.5), (1e8, 2.5), (1e6, 2e6)]),
    "lbeta": (lbeta, "rr", [(0.01, 30)]),
    "log_choose": (choose, "rr", [(10, 3), (1e9, 3), (1e9, 999999998.0), (40, 20.5)]),
    "lchoose": (choose, "rr", [(10, 3)]),
    "log_rising_factorial": (lambda a, n: mp.loggamma(a + n) - mp.loggamma(a), "rr", [(2.5, 3)]),
    "log_falling_factorial": (lambda a, n: mp.loggamma(a + 1) - mp.loggamma(a - n + 1), "rr", [(7.5, 3)]),
    "log_bessel_i0": (lambda x: mp.log(mp.besseli(0, x)), "r", [(0.5,), (24,), (26,), (-3,), (1e4,)]),
    "log_bessel_i0_scaled": (lambda x: mp.log(mp.besseli(0, x)) - abs(x), "r", [(0.5,), (24,), (26,), (1e4,)]),
}


def split(signature):
    """(kind, count) of each argument."""
    return [("w", 1) if s == "w" else ("u", 3) if s == "u" else ("r", 1) if s == "r" else ("r", int(s)) for s in signature]


def number(x):
    return repr(float(mp.re(x)))


def slope(f, x, k):
    h = abs(x[k]) * mpf(10) ** -20 or mpf(10) ** -30

    def at(step):
        return f(*(x[:k] + [x[k] + step * h] + x[k + 1:]))
    # sixth order
    return (45 * (at(1) - at(-1)) - 9 * (at(2) - at(-2)) + (at(3) - at(-3))) / (60 * h)


def condition(f, x, value, moving):
    """Σ |x_k ∂f/∂x_k| / |f|: what rounding of the arguments does to the value."""
    if value == 0:
        return 1.0
    return float(mp.re(mp.fsum(abs(x[k] * slope(f, x, k)) for k in moving) / abs(value)))


def main():
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(["function", "arguments", "value", "gradient", "conditions"])
    for name, (f, signature, points) in T.items():
        for point in points:
            x = [mpf(float(a)) for a in point]
            arguments, moving, at = [], [], 0
            for kind, count in split(signature):
                shown = x[at:at + count]
                arguments.append(" ".join(str(int(a)) for a in shown) if kind in "wu" else " ".join(map(number, shown)))
                moving += range(at, at + count) if kind == "r" else []
                at += count
            largest[0] = mpf(0)
            value = f(*x)
            size = max(largest[0], abs(value))
            gradient = [slope(f, x, k) for k in moving]
            conditions = [max(condition(f, x, value, moving), size / abs(value) if value else 1)]
            for j, k in enumerate(moving):
                if abs(gradient[j]) <= size / (abs(x[k]) or mpf(10) ** -20) / mpf(10) ** 50:
                    conditions.append(size / (abs(x[k]) or 1) if gradient[j] else 0)
                    gradient[j] = mpf(0)
                    continue
                own = condition(lambda *y, k=k: slope(f, list(y), k), x, gradient[j], moving)
                conditions.append(max(own, size / abs(x[k] * gradient[j]) if x[k] else 0))
            out.writerow([name, ";".join(arguments), number(value), " ".join(map(number, gradient)),
                          " ".join(f"{min(float(c), 1e300):.3g}" for c in conditions)])


main()
