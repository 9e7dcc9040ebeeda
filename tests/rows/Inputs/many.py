"""many.py GRADC [PART]: losses of every kind over blocks of rows: over a batch of samples of differing length the C
functions are the sums of those of each sample; gradc --check compares the rest."""
import ctypes
import os
import subprocess
import sys
import tempfile

import numpy as np

GRADC = sys.argv[1]
HEAD = "dim T = rows, D = 2, K = 3\n"
# name: declarations and loss; the columns are x[T, D], w[T] in K, v
MODELS = {
    "moments": """param a = 0.5
        centre(x[n]) = x - mean(x)
        loss { u = centre(x[:, 0]); s = sqrt(mean(u^2) + 1); return sum((u / s - a * x[:, 1])^2) / T + a^2 }""",
    "attention": """param Q[D, D] = normal(0, 1), M[D, D] = normal(0, 1), u[D] = 0.3
        loss {
            s[i in T, j in T] = tanh(dot(Q @ x[i], M @ x[j]))
            p = softmax(s)
            o[i in T, d in D] = sum(p[i, j] * x[j, d] for j)
            return (sum(o @ u) - v)^2 / T
        }""",
    "largest": """param a[D] = 0.7, b = 0.1
        loss = (max(dot(a, x[t]) for t) - v)^2 + min(b * x[t, 0] + x[t, 1] for t) * b""",
    "which": """param a[D] = 0.7
        loss { k = argmax(x[:, 0]); return (dot(a, x[k]) - v)^2 }""",
    "filter": """param k[2] = [0.4, -0.3]
        loss = sum((sum(k[u] * x[t + u, 0] for u) - x[t, 1])^2 for t in T - 1) + k[0]^2 / T""",
    "backwards": """param a = 0.8, b = 0.2
        loss {
            s = v
            for t in T { s = tanh(a * s + b * x[T - 1 - t, 0]) + x[T - 1, 1] }
            return s^2
        }""",
    "table": """param U[K, D] = normal(0, 1), a = 0.1
        loss = sum(dot(U[w[t]], x[t]) for t)^2 / T + sum(a * U[w[t], 0] * U[w[t - 1], 1] for t in 1..T)""",
    "pairs": """param a = 0.3, l = 1
        loss = sum(exp(-l * (x[i, 0] - x[j, 0])^2) * (x[i, 1] - a * x[j, 1])^2 for i in T, j in 0..i) + a^2""",
    "process": """param l = 0.3, s = 1
        loss {
            c[i in T, j in T] = exp(-l^2 * (x[i, 0] - x[j, 0])^2) + (if i == j then s^2 + 0.1 else 0)
            u = cholesky(c)
            z = solve(c, x[:, 1])
            return dot(x[:, 1], z) / 2 + sum(log(u[i, i]) for i)
        }""",
    "twice": """param a = 0.4, b = 0.5
        loss {
            p = zeros(T)
            q = zeros(T)
            for t in 1..T { p[t] = a * p[t - 1] + x[t, 0] }
            for t in 1..T { q[t] = b * q[t - 1] + p[T - 1 - t] * x[t, 1] }
            return sum(q * p) + (p[T - 1] - v)^2 / T
        }""",
    "triangle": """param a = 0.4
        loss {
            s = 1
            for t in T { for u in 0..t { s = s + a * x[t, 0] * x[u, 1] / T } }
            return log(1 + s^2)
        }""",
    "early": """param a = 0.4
        loss {
            s = v
            for i in 20 while abs(s) > 0.01 { s = a * s - x[0, 0] * s / (2 + x[0, 0]^2) }
            return (s - sum(x[:, 1]) * a)^2
        }""",
    "none": """param a = 0.4
        loss = (v - a * T)^2 + a""",
    "alone": """param a = 0.4
        loss = sum(a * t^2 for t in T) + a^2""",
    "nested": """param a = 0.6, b[D] = 0.3
        loss {
            h = zeros(D)
            total = 0
            for t in T {
                for i in 3 { h[d] = tanh(a * h[d] + b[d] * x[t, d]) }
                total += sum(h^2) * x[t, 0]
            }
            return total / T + log(1 + sum(h)^2)
        }""",
    "constrained": """param p[K] simplex, s > 0 ~ gamma(2, 2), m ~ normal(0, 1)
        loss = sum(-log(p[w[t]]) - normal_lpdf(x[t, 0], m, s) for t)""",
}
LENGTHS = [3, 1, 5, 2, 4, 1]
COLUMNS = "(x[T, D], w[T] in K, v)"


def pointer(array):
    return array.ctypes.data_as(ctypes.c_void_p)


def work(library, name, *sizes):
    function = getattr(library, f"{name}_work", None)
    if function is None:
        return []
    function.restype = ctypes.c_size_t
    return [np.full(function(*sizes) + 1, np.nan)]


