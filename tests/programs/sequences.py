"""sequences.py FOLDER DATA: the trainers lotka_volterra, hmm, crf and lstm in FOLDER reach what SciPy and
enumeration say, written here apart from gradc."""
import itertools
import json
import os
import subprocess
import sys

import numpy as np
from scipy.optimize import minimize
from scipy.special import softmax

import newton

FOLDER, DATA = (os.path.abspath(p) for p in sys.argv[1:3])
failures = []


def expect(condition, what):
    if not condition:
        failures.append(f"{sys._getframe(1).f_code.co_name}: {what}")


def run(name, *words):
    done = subprocess.run([f"{FOLDER}/{name}", *words], capture_output=True, text=True, timeout=120, check=False)
    expect(done.returncode == 0, f"{words}: {done.stderr}")
    return done.stdout


def trained(name, *words):
    found = json.loads(run(name, "train", *words, "-q", "-o", "-"))
    return {k: np.array(v) for k, v in found["params"].items()}, found["objective"]


def logsumexp(values, axis=None):
    """Of complex numbers too."""
    values = np.asarray(values)
    top = values.real.max()
    return top + np.log(np.exp(values - top).sum(axis=axis))


def table(name, columns, delimiter=","):
    return np.genfromtxt(f"{DATA}/{name}", delimiter=delimiter, skip_header=1, usecols=columns)


# ---- Lotka-Volterra

def test_lotka_volterra():
    y = table("hare_lynx.csv", (1, 2))

    def move(z, alpha, beta, gamma, delta):
        return np.array([(alpha - beta * z[1]) * z[0], (delta * z[0] - gamma) * z[1]])

    def normal(v, m, s):
        return -0.5 * ((v - m) / s) ** 2 - np.log(s) - 0.5 * np.log(2 * np.pi)

    def objective(u):
        p = np.exp(u)
        rates, z, sigma = p[:4], p[4:6], p[6:8]
        value = 0
        for t, row in enumerate(y):
            for _ in range(20 if t else 0):
                a = move(z, *rates)
                b = move(z + a / 40, *rates)
                c = move(z + b / 40, *rates)
                d = move(z + c / 20, *rates)
                z = z + (a + 2 * b + 2 * c + d) / 120
            value -= (normal(np.log(row), np.log(z), sigma) - np.log(row)).sum()
        prior = normal(rates[[0, 2]], 1, 0.5).sum() + normal(rates[[1, 3]], 0.05, 0.05).sum()
        prior += (normal(u[4:6], np.log(10), 1) - u[4:6]).sum() + (normal(u[6:8], -1, 1) - u[6:8]).sum()
        return value - prior

    words = (f"{DATA}/hare_lynx.csv", "--columns", "y=hare,lynx", "--method=lbfgs")
    found, value = trained("lotka_volterra", *words)
    at = np.log(np.concatenate([np.ravel(found[k]) for k in ("alpha", "beta", "gamma", "delta", "z0", "sigma")]))
    expect(abs(objective(at) - value) < 1e-10 * value, f"{objective(at)} {value}")
    expect(np.abs(newton.step(objective, at)).max() < 1e-8, f"{newton.step(objective, at)}")
    start = np.log([0.5, 0.03, 0.8, 0.02, 10, 10, 1, 1])
    best = minimize(objective, start, method="BFGS", options={"gtol": 1e-4})
    expect(abs(best.fun - value) < 1e-6 and np.abs(best.x - at).max() < 1e-3, f"{best.x} {at}")
    # the mode that was published for Stan's model is near
    expect(np.abs(np.exp(at[:4]) / [0.55, 0.028, 0.80, 0.024] - 1).max() < 0.05, f"{np.exp(at)}")


# ---- hidden Markov model

def hmm_loss(y, pi, a, mu, sigma):
    emit = -0.5 * ((y[:, None] - mu) / sigma) ** 2 - np.log(sigma) - 0.5 * np.log(2 * np.pi)
    state = np.log(pi) + emit[0]
    for row in emit[1:]:
        state = logsumexp(state[:, None] + np.log(a), axis=0) + row
    return -logsumexp(state)


def hmm_paths(y, pi, a, mu, sigma):
    """The same, by all 2^T paths."""
    paths = []
    for path in itertools.product(range(2), repeat=len(y)):
        p = np.log(pi[path[0]]) + sum(np.log(a[i, j]) for i, j in zip(path, path[1:]))
        paths.append(p + sum(-0.5 * ((v - mu[k]) / sigma[k]) ** 2 - np.log(sigma[k]) - 0.5 * np.log(2 * np.pi)
                             for v, k in zip(y, path)))
    return -logsumexp(paths)


def test_hmm():
    data = table("series.csv", (0, 1))
    series = [data[data[:, 0] == k, 1] for k in range(int(data[-1, 0]) + 1)]
    found, value = trained("hmm", f"{DATA}/series.csv", "--sample=series", "--method=lbfgs")
    args = [found[k] for k in ("pi", "A", "mu", "sigma")]
    expect(abs(np.mean([hmm_loss(s, *args) for s in series]) - value) < 1e-11 * value, value)

    def objective(u):
        a = np.array([[1 / (1 + np.exp(-v)), 1 / (1 + np.exp(v))] for v in u[1:3]])
        pi = np.array([1 / (1 + np.exp(-u[0])), 1 / (1 + np.exp(u[0]))])
        return np.mean([hmm_loss(s, pi, a, u[3:5], np.exp(u[5:7])) for s in series])

    def free(simplex):
        return np.log(simplex[..., 0] / simplex[..., 1])

    at = np.concatenate([[free(args[0])], free(args[1]), args[2], np.log(args[3])])
    expect(np.abs(newton.step(objective, at)).max() < 1e-8, newton.step(objective, at))
    best = minimize(objective, [0, 0, 0, 3, 10, 0, 0], method="BFGS", options={"gtol": 1e-6})
    expect(abs(best.fun - value) < 1e-9, f"{best.fun} {value}")
    with open("short.csv", "w", encoding="utf-8") as file:
        file.write("y\n" + "".join(f"{float(v)!r}\n" for v in series[0][:8]))
    with open("hmm.json", "w", encoding="utf-8") as file:
        file.write(run("hmm", "train", f"{DATA}/series.csv", "--sample=series", "--method=lbfgs", "-q", "-o", "-")
                   .replace('"sample": "series",', ""))
    value = float(run("hmm", "eval", "-m", "hmm.json", "short.csv").split("objective = ")[1].split()[0])
    expect(abs(value - hmm_paths(series[0][:8], *args)) < 1e-11 * value, f"all paths: {value}")


