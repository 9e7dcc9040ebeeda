"""optima.py GRADC EXAMPLES: trained examples are at the minima of objectives that are written here apart from gradc:
Newton's method moves no param by more than 1e-8 of the largest of its kind."""
import json
import os
import subprocess
import sys

import numpy as np
from scipy.special import loggamma

import newton

GRADC, EXAMPLES = sys.argv[1], os.path.abspath(sys.argv[2])
failed = False


def table(name):
    return np.genfromtxt(f"{EXAMPLES}/data/{name}", delimiter=",", skip_header=1)


def check(model, data, objective, free=(), tolerance=1e-8, words=()):
    """objective(data, the params, flat); those named in `free` are the exponentials of what is learned."""
    global failed
    done = subprocess.run([GRADC, "--run", f"{EXAMPLES}/{model}.model", "--", "train", f"{EXAMPLES}/data/{data}",
                           "--method=lbfgs", "--epochs=20000", "-q", "--format=json", "-o", "-", *words],
                          capture_output=True, text=True, timeout=300, check=False)
    if done.returncode != 0:
        print(model, done.stderr)
        failed = True
        return
    found = json.loads(done.stdout)
    params = found["params"]
    flat = np.concatenate([np.log(np.ravel(v)) if name in free else np.ravel(v) for name, v in params.items()])
    rows = table(data)
    value = objective(rows, flat)
    step = newton.step(lambda x: objective(rows, x), flat)
    at = 0
    error = abs(value - found["objective"]) / abs(value) * 1e5  # the value to 1e-13
    for name, v in params.items():
        size = np.size(v)
        scale = max(1.0, np.abs(flat[at:at + size]).max())
        error = max(error, np.abs(step[at:at + size]).max() / scale)
        at += size
    if "--table" in sys.argv:
        print(f"{model:20} {error:.1e}")
    if not error <= tolerance:
        print(f"{model}: Newton's step is {step} from {flat}; the objective is {value} and {found['objective']}")
        failed = True


def linear(loss, penalty=lambda w: 0):
    return lambda rows, p: loss(p[0] + rows[:, :-1] @ p[1:rows.shape[1]], rows[:, -1], *p[rows.shape[1]:]).mean() + penalty(p[1:])


def square(f, y):
    return (f - y) ** 2 / 2


def huber(f, y):
    r = f - y
    size = np.where(r.real < 0, -r, r)
    return np.where(size.real <= 1.345, r ** 2 / 2, 1.345 * (size - 1.345 / 2))


def poisson(f, y):
    return np.exp(f) - y * f + loggamma(y + 1)


def negative_binomial(f, y, u):
    mu, phi = np.exp(f), np.exp(u)
    return loggamma(phi + 0j) + loggamma(y + 1) - loggamma(y + phi + 0j) + phi * np.log(1 + mu / phi) + y * np.log(1 + phi / mu)


def size(w):
    return (np.where(w.real < 0, -w, w)).sum()


def process(rows, p):
    x, y = rows[:, 0], rows[:, 1]
    signal, length, noise = np.exp(p)
    K = signal ** 2 * np.exp(-((x[:, None] - x) / length) ** 2 / 2) + noise ** 2 * np.eye(len(x))
    sign, log_det = np.linalg.slogdet(K)
    return (y @ np.linalg.solve(K, y) + log_det + np.log(sign) + len(x) * np.log(2 * np.pi)) / 2


def curve(forward):
    return lambda rows, p: ((forward(p, rows[:, 1]) - rows[:, 0]) ** 2).mean()


def real(objective):
    """Real where the params are."""
    return lambda rows, p: objective(rows, p) if np.iscomplexobj(p) else float(np.real(objective(rows, p)))


check("linreg", "diabetes.csv", linear(square))
check("ridge", "diabetes.csv", linear(square, lambda w: 0.05 * (w ** 2).sum()))
check("elastic_net", "diabetes.csv", linear(square, lambda w: 0.05 * size(w) + 0.025 * (w ** 2).sum()))
check("huber", "diabetes.csv", linear(huber))
check("poisson", "counts.csv", linear(poisson))
check("negative_binomial", "negative_binomial.csv", real(linear(negative_binomial)), free=("phi",))
check("gp_fit", "gp.csv", real(process), free=("signal", "length", "noise"))
check("misra1a", "misra1a.csv", curve(lambda p, x: p[0] * (1 - np.exp(-p[1] * x))))
check("danwood", "danwood.csv", curve(lambda p, x: p[0] * x ** p[1]))
check("thurber", "thurber.csv", curve(lambda p, x: (p[0] + p[1] * x + p[2] * x ** 2 + p[3] * x ** 3) /
                                      (1 + p[4] * x + p[5] * x ** 2 + p[6] * x ** 3)))
sys.exit(failed)
