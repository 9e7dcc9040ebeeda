#!/usr/bin/python3
"""formals.py LIBRARY: the functions of formals.model, compiled, have the values of their closed forms."""
import ctypes, math, sys
from closed import check, failed, vector

x, c = 0.75, -1.25
check("formals_named", 2 * (2 * x), x)
check("formals_built_in", math.sin(x) + 5.0, x)
check("formals_local", c * (c * x ** 2) ** 2 + c * 4, x, c)
check("formals_hidden", x + 1, x)
check("formals_derivative", 3 * x ** 2, x)
z, h = [0.5, -1.5], 0.125
check("formals_euler_step", z[0] + h * z[1] + 10 * (z[1] - h * z[0]), vector(z), h)

def slope(z):
    return [z[1], -z[0]]

def step(f, z, h):
    at = lambda k, s: [a + s * b for a, b in zip(z, k)]
    k1 = f(z)
    k2 = f(at(k1, h / 2))
    k3 = f(at(k2, h / 2))
    k4 = f(at(k3, h))
    return [a + h / 6 * (p + 2 * q + 2 * r + s) for a, p, q, r, s in zip(z, k1, k2, k3, k4)]

v = step(slope, z, h)
check("formals_rk4_step", v[0] + 10 * v[1], vector(z), h)
v = step(lambda w: step(slope, w, 0.5), z, h)
check("formals_nested", v[0] + 10 * v[1], vector(z), h)
y = [0.5, -1.5, 2.0]
check("formals_mapped", 3 * sum(y) ** 2, len(y), vector(y))
check("formals_outside", len(y) * sum(y), len(y), vector(y), ctypes.c_int64(0))
check("formals_outside", math.nan, len(y), vector(y), ctypes.c_int64(1))
sys.exit(bool(failed))
