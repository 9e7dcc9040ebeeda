"""make.py > builtins.csv: values, first and second derivatives of the built-in functions, from SymPy and mpmath.

Each built-in is written here by its definition; SymPy differentiates that, and mpmath evaluates it with up
to a thousand digits at 25 points or more, the borders of the domain, subnormal and huge numbers among them.
A row of the table is
    expression in a, b, c; arguments; value; gradient; Hessian, row by row;
    the condition of each of these numbers: how many times a relative error of the arguments grows.
A number that does not exist (at a pole, a kink) is a blank `-`: the conventions there are tests/edges.
"""
import csv
import math
import sys

import mpmath
import sympy as sp
from mpmath import mp, mpf

a, b, c = sp.symbols("a b c", real=True)
ROOT = sp.sqrt

TINY = [5e-324, 1e-310, 2.3e-308, 1e-300, 1e-154, 1e-20, 1e-8]
SMALL = [2.0 ** -10, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0, 1.25, 1.5, 2.0, 2.5, 3.0, 5.0, 7.5, 10.0, 18.0, 21.0, 40.0]
LARGE = [100.0, 345.5, 700.0, 1000.0, 1e5, 1e8, 1e16, 1e100, 1e154, 1e200, 1e300]


def both(points):
    return [0.0] + [s * x for x in points for s in (1, -1)]


REALS = both(TINY + SMALL + LARGE)
MODEST = both(TINY + SMALL + LARGE[:4])
POSITIVE = [0.0] + TINY + SMALL + LARGE
UNIT = both(TINY + [2.0 ** -10, 0.1, 0.25, 0.3, 0.5, 0.75, 0.9, 0.99, 1 - 2.0 ** -20, 1 - 2.0 ** -40, 1 - 2.0 ** -53, 1.0])
GAMMA = TINY + SMALL + [1.4616321449683622, 1 + 2.0 ** -30, 2 - 2.0 ** -30, 9.99, 12.0, 30.0] + LARGE[:7]
NEGATIVE_GAMMA = [-0.5, -1.5, -2.25, -7.3, -10.4, -100.75, -1e-8, -0.01]
LOG1P = [-1.0, -1 + 2.0 ** -53, -1 + 2.0 ** -20, -0.9, -0.5, -0.1] + both(TINY) + SMALL + LARGE

ONE = [  # expression, definition, points, digits
    ("abs(a)", sp.Abs(a), REALS, 50),
    ("exp(a)", sp.exp(a), MODEST + [709.782712893384, -745.0, -1e300], 50),
    ("exp2(a)", 2 ** a, MODEST, 50),
    ("expm1(a)", sp.exp(a) - 1, MODEST, 1000),
    ("log(a)", sp.log(a), POSITIVE, 50),
    ("log2(a)", sp.log(a) / sp.log(2), POSITIVE, 50),
    ("log10(a)", sp.log(a) / sp.log(10), POSITIVE, 50),
    ("log1p(a)", sp.log(1 + a), LOG1P, 1000),
    ("log1pexp(a)", sp.log(1 + sp.exp(a)), MODEST, 1000),
    ("log1mexp(a)", sp.log(1 - sp.exp(a)), [-x for x in TINY + SMALL + [0.6931471805599453, 36.5] + LARGE[:4]], 1000),
    ("logistic(a)", 1 / (1 + sp.exp(-a)), MODEST, 1000),
    ("sqrt(a)", ROOT(a), POSITIVE, 50),
    ("cbrt(a)", sp.sign(a) * sp.Abs(a) ** sp.Rational(1, 3), REALS, 50),
    ("sin(a)", sp.sin(a), REALS, 500),
    ("cos(a)", sp.cos(a), REALS, 500),
    ("tan(a)", sp.tan(a), REALS, 500),
    ("asin(a)", sp.asin(a), UNIT, 500),
    ("acos(a)", sp.acos(a), UNIT, 500),
    ("atan(a)", sp.atan(a), REALS, 1000),
    ("sinh(a)", sp.sinh(a), MODEST, 1000),
    ("cosh(a)", sp.cosh(a), MODEST, 1000),
    ("tanh(a)", sp.tanh(a), MODEST, 1000),
    ("asinh(a)", sp.asinh(a), REALS, 1000),
    ("acosh(a)", sp.acosh(a), [1.0, 1 + 2.0 ** -52, 1 + 2.0 ** -20] + SMALL[7:] + LARGE, 1000),
    ("atanh(a)", sp.atanh(a), UNIT, 1000),
    ("erf(a)", sp.erf(a), both(TINY + SMALL[:-2] + [26.0]), 1000),
    ("erfc(a)", sp.erfc(a), both(TINY + SMALL[:-2] + [26.0]), 1000),
    ("Phi(a)", sp.erfc(-a / ROOT(2)) / 2, both(TINY + SMALL[:-1] + [37.0]), 1000),
    ("log_Phi(a)", sp.log(sp.erfc(-a / ROOT(2)) / 2), both(TINY + SMALL) + [-2.75, -100.0, -1000.0, -1e5, -1e8], 400),
    ("inv_Phi(a)", ROOT(2) * sp.erfinv(2 * a - 1), TINY[3:] + [2.0 ** -10, 0.05, 0.075, 0.1, 0.2, 0.3, 0.4, 0.5 - 2.0 ** -30, 0.5,
                                                              0.501, 0.6, 0.7, 0.8, 0.9, 0.925, 0.95, 0.99, 1 - 2.0 ** -20, 1 - 2.0 ** -40,
                                                              1 - 2.0 ** -53], 650),
    ("tgamma(a)", sp.gamma(a), [1e-300] + SMALL + [100.0, 170.5] + NEGATIVE_GAMMA[:5] + [1e-8], 60),
    ("lgamma(a)", sp.loggamma(a), GAMMA + [-0.5, -2.25], 60),
    ("digamma(a)", sp.digamma(a), GAMMA + NEGATIVE_GAMMA, 60),
    ("trigamma(a)", sp.polygamma(1, a), GAMMA[4:] + NEGATIVE_GAMMA, 60),
    ("tetragamma(a)", sp.polygamma(2, a), GAMMA[5:] + NEGATIVE_GAMMA, 60),
    ("polygamma(3, a)", sp.polygamma(3, a), GAMMA[6:], 60),
    ("polygamma(6, a)", sp.polygamma(6, a), GAMMA[7:-2], 60),
    ("hurwitz_zeta(2.5, a)", sp.zeta(sp.Rational(5, 2), a), SMALL + [100.0, 1e3, 1e5], 60),
]
PAIRS = [(x, y) for x in (-3.0, -0.5, 1e-8, 0.25, 2.0) for y in (-2.0, -1e-5, 0.75, 1.0, 30.0)]
WILD = [(s * x, t * y) for x, y in ((1e-200, 1e-200), (1e200, 1e200), (1e-300, 3.0), (1e300, 5.0), (2.0, 1e300)) for s in (1, -1) for t in (1, -1)]
TWO = [
    ("a + b", a + b, PAIRS, 50),
    ("a - b", a - b, PAIRS, 50),
    ("a * b", a * b, PAIRS, 50),
    ("a / b", a / b, PAIRS + [(1e-300, 1e5), (1e300, 1e100), (5e-324, 1.0)], 50),
    ("a^b", a ** b, [(x, y) for x in (1e-300, 1e-8, 0.25, 1.0, 1.5, 20.0, 1e100) for y in (-2.5, -1.0, 0.0, 1e-8, 0.5, 1.0, 2.0, 2.75)], 1000),
    ("hypot(a, b)", ROOT(a ** 2 + b ** 2), PAIRS + WILD, 1500),
    ("atan2(a, b)", sp.atan(a / b), [(x, y) for x, y in PAIRS + WILD if y > 0 and y != 1e-200] + [(2.0, 3e-100)], 1500),
    ("xlogy(a, b)", a * sp.log(b), [(x, y) for x in (-2.0, 1e-300, 0.5, 3.0, 1e8) for y in (1e-300, 1e-8, 0.5, 1.0, 1.5, 1e100)], 60),
    ("xlog1py(a, b)", a * sp.log(1 + b), [(x, y) for x in (-2.0, 1e-300, 0.5, 3.0, 1e8) for y in (-0.99, -0.5, 1e-300, 1e-8, 1.5, 1e100)], 700),
]
THREE = [
    ("fma(a, b, c)", a * b + c, [(x, y, z) for x in (-2.0, 1e-8, 3.5) for y in (-1.5, 0.25, 7.0) for z in (-2.0, 0.5, 1e8)], 60),
]


