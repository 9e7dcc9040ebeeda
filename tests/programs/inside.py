#!/usr/bin/python3
"""inside.py LIBRARY: the functions of inside.model, compiled, have the values of their closed forms."""
import ctypes, math, sys

library = ctypes.CDLL(sys.argv[1])
failed = False

work = (ctypes.c_double * 10000)()  # for those that need it; others do not look at it

def vector(values):
    return (ctypes.c_double * len(values))(*values)

def check(name, expected, *args):
    global failed
    function = getattr(library, "inside_" + name)
    function.restype = ctypes.c_double
    found = function(*[ctypes.c_size_t(a) if isinstance(a, int) else
                       ctypes.c_double(a) if isinstance(a, float) else a for a in args], work)
    if not abs(found - expected) <= 1e-13 * max(1, abs(expected)):
        print("%s is %.17g, expected %.17g" % (name, found, expected))
        failed = True

x, a = 1.25, -0.75
v = [0.5, -1.5, 2.0]
check("power", 3 * x * x, x)
check("third", -math.cos(x), x)
check("g", a * a + 20 * x * a, x, a)
check("both", 21 * a * a, a)
# hessian of sum x^3 + x0 sum x: 6 diag(x), and 1 + 1 in the first row and column: 2 n
check("curvature", 6 * sum(v) + 2 * len(v), 3, vector(v))
# d(x_i s)/dx_j = [i = j] s + x_i
s = sum(v)
check("jacobians", sum(((i == j) * s + v[i]) ** 2 for i in range(3) for j in range(3)), 3, vector(v))
A = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.5]]
total = sum(map(sum, A))
check("each", sum(2 * sum(r) * total + 6 * sum(e * e for e in r) for r in A), 2, 3, vector(A[0] + A[1]))
L = [[1.0, -1.0, 0.5], [2.0, 0.25, -3.0]]
check("along", sum(3 * v[j] ** 2 * l[j] for l in L for j in range(3)) + sum(2 * v[j] * L[0][j] for j in range(3)),
      3, 2, vector(v), vector(L[0] + L[1]))
check("stop", x, x)
check("through", sum(2 * e * e for e in v), 3, vector(v))
check("again", x ** 4, x)
check("local", 2 * a * x + 2 * a + 2 * x, x, a)
check("by_definition", sum(2 * 2 * j * v[j] for j in range(3)), vector(v))
t = math.tanh(x)
check("far", -2 * t * (1 - t * t), x)
check("far", 0.0, 800.0)
check("zero", 0.0, x, a)
sys.exit(failed)
