"""values.py LIBRARY: the functions of recurrences.model, compiled, have the values that the same
programs have in Python, and the gradients that their complex steps have."""
import cmath
import ctypes
import itertools
import random
import sys

T, N, K, D, STEPS, CAP = 6, 3, 3, 2, 4, 60
library = ctypes.CDLL(sys.argv[1])
failed = False


def garch(y, mu, a0, a1, b1, s0):
    h, total = s0**2, 0
    for t in range(1, T):
        h = a0 + a1 * (y[t - 1] - mu) ** 2 + b1 * h
        total += cmath.log(h) + (y[t] - mu) ** 2 / h
    return total


def arma(y, mu, phi, theta, psi):
    err = [y[0] - mu - phi * mu]
    err.append(y[1] - mu - theta * err[0])
    for t in range(2, T):
        err.append(y[t] - (mu + phi * y[t - 1] + theta * err[t - 1] + psi * err[t - 2]))
    return sum(e**2 for e in err)


def slope(z, p):
    return [(p[0] - p[1] * z[1]) * z[0], (p[2] * z[0] - p[3]) * z[1]]


def axpy(z, h, k):
    return [a + h * b for a, b in zip(z, k)]


def lotka(z0, p, y):
    z, h = list(z0), 1 / STEPS
    total = sum((a - b) ** 2 for a, b in zip(z, y[0:2]))
    for t in range(1, T):
        for _ in range(STEPS):
            k1 = slope(z, p)
            k2 = slope(axpy(z, h / 2, k1), p)
            k3 = slope(axpy(z, h / 2, k2), p)
            k4 = slope(axpy(z, h, k3), p)
            z = [a + h / 6 * (b + 2 * c + 2 * d + e) for a, b, c, d, e in zip(z, k1, k2, k3, k4)]
        total += sum((a - b) ** 2 for a, b in zip(z, y[2 * t:2 * t + 2]))
    return total


def markov(p, a, mu, y):
    """By enumeration of all paths."""
    total = 0
    for path in itertools.product(range(K), repeat=T):
        score = p[path[0]]
        score += sum(a[i * K + j] for i, j in zip(path, path[1:]))
        total += cmath.exp(score - sum((y[t] - mu[k]) ** 2 for t, k in enumerate(path)))
    return cmath.log(total)


def times(a, b):
    return [[sum(a[i][k] * b[k][j] for k in range(D)) for j in range(D)] for i in range(D)]


def kalman(f, q, x0, y):
    rows = range(D)
    F = [f[D * i:D * i + D] for i in rows]
    Q = [q[D * i:D * i + D] for i in rows]
    m, P, total = list(x0), Q, 0
    for t in range(T):
        m = [sum(F[i][j] * m[j] for j in rows) for i in rows]
        P = times(times(F, P), [[F[j][i] for j in rows] for i in rows])
        P = [[P[i][j] + Q[i][j] for j in rows] for i in rows]
        trace = 1 + sum(P[i][i] for i in rows)
        G = [[P[i][j] / trace for j in rows] for i in rows]
        r = [y[D * t + i] - m[i] for i in rows]
        total += sum(e * e for e in r)
        m = [m[i] + sum(G[i][j] * r[j] for j in rows) for i in rows]
        GP = times(G, P)
        P = [[P[i][j] - GP[i][j] for j in rows] for i in rows]
    return total + sum(map(sum, P))


def root(a):
    return cmath.sqrt(a)


def fixed(a, b):
    """(1 - 0.2 A) x = b"""
    p, q, r, s = 1 - 0.2 * a[0], -0.2 * a[1], -0.2 * a[2], 1 - 0.2 * a[3]
    det = p * s - q * r
    return ((s * b[0] - q * b[1]) / det) ** 2 + ((p * b[1] - r * b[0]) / det) ** 2


def roots(x):
    return sum(cmath.sqrt(e) ** 3 for e in x)


def roots_of(x):
    return sum(map(cmath.sqrt, x))


def table(x, y):
    z = [[0] * (T + 1) for _ in range(N + 1)]
    for i in range(N):
        for j in range(T):
            z[i + 1][j + 1] = ((x[i] - y[j]) ** 2 + 0.5 * z[i][j + 1] + 0.3 * z[i + 1][j]
                               + 0.1 * z[i][j])
    return sum(e * e for r in z for e in r)


def row(x, y):
    z = [0] * T
    for i in range(N):
        left = 0
        for j in range(T):
            left = z[j] = (x[i] - y[j]) ** 2 + 0.5 * left + 0.3 * z[j]
    return sum(e * e for e in z)


