#!/usr/bin/python3
"""constraints.py LIBRARY SGD.json: the params of constraints.model are what NumPy makes of the free numbers; the way
back, the starts, the prior, the objective and its gradient are right. SGD.json is of two epochs of SGD over x = 1, -2, 0.5 at the rate 1e-4,
in the order of the file."""
import ctypes, json, sys
import numpy as np
from math import lgamma, log, pi

library = ctypes.CDLL(sys.argv[1])
failed = False
work = (ctypes.c_double * 100000)()  # for those that need it

def check(name, found, expected, tolerance=1e-13):
    global failed
    found, expected = np.ravel(found), np.ravel(expected)
    if found.shape != expected.shape or not np.all(abs(found - expected) <= tolerance * np.maximum(1, abs(expected))):
        print("%s is\n%s, expected\n%s" % (name, found, expected))
        failed = True

def pointer(array):
    return array.ctypes.data_as(ctypes.c_void_p)

SHAPES = [("sigma", ()), ("v", (3,)), ("m", ()), ("a", ()), ("b", ()), ("c", (2,)), ("p", (4,)), ("A", (2, 4)),
          ("t", (3,)), ("u", (2, 3)), ("L", (3, 3)), ("S", (3, 3)), ("R", (2, 3, 3)), ("free", (2,))]
FREE = [("sigma", ()), ("v", (3,)), ("m", ()), ("a", ()), ("b", ()), ("c", (2,)), ("p", (3,)), ("A", (2, 3)),
        ("t", (3,)), ("u", (2, 3)), ("L", (6,)), ("S", (6,)), ("R", (2, 3)), ("free", (2,))]

def split(flat, shapes):
    parts, at = {}, 0
    for name, shape in shapes:
        size = int(np.prod(shape, dtype=int))
        parts[name] = flat[at:at + size].reshape(shape)
        at += size
    assert at == len(flat)
    return parts

def softmax(u):
    z = np.append(u, 0)
    e = np.exp(z - z.max())
    return e / e.sum()

def increasing(u):
    return np.cumsum(np.append(u[:1], np.exp(u[1:])))

def triangle(u, diagonal=lambda x: x):
    out, at = np.zeros((3, 3), dtype=u.dtype), 0
    for i in range(3):
        for j in range(i + 1):
            out[i, j] = diagonal(u[at]) if i == j else u[at]
            at += 1
    return out

def correlation(u):
    """Partial correlations to a Cholesky factor, as in the literature: each row is a unit vector."""
    L, at = np.zeros((3, 3), dtype=u.dtype), 0
    for i in range(3):
        left = 1
        for j in range(i):
            z = np.tanh(u[at])
            at += 1
            L[i, j] = z * np.sqrt(left)
            left = left * (1 - z * z)
        L[i, i] = np.sqrt(left)
    return L @ L.T

def constrain(flat):
    f = split(flat, FREE)
    g = lambda x: 1 / (1 + np.exp(-x))
    q = {"sigma": np.exp(f["sigma"]), "v": -1 + np.exp(f["v"]), "m": 3 - np.exp(f["m"]), "a": g(f["a"])}
    q["b"] = (1 - q["a"]) * g(f["b"])
    low = np.array([0, 1])
    q["c"] = low + (2 + q["sigma"] - low) * g(f["c"])
    q["p"] = softmax(f["p"])
    q["A"] = np.array([softmax(row) for row in f["A"]])
    q["t"] = increasing(f["t"])
    q["u"] = np.array([increasing(row) for row in f["u"]])
    q["L"] = triangle(f["L"])
    factor = triangle(f["S"], np.exp)
    q["S"] = factor @ factor.T
    q["R"] = np.array([correlation(row) for row in f["R"]])
    q["free"] = f["free"]
    return q

def beta(x, a, b):
    return lgamma(a + b) - lgamma(a) - lgamma(b) + (a - 1) * np.log(x) + (b - 1) * np.log(1 - x)

def dirichlet(p, a):
    a = np.array(a)
    return lgamma(a.sum()) - sum(map(lgamma, a)) + ((a - 1) * np.log(p)).sum()

def log_prior(q):
    value = -np.log(pi * 5) - np.log(1 + (q["sigma"] / 5) ** 2) + beta(q["b"], 2, 3)
    value += dirichlet(q["p"], [2, 3, 1, 4]) + sum(dirichlet(row, [1, 2, 3, 4]) for row in q["A"])
    value += (-((q["free"] - q["a"]) / q["sigma"]) ** 2 / 2 - np.log(q["sigma"]) - log(2 * pi) / 2).sum()
    return value - q["t"].mean() ** 2

