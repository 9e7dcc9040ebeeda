"""Every stable rewrite, its value and its derivative at points where the form as written overflows,
loses its digits or has no derivative, against mpmath with 60 digits.

usage: extremes.py GRADC FOLDER
"""
import ctypes
import math
import os
import subprocess
import sys

import mpmath as mp

mp.mp.dps = 900  # the forms as written cancel up to 600 digits at these points

BIG = [-745.0, -40.0, -1.5, -1e-9, 0.0, 1e-9, 0.7, 40.0, 709.0, 800.0, 1e4]
TINY = [-0.5, -1e-3, -1e-9, -1e-16, -1e-200, 1e-200, 1e-16, 1e-9, 1e-3, 0.5, 0.9]
EDGE = [-1 + 1e-15, -0.999, -1e-12, 1e-12, 0.3, 0.999, 1 - 1e-15]

TAIL = [-1e3, -30.0, -5.0, -1.0, -1e-9, 1e-9, 0.3, 0.499, 0.501, 1.0, 5.0, 30.0, 1e4]

# Their derivatives cancel, in any form: those of the two terms add up.
VALUE_ALONE = {"log_less", "exp_less_exp"}
# The tail of a normal distribution has the condition number x^2.
TAILS = {"log_half", "log_half_rest", "log_gauss", "log_normal", "log_tail"}

