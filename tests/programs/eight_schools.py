#!/usr/bin/python3
"""eight_schools.py RESULT.json DATA.csv: the result is the mode, found by hand at tau = 0, and SciPy finds no better."""
import csv, json, math, sys
import numpy as np
from scipy.optimize import minimize

rows = list(csv.DictReader(open(sys.argv[2])))
y, sigma = (np.array([float(r[c]) for r in rows]) for c in ("y", "sigma"))
result = json.load(open(sys.argv[1]))

def objective(v):
    mu, tau, eta = v[0], v[1], v[2:]
    normal = lambda x, m, s: -((x - m) / s) ** 2 / 2 - np.log(s) - math.log(2 * math.pi) / 2
    prior = normal(mu, 0, 5) - math.log(5 * math.pi) - math.log(1 + (tau / 5) ** 2) + normal(eta, 0, 1).sum()
    return -(normal(y, mu + tau * eta, sigma).sum() + prior) / len(y)

mu = (y / sigma ** 2).sum() / ((1 / sigma ** 2).sum() + 1 / 25)
best = min(minimize(objective, np.append([0, tau], np.zeros(len(y)) + 0.1), method="L-BFGS-B",
                    bounds=[(None, None), (0, None)] + [(None, None)] * len(y)).fun for tau in (0.1, 1, 5, 20))
params, theta = result["params"], result["definitions"]["theta"]
good = (abs(params["mu"] - mu) < 1e-9 and params["tau"] < 1e-6 and max(map(abs, params["eta"])) < 1e-6
        and max(abs(t - mu) for t in theta) < 1e-9)
at_mode = objective(np.append([mu, 0], np.zeros(len(y))))
good &= abs(result["objective"] - at_mode) < 1e-12 and best > at_mode - 1e-9
if not good:
    print(result, mu, at_mode, best)
sys.exit(not good)