def objective(flat, x, samples=None):
    """samples: of the whole data set, by default those given"""
    q = constrain(flat)
    three = np.append(q["free"], q["sigma"])
    total = q["v"].sum() + q["m"] * (q["S"] * q["R"][0] * q["L"]).sum() + (q["A"] * q["p"]).sum() + q["u"].sum()
    total = total + q["c"].sum() - q["b"] + (q["R"][1] @ three).sum()
    return ((x - total) ** 2).mean() - log_prior(q) / (samples or len(x))

def gradient(flat, x, samples=None):
    return np.array([objective(flat + 1e-40j * e, x, samples).imag / 1e-40 for e in np.eye(len(flat))])

n, own = library.constraints_param_count(), library.constraints_constrained_count()
rng = np.random.default_rng(3)
for name in ("prior", "loss_batch", "loss_batch_grad"):
    getattr(library, "constraints_" + name).restype = ctypes.c_double
for scale in (0, 0.5, 2):
    free = scale * rng.standard_normal(n)
    params, back = np.zeros(own), np.zeros(n)
    library.constraints_constrain(pointer(free), pointer(params), work)
    q = constrain(free)
    for (name, _), found in zip(SHAPES, split(params, SHAPES).values()):
        check(name, found, q[name])
    check("prior", library.constraints_prior(pointer(free), work), log_prior(q), 1e-12)
    library.constraints_unconstrain(pointer(params), pointer(back), work)
    check("the way back", back, free, 1e-11)
    x, grad = np.array([1.0, -2.0, 0.5]), np.zeros(n)
    value = library.constraints_loss_batch_grad(pointer(free), ctypes.c_size_t(3), pointer(x), pointer(grad), work)
    check("objective", value, objective(free, x), 1e-12)
    check("gradient", grad, gradient(free, x), 1e-11)

# Far out, where entries are 0 in double precision, their logarithms are not infinite.
free = np.zeros(n)
parts = split(free, FREE)
parts["p"][:], parts["b"][...] = [-900, 3, -2000], -800
library.constraints_loss_batch_grad(pointer(free), ctypes.c_size_t(3), pointer(x), pointer(grad), work)
q = constrain(free * (abs(free) < 100))
top = log(1 + np.exp(3))
expected = (log_prior(q) - dirichlet(q["p"], [2, 3, 1, 4]) - beta(q["b"], 2, 3)
            + lgamma(10) - lgamma(2) - lgamma(3) - lgamma(1) - lgamma(4) + (-900 - top) + 2 * (3 - top) + 3 * (0 - top)
            + lgamma(5) - lgamma(2) - lgamma(3) + log(1 - q["a"]) - 800)
check("prior, far out", library.constraints_prior(pointer(free), work), expected, 1e-13)
check("gradient, far out", np.isfinite(grad), np.ones(n))

start, params = np.zeros(n), np.zeros(own)
library.constraints_init(pointer(start), ctypes.c_uint64(1), work)
library.constraints_constrain(pointer(start), pointer(params), work)
q = split(params, SHAPES)
for name, value in {"sigma": 2, "v": [0, 0, 0], "m": 1, "a": 0.25, "b": 0.375, "c": [2, 2.5],
                    "p": [0.1, 0.2, 0.3, 0.4], "A": np.full((2, 4), 0.25), "t": [-1, 0.5, 4],
                    "u": [[0, 1, 2]] * 2, "L": [[1, 0, 0], [2, -3, 0], [0, 5, 6]], 
                    "S": [[4, 1, -1], [1, 2, 0.5], [-1, 0.5, 3]],
                    "R": [[[1, 0.5, -0.25], [0.5, 1, 0.125], [-0.25, 0.125, 1]]] * 2, "free": [0.5, -0.5]}.items():
    check("the start of " + name, q[name], value)

for sample in [1.0, -2.0, 0.5] * 2:
    start = start - 1e-4 * gradient(start, np.array([sample]), 3)
result = json.load(open(sys.argv[2]))
for name, value in constrain(start).items():
    check("SGD's " + name, result["params"][name], value, 1e-12)
check("SGD's free_3", result["definitions"]["free_3"], np.append(result["params"]["free"], result["params"]["sigma"]))
sys.exit(failed)