# name, the body as the language writes it, the same for mpmath, points, the rewrite reported
ROWS = [
    ("softplus", "log(1 + exp(x))", lambda x: mp.log(1 + mp.exp(x)), BIG, "softplus(x)"),
    ("softplus_1p", "log1p(exp(x))", lambda x: mp.log(1 + mp.exp(x)), BIG, "softplus(x)"),
    ("log_sigmoid", "log(1 / (1 + exp(-x)))", lambda x: -mp.log(1 + mp.exp(-x)), BIG, "-softplus(-x)"),
    ("log_sigmoid_2", "log(sigmoid(x))", lambda x: -mp.log(1 + mp.exp(-x)), BIG, "-softplus(-x)"),
    ("log_other", "log(1 - sigmoid(x))", lambda x: -mp.log(1 + mp.exp(x)), BIG, "sigmoid(-x)"),
    ("sigmoid_a", "1 / (1 + exp(-x))", lambda x: 1 / (1 + mp.exp(-x)), BIG, "sigmoid(x)"),
    ("sigmoid_b", "exp(x) / (1 + exp(x))", lambda x: 1 / (1 + mp.exp(-x)), BIG, "sigmoid(x)"),
    ("sigmoid_c", "1 - 1 / (1 + exp(-x))", lambda x: 1 / (1 + mp.exp(x)), BIG, "sigmoid(-x)"),
    ("two_exps", "log(exp(x) + exp(3 * x - 1))", lambda x: mp.log(mp.exp(x) + mp.exp(3 * x - 1)), BIG,
     "sums of the logarithms of its factors"),
    ("log_exp", "log(exp(x))", lambda x: x, BIG, "x"),
    ("odds", "log(sigmoid(x)) - log(1 - sigmoid(x))", lambda x: x, BIG, "x"),
    ("total", "log(sum(exp(k * x) for k in 0..4))",
     lambda x: mp.log(sum(mp.exp(k * x) for k in range(4))), [-1.5, -1e-9, 0.0, 0.7, 40.0, 709.0, 800.0, 1e4],
     "logsumexp(x)"),
    ("share", "log(softmax([x, 2 * x, 1])[1])",
     lambda x: 2 * x - mp.log(mp.exp(x) + mp.exp(2 * x) + mp.e), [-1e4, -745.0, -40.0, -1.0, 0.7], None),
    ("soft", "exp(x) / sum(exp(k * x) for k in 0..4)",
     lambda x: mp.exp(x) / sum(mp.exp(k * x) for k in range(4)), [-40.0, -1.0, 0.0, 2.0, 300.0, 800.0],
     "softmax(x)"),
    ("ratio", "exp(x) / exp(2 * x)", lambda x: mp.exp(-x), [-700.0, -1.0, 0.0, 3.0, 700.0], "exp(x - y)"),
    ("exp_less", "exp(x) - 1", lambda x: mp.expm1(x), TINY, "expm1(x)"),
    ("less_exp", "1 - exp(x)", lambda x: -mp.expm1(x), TINY, "-expm1(x)"),
    ("log_less_exp", "log(1 - exp(-x))", lambda x: mp.log(-mp.expm1(-x)),
     [1e-200, 1e-9, 0.1, 0.7, 40.0, 700.0], "log1mexp(x)"),
    ("log_exp_less", "log(exp(x) - 1)", lambda x: mp.log(mp.expm1(x)),
     [1e-200, 1e-9, 0.1, 0.7, 40.0, 800.0], "x + log1mexp(-x)"),
    ("log_1p", "log(1 + x)", lambda x: mp.log(1 + x), TINY, "log1p(x)"),
    ("log_1m", "log(1 - x)", lambda x: mp.log(1 - x), TINY, "log1p(-x)"),
    ("log_1m_square", "log(1 - x^2)", lambda x: mp.log(1 - x * x), EDGE, "log1p(x) + log1p(-x)"),
    ("log_odds", "log(1 + x) - log(1 - x)", lambda x: mp.log(1 + x) - mp.log(1 - x), EDGE, "2 * atanh(x)"),
    ("cos_less", "1 - cos(x)", lambda x: 2 * mp.sin(x / 2) ** 2, TINY + [3.0, 100.0], "2 * sin(x / 2)^2"),
    ("cos_beside", "sin(x) * cos(x) * (1 - cos(x))", lambda x: 2 * mp.sin(x) * mp.cos(x) * mp.sin(x / 2) ** 2,
     TINY + [2.0, 3.0, 3.14], "2 * sin(x / 2)^2"),
    ("cosh_less", "cosh(x) - 1", lambda x: 2 * mp.sinh(x / 2) ** 2, TINY + [3.0, 30.0], "2 * sinh(x / 2)^2"),
    ("sin_rest", "1 - sin(x)^2", lambda x: mp.cos(x) ** 2, [0.1, 1.5, math.pi / 2], "cos(x)^2"),
    ("cos_rest", "1 - cos(x)^2", lambda x: mp.sin(x) ** 2, [1e-9, 0.1, 1.5, math.pi], "sin(x)^2"),
    ("tanh_rest", "1 - tanh(x)^2", lambda x: 1 / mp.cosh(x) ** 2, [-300.0, -20.0, 0.1, 15.0, 40.0, 350.0],
     "sech(x)^2"),
    ("tanh_exp", "(exp(x) - exp(-x)) / (exp(x) + exp(-x))", lambda x: mp.tanh(x),
     [-300.0, -2.0, -1e-12, 1e-12, 0.5, 15.0, 300.0], "tanh(x)"),
    ("sinh_exp", "(exp(x) - exp(-x)) / 2", lambda x: mp.sinh(x), [-5.0, 1e-300, 1e-9, 1.0, 700.0], "sinh(x)"),
    ("log_cosh", "log(cosh(x))", lambda x: mp.log(mp.cosh(x)),
     [-1e4, -800.0, -1.0, -1e-9, 1e-150, 1e-9, 0.5, 0.999, 1.001, 30.0, 800.0], "- log(2)"),
    ("erf_rest", "1 - erf(x)", lambda x: mp.erfc(x), [-3.0, 0.0, 1.0, 6.0, 20.0, 26.0], "erfc(x)"),
    ("erf_half", "0.5 * (1 + erf(x))", lambda x: mp.erfc(-x) / 2, [-26.0, -6.0, 0.0, 3.0], "erfc(-x)"),
    ("erfc_rest", "1 - erfc(x)", lambda x: mp.erf(x), [-2.0, 1e-200, 1e-9, 1.0], "erf(x)"),
    ("log_erfc", "log(erfc(x))", lambda x: mp.log(mp.erfc(x)), TAIL, "log_Phi(-sqrt(2) * x)"),
    ("log_erf_rest", "log(1 - erf(x))", lambda x: mp.log(mp.erfc(x)), TAIL, "log_Phi(-sqrt(2) * x)"),
    ("log_half", "log(erfc(x) / 2)", lambda x: mp.log(mp.erfc(x) / 2), TAIL, "log_Phi(-sqrt(2) * x)"),
    ("log_half_rest", "log(1 - 0.5 * erfc(x))", lambda x: mp.log(mp.erfc(-x) / 2), TAIL, "erfc(-x) / 2"),
    ("log_gauss", "log(0.5 * (1 + erf(x / sqrt(2))))", lambda x: mp.log(mp.erfc(-x / mp.sqrt(2)) / 2), TAIL,
     "log_Phi(-sqrt(2) * x)"),
    ("log_normal", "log(normal_cdf(x, 0, 1))", lambda x: mp.log(mp.erfc(-x / mp.sqrt(2)) / 2), TAIL, "log_Phi(x)"),
    ("log_tail", "log(1 - normal_cdf(x, 0, 1))", lambda x: mp.log(mp.erfc(x / mp.sqrt(2)) / 2), TAIL, "Phi(-x)"),
    ("log_less", "log(x + 9.313225746154785e-10) - log(x)", lambda x: mp.log(x + mp.mpf(2) ** -30) - mp.log(x),
     [2.0 ** -28, 0.5, 1.0, 3.0, 1000.5], "log1p((x - y) / y) where x is near y"),
    ("exp_less_exp", "exp(x + 9.313225746154785e-10) - exp(x)",
     lambda x: mp.exp(x + mp.mpf(2) ** -30) - mp.exp(x), [-700.5, 0.5, 1.0, 3.0, 700.5],
     "exp(y) * expm1(x - y) where x is near y"),
    ("root_square", "sqrt(x^2)", lambda x: abs(x), [-1e200, -2.0, 1e-200, 3.0, 1e200], "abs(x)"),
    ("norm_two", "sqrt(x^2 + (2 * x)^2)", lambda x: mp.sqrt(5) * abs(x), [-1e160, -1.0, 1e-180, 1e160],
     "hypot(x, y)"),
    ("circle", "sqrt(1 - x^2)", lambda x: mp.sqrt(1 - x * x), EDGE, "sqrt((1 - x) * (1 + x))"),
    ("entropy", "x * log(x)", lambda x: x * mp.log(x), [1e-300, 1e-9, 0.3, 1.7, 1e200], "xlogy(x, x)"),
    ("log_square", "log(x^2)", lambda x: mp.log(x * x), [-1e200, -0.5, 1e-250, 3.0, 1e250], "2 * log(abs(x))"),
    ("log_power", "log(abs(x)^7)", lambda x: 7 * mp.log(abs(x)), [-1e80, 1e-80, 0.3, 1e80], "n * log(x)"),
    ("log_prod", "log(prod(1 + exp(k * x) for k in 1..6))",
     lambda x: sum(mp.log(1 + mp.exp(k * x)) for k in range(1, 6)), BIG,
     "sums of the logarithms of its factors"),
]