# ---- conditional random field

def test_crf():
    x = table("tags.csv", range(2, 7))
    text = [line.split(",") for line in open(f"{DATA}/tags.csv", encoding="utf-8").read().splitlines()[1:]]
    names = sorted({row[-1] for row in text})
    y = np.array([names.index(row[-1]) for row in text])
    sentence = np.array([int(row[0]) for row in text])
    blocks = [np.flatnonzero(sentence == s) for s in range(sentence[-1] + 1)]
    shapes = [("W", (4, 5)), ("b", (4,)), ("A", (4, 4)), ("first", (4,)), ("last", (4,))]

    def unpack(p):
        parts = {}
        for name, shape in shapes:
            size = int(np.prod(shape))
            parts[name], p = p[:size].reshape(shape), p[size:]
        return parts

    def path_score(q, e, path):
        return (q["first"][path[0]] + q["last"][path[-1]] + sum(e[t, k] for t, k in enumerate(path))
                + sum(q["A"][i, j] for i, j in zip(path, path[1:])))

    def objective(p):
        q = unpack(p)
        total = 0
        for block in blocks:
            e = x[block] @ q["W"].T + q["b"]
            state = q["first"] + e[0]
            for row in e[1:]:
                state = logsumexp(state[:, None] + q["A"], axis=0) + row
            total += logsumexp(state + q["last"]) - path_score(q, e, y[block])
        return total / len(blocks) + 0.01 * (p ** 2).sum()

    words = (f"{DATA}/tags.csv", "--sample=sentence", "--columns", "x=length..vowel y=y", "--method=lbfgs")
    found, value = trained("crf", *words)
    p = np.concatenate([np.ravel(found[name]) for name, _ in shapes])
    expect(abs(objective(p) - value) < 1e-12 * value, f"{objective(p)} {value}")
    slope = newton.slope(objective, p)  # the curvature is at least 0.02, that of the penalty
    expect(np.linalg.norm(slope) < 0.02 * 1e-8, f"convex, and its slope is 0: {slope}")
    run("crf", "train", *words, "-q", "-o", "crf.safetensors")
    lines = run("crf", "predict", "-m", "crf.safetensors", f"{DATA}/tags.csv").splitlines()[1:]
    got = np.array([[float(v) for v in line.split(",")] for line in lines])
    q = unpack(p)
    for block in blocks[:5]:
        e = x[block] @ q["W"].T + q["b"]
        paths = list(itertools.product(range(4), repeat=len(block)))
        weight = softmax([path_score(q, e, path) for path in paths])
        marginals = np.zeros((len(block), 4))
        for path, w in zip(paths, weight):
            for t, k in enumerate(path):
                marginals[t, k] += w
        expect(np.abs(marginals - got[block]).max() < 1e-12, "the marginals of all paths")
    right = np.mean([np.mean(got[b].argmax(axis=1) == y[b]) for b in blocks])
    done = run("crf", "eval", "-m", "crf.safetensors", f"{DATA}/tags.csv")
    expect(f"accuracy = {right}"[:20] in done and right > 0.9, done)


# ---- LSTM

def test_lstm():
    x = table("text.csv", range(14))
    state = table("state.csv", range(14)).reshape(2, 2, 14)

    def objective(p):
        main, extra = p[:224].reshape(2, 8, 14), p[224:].reshape(3, 14)
        sigmoid = lambda v: 1 / (1 + np.exp(-v))
        h, c = list(state[:, 0]), list(state[:, 1])
        total = 0
        for t in range(len(x) - 1):
            z = x[t] * extra[0]
            for l in range(2):
                m = main[l]
                c[l] = c[l] * sigmoid(z * m[0] + m[4]) + sigmoid(h[l] * m[1] + m[5]) * np.tanh(h[l] * m[3] + m[7])
                h[l] = sigmoid(z * m[2] + m[6]) * np.tanh(c[l])
                z = h[l]
            out = z * extra[1] + extra[2]
            total += (x[t + 1] * (out - np.log(2 + np.exp(out).sum()))).sum()
        return -total / ((len(x) - 1) * 14)

    words = (f"{DATA}/text.csv", "--method=bgd", "--rate=1")
    start, value = trained("lstm", *words, "--epochs=0")
    after, _ = trained("lstm", *words, "--epochs=1")
    flat = [np.concatenate([np.ravel(p["main"]), np.ravel(p["extra"])]) for p in (start, after)]
    expect(abs(objective(flat[0]) - value) < 1e-13 * value, value)
    first = newton.slope(objective, flat[0])
    expect(np.abs(first - (flat[0] - flat[1])).max() < 1e-15, "the first step")


os.chdir(FOLDER)
for test_name, test in list(globals().items()):
    if test_name.startswith("test_"):
        test()
for failure in failures:
    print(failure)
sys.exit(bool(failures))