def layers(x, w):
    h, total = [[0] * D for _ in range(N)], 0
    for t in range(T):
        z = x[D * t:D * t + D]
        for l in range(N):
            h[l] = z = [cmath.tanh(z[d] * w[D * l + d] + 0.5 * h[l][d]) for d in range(D)]
        total += sum(e * e for e in z)
    return total


def network(x, w, u, v):
    h = [0] * N
    for t in range(T):
        h = [cmath.tanh(sum(w[N * i + j] * h[j] for j in range(N))
                        + sum(u[D * i + d] * x[D * t + d] for d in range(D))) for i in range(N)]
    return sum(a * b for a, b in zip(v, h))


def product(x):
    made = 1
    for e in x:
        made *= e
    return made


def products(x):
    return sum(product([1 + e * (i + 1) for e in x]) for i in range(N))


def backwards(x):
    return sum(x[T - 1 - i] ** 2 * x[i] for i in range(T))


def added(x):
    z = [e**2 for e in x]
    for t in range(1, T):
        z[t] += 0.5 * z[t - 1]
    return sum(e**3 for e in z)


def places(a, b):
    for _ in range(T):
        a, b = b, cmath.sin(a) + b
    return a * b


def each(x, c):
    total = 0
    for i in range(N):
        s = 0
        for t in range(T):
            s = c[i] * s + x[T * i + t]
        total += s * s
    return total


# the name, the same in Python, the sizes in order, the numbers of entries of the arguments (0: a scalar)
FUNCTIONS = [
    ("garch", garch, [T], [T, 0, 0, 0, 0, 0]),
    ("arma", arma, [T], [T, 0, 0, 0, 0]),
    ("lotka", lotka, [T, STEPS], [2, 4, 2 * T]),
    ("markov", markov, [T, K], [K, K * K, K, T]),
    ("kalman", kalman, [T, D], [D * D, D * D, D, T * D]),
    ("root", root, [], [0]),
    ("fixed", fixed, [D, CAP], [D * D, D]),
    ("roots", roots, [N, CAP], [N]),
    ("roots_of", roots_of, [N], [N]),
    ("table", table, [T, N], [N, T]),
    ("row", row, [T, N], [N, T]),
    ("layers", layers, [T, N, D], [T * D, N * D]),
    ("network", network, [T, N, D], [T * D, N * N, N * D, N]),
    ("product", product, [T], [T]),
    ("products", products, [T, N], [T]),
    ("reversed", backwards, [T], [T]),
    ("added", added, [T], [T]),
    ("places", places, [T], [0, 0]),
    ("each", each, [T, N], [N * T, N]),
]


def in_c(value):
    if isinstance(value, list):
        return (ctypes.c_double * len(value))(*value)
    return ctypes.c_double(value)


def differ(found, expected):
    return not abs(found - expected) <= 1e-11 * max(1, abs(expected))


def stepped(function, arguments):
    """The gradient by complex steps."""
    made = []
    for k, value in enumerate(arguments):
        for e in range(len(value) if isinstance(value, list) else 1):
            moved = [list(a) if isinstance(a, list) else a for a in arguments]
            if isinstance(value, list):
                moved[k][e] += 1e-30j
            else:
                moved[k] += 1e-30j
            made.append(complex(function(*moved)).imag / 1e-30)
    return made


def check(name, function, sizes, shapes, arguments):
    global failed
    expected = complex(function(*arguments)).real
    gradient = stepped(function, arguments)
    work = (ctypes.c_double * 100000)(*[float("nan")] * 100000)
    found = (ctypes.c_double * (len(gradient) + 1))()
    dims = [ctypes.c_size_t(n) for n in sizes]
    values = [in_c(a) for a in arguments]
    plain = getattr(library, "recurrences_" + name)
    derived = getattr(library, "recurrences_" + name + "_grad")
    plain.restype = derived.restype = ctypes.c_double
    value = plain(*dims, *values, work)
    again = derived(*dims, *values, found, work)
    if differ(value, expected) or differ(again, expected):
        print("%s is %.17g and %.17g, expected %.17g" % (name, value, again, expected))
        failed = True
    for k, derivative in enumerate(gradient):
        if differ(found[k], derivative):
            print("derivative %d of %s is %.17g, expected %.17g" % (k, name, found[k], derivative))
            failed = True
            break


random.seed(1)
for name, function, sizes, shapes in FUNCTIONS:
    for turn in range(3):
        arguments = [[random.uniform(0.1, 1) for _ in range(n)] if n else random.uniform(0.1, 1)
                     for n in shapes]
        if name == "product" and turn > 0:
            for zero in range(turn):
                arguments[0][2 + zero] = 0.0
        check(name, function, sizes, shapes, arguments)
sys.exit(failed)