# Where the form as written has no derivative, or none that is finite: the convention.
KINKS = [
    ("root_square", 0.0, 0.0, 0.0),
    ("norm_two", 0.0, 0.0, 0.0),
    ("entropy", 0.0, 0.0, -math.inf),
    ("softplus", math.inf, math.inf, 1.0),
    ("softplus", -math.inf, 0.0, 0.0),
    ("log_cosh", 0.0, 0.0, 0.0),
]


def close(got, want, x, power):
    """8 units in the last place, and what the rounding of an argument of the size of x is."""
    if mp.isinf(want) or abs(want) > 1.7976931348623157e308:
        return math.isinf(got) and (got > 0) == (want > 0)
    return abs(mp.mpf(got) - want) <= abs(want) * mp.mpf(2) ** -49 * max(1, abs(x) ** power) + mp.mpf("1e-310")


def build(gradc, folder):
    model = os.path.join(folder, "extremes.model")
    library = os.path.join(folder, "libextremes.so")
    with open(model, "w") as f:
        for row in ROWS:
            f.write(f"{row[0]}(x) = {row[1]}\n")
    done = subprocess.run([gradc, "-Wrewrite", "--emit=shared", model, "-o", library],
                          capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(done.stderr)
    return ctypes.CDLL(library), done.stderr


def main():
    library, told = build(sys.argv[1], sys.argv[2])
    wrong = 0
    functions = {}
    for line, (name, text, exact, points, rewrite) in enumerate(ROWS, 1):
        f = getattr(library, f"extremes_{name}_grad")
        f.restype = ctypes.c_double
        functions[name] = f
        if rewrite and not any(f":{line}:" in t and f"computed as `" in t and rewrite in t
                               for t in told.splitlines()):
            print(f"{name}: not told: {text} -> {rewrite}")
            wrong += 1
        for x in points:
            slope = ctypes.c_double()
            value = f(ctypes.c_double(x), ctypes.byref(slope))
            true_value = exact(mp.mpf(x))
            h = mp.mpf(10) ** -120 * max(abs(mp.mpf(x)), mp.mpf(10) ** -250)
            true_slope = (exact(mp.mpf(x) + h) - exact(mp.mpf(x) - h)) / (2 * h)
            for what, got, want in (("value", value, true_value), ("slope", slope.value, true_slope)):
                if what == "slope" and name in VALUE_ALONE:
                    continue
                if not close(got, want, x, 2 if name in TAILS else 0.5):
                    print(f"{name}: {what} of {text} at {x!r}: {got!r}, not {mp.nstr(want, 17)}")
                    wrong += 1
    for name, x, value, slope in KINKS:
        got = ctypes.c_double()
        at = functions[name](ctypes.c_double(x), ctypes.byref(got))
        if (at, got.value) != (value, slope):
            print(f"{name} at {x}: {at}, {got.value}, not {value}, {slope}")
            wrong += 1
    print(f"{len(ROWS)} rewrites, {wrong} wrong")
    sys.exit(wrong != 0)


main()
