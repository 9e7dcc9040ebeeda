#!/usr/bin/python3
"""inside.py LIBRARY: the functions of inside.model, compiled, have the values of their closed forms."""
import math, sys
from closed import check, failed, vector

x, a = 1.25, -0.75
v = [0.5, -1.5, 2.0]
check("inside_power", 3 * x * x, x)
check("inside_third", -math.cos(x), x)
check("inside_g", a * a + 20 * x * a, x, a)
check("inside_both", 21 * a * a, a)
# hessian of sum x^3 + x0 sum x: 6 diag(x), and 1 + 1 in the first row and column: 2 n
check("inside_curvature", 6 * sum(v) + 2 * len(v), 3, vector(v))
# d(x_i s)/dx_j = [i = j] s + x_i
s = sum(v)
check("inside_jacobians", sum(((i == j) * s + v[i]) ** 2 for i in range(3) for j in range(3)), 3, vector(v))
A = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.5]]
total = sum(map(sum, A))
check("inside_each", sum(2 * sum(r) * total + 6 * sum(e * e for e in r) for r in A), 2, 3, vector(A[0] + A[1]))
L = [[1.0, -1.0, 0.5], [2.0, 0.25, -3.0]]
check("inside_along", sum(3 * v[j] ** 2 * l[j] for l in L for j in range(3)) + sum(2 * v[j] * L[0][j] for j in range(3)),
      3, 2, vector(v), vector(L[0] + L[1]))
check("inside_stop", x, x)
check("inside_through", sum(2 * e * e for e in v), 3, vector(v))
check("inside_again", x ** 4, x)
check("inside_local", 2 * a * x + 2 * a + 2 * x, x, a)
check("inside_by_definition", sum(2 * 2 * j * v[j] for j in range(3)), vector(v))
t = math.tanh(x)
check("inside_far", -2 * t * (1 - t * t), x)
check("inside_far", 0.0, 800.0)
check("inside_zero", 0.0, x, a)
sys.exit(bool(failed))