def check_model(name, lengths, library, declaration):
    random = np.random.default_rng(len(name))
    starts = np.concatenate([[0], np.cumsum(lengths)])
    x = random.normal(size=(starts[-1], 2))
    w = random.integers(0, 3, starts[-1])
    v = random.normal(size=len(lengths))
    count = getattr(library, f"{name}_param_count")
    count.restype = ctypes.c_size_t
    p = random.normal(size=count()) * 0.5
    m = ctypes.c_size_t(len(lengths))
    array = np.array(lengths, dtype=np.uint64)
    one = getattr(library, f"{name}_loss_grad")
    one.restype = ctypes.c_double
    total, sum_grad = 0.0, np.zeros(len(p))
    for s, length in enumerate(lengths):
        g = np.empty(len(p))
        rows = slice(starts[s], starts[s + 1])
        args = [ctypes.c_size_t(length)] if "size_t T" in declaration else []
        xs, ws = np.ascontiguousarray(x[rows]), np.ascontiguousarray(w[rows])
        extra = work(library, f"{name}_loss_grad", *args)
        total += one(*args, pointer(p), pointer(xs), pointer(ws), ctypes.c_double(v[s]), pointer(g),
                     *(pointer(e) for e in extra))
        sum_grad += g
    g = np.empty(len(p))
    batch = getattr(library, f"{name}_loss_batch_grad")
    batch.restype = ctypes.c_double
    extra = work(library, f"{name}_loss_batch_grad", m, pointer(array))
    value = batch(pointer(p), m, pointer(array), pointer(x), pointer(w), pointer(v), pointer(g),
                  *(pointer(e) for e in extra))
    return value, g, total / len(lengths), sum_grad / len(lengths)


def by_numbers(gradient, p, direction):
    """The Hessian along a direction, of the Richardson extrapolation of central differences."""
    h = 1e-3
    steps = [(gradient(p + s * direction) - gradient(p - s * direction)) / (2 * s) for s in (h, 2 * h, 4 * h)]
    first = [(4 * steps[0] - steps[1]) / 3, (4 * steps[1] - steps[2]) / 3]
    return (16 * first[0] - first[1]) / 15


def check_others(name, lengths, library):
    """jvp, hvp and hessian of a batch, by its gradient; the number of mistakes."""
    random = np.random.default_rng(len(name) + 1)
    count = getattr(library, f"{name}_param_count")
    count.restype = ctypes.c_size_t
    n = count()
    x = random.normal(size=(sum(lengths), 2))
    w = random.integers(0, 3, sum(lengths))
    v = random.normal(size=len(lengths))
    p = random.normal(size=n) * 0.5
    direction = random.normal(size=n)
    m, array = ctypes.c_size_t(len(lengths)), np.array(lengths, dtype=np.uint64)

    def call(kind, at, *outputs):
        function = getattr(library, f"{name}_loss_batch_{kind}")
        function.restype = ctypes.c_double
        extra = work(library, f"{name}_loss_batch_{kind}", m, pointer(array))
        at = np.ascontiguousarray(at)
        function(pointer(at), m, pointer(array), pointer(x), pointer(w), pointer(v),
                 *(pointer(o) for o in outputs), *(pointer(e) for e in extra))
        return outputs[-1]

    def gradient(at):
        return call("grad", at, np.full(n, np.nan))

    g = gradient(p)
    jvp = call("jvp", p, direction, np.full(1, np.nan))
    hvp = call("hvp", p, direction, np.full(n, np.nan))
    hessian = call("hessian", p, np.full(n, np.nan), np.full((n, n), np.nan))
    scale = 1 + np.abs(hessian).max()
    bad = 0
    for what, found, wanted, tolerance in (("jvp", jvp, g @ direction, 1e-12), ("hessian", hessian @ direction, hvp, 1e-12),
                                           ("hvp", hvp, by_numbers(gradient, p, direction), 1e-7),
                                           ("symmetry", hessian, hessian.T, 1e-13)):
        if not np.abs(found - wanted).max() <= tolerance * scale * n:
            print(f"{name} {lengths} {what}: {found} {wanted}")
            bad += 1
    return bad


def run(*words):
    done = subprocess.run(words, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode != 0:
        print(f"{words}: {done.stderr}")
    return done.returncode == 0


bad = 0
with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    for name, text in MODELS.items():
        if len(sys.argv) > 2 and name not in sys.argv[2:]:
            continue
        with open(f"{name}.model", "w", encoding="utf-8") as file:
            file.write(HEAD + "\n".join(line.strip() for line in text.replace("loss", f"loss{COLUMNS}", 1).splitlines()))
        good = run(GRADC, "--check", f"{name}.model")
        good = run(GRADC, "--emit=shared", "--derivatives=grad,jvp,hvp,hessian", f"{name}.model", "-o", f"{name}.so") and good
        good = run(GRADC, f"{name}.model", "-o", f"{name}.exe") and good
        good = good and run(GRADC, "--emit=header", f"{name}.model", "-o", f"{name}.h")
        if not good:
            bad += 1
            continue
        header = open(f"{name}.h", encoding="utf-8").read()
        declaration = header.split(f"double {name}_loss_grad(")[1].split(")")[0]
        library = ctypes.CDLL(os.path.abspath(f"{name}.so"))
        for lengths in (LENGTHS, [1], [7, 2]):
            bad += check_others(name, lengths, library)
            value, g, wanted, gradient = check_model(name, lengths, library, declaration)
            if "constrained" in name:  # the prior: the rest is the same at any number of samples
                continue
            scale = 1 + np.abs(gradient).max()
            if abs(value - wanted) > 1e-12 * (1 + abs(wanted)) or np.abs(g - gradient).max() > 1e-12 * scale:
                print(f"{name} {lengths}: {value} {wanted}\n{g}\n{gradient}")
                bad += 1
sys.exit(bad > 0)