def number(x):
    """As a double; None where there is none."""
    try:
        if isinstance(x, mpmath.mpc):
            if abs(x.imag) > abs(x.real) * mpf(10) ** -30:
                return None
            x = x.real
        if mpmath.isnan(x):
            return None
        return float(x)
    except (OverflowError, TypeError):
        return None


class Derivative:
    """An expression and the sum of |x df/dx| of its arguments."""

    def __init__(self, expression, names):
        self.f = sp.lambdify(names, expression, "mpmath")
        self.slopes = [sp.lambdify(names, clean(sp.diff(expression, x)), "mpmath") for x in names]

    def at(self, point):
        try:
            value = self.f(*point)
        except (ZeroDivisionError, ValueError, OverflowError, mpmath.libmp.NoConvergence):
            return "-", "1"
        found = number(value)
        if found is None or (math.isinf(found) and mpmath.isinf(value)):
            return "-", "1"
        condition = 1.0
        try:
            if value != 0:
                terms = [abs(x * mpmath.re(slope(*point)) / mpmath.re(value)) for x, slope in zip(point, self.slopes) if x != 0]
                condition = float(min(mpmath.fsum(terms), mpf(10) ** 300))
        except (ZeroDivisionError, ValueError, OverflowError, TypeError):
            condition = 1.0
        return repr(found), f"{condition:.3g}" if condition == condition else "1"


def clean(expression):
    """Real derivatives of |a| and sign(a): the kink at 0 is no point of this table."""
    return expression.replace(sp.DiracDelta, lambda *x: sp.Integer(0))


def rows(expression, definition, points, digits, names):
    mp.dps = digits
    first = [clean(sp.diff(definition, x)) for x in names]
    second = [clean(sp.diff(f, x)) for f in first for x in names]
    made = [Derivative(e, names) for e in [definition] + first + second]
    for point in points:
        at = [mpf(x) for x in point]
        if expression in ("abs(a)", "cbrt(a)") and at[0] == 0:
            continue
        cells = [d.at(at) for d in made]
        if cells[0][0] == "-":
            continue
        n = len(names)
        # a second derivative that overflows may do so by parts
        values = ["-" if k > n and v in ("inf", "-inf") else v for k, (v, _) in enumerate(cells)]
        yield [expression, " ".join(repr(float(x)) for x in point), values[0], " ".join(values[1:1 + n]),
               " ".join(values[1 + n:]), " ".join(k for _, k in cells)]


def main():
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(["expression", "arguments", "value", "gradient", "hessian", "conditions"])
    for expression, definition, points, digits in ONE:
        out.writerows(rows(expression, definition, [(x,) for x in dict.fromkeys(points)], digits, [a]))
    for table, names in ((TWO, [a, b]), (THREE, [a, b, c])):
        for expression, definition, points, digits in table:
            out.writerows(rows(expression, definition, list(dict.fromkeys(points)), digits, names))


main()
