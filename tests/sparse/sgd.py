#!/usr/bin/python3
"""sgd.py MODEL DATA.csv START.json END.json RATE EPOCHS: a step for each row, in the order of the file, as NumPy makes it:
the gradient of one row, by hand, at the parameters before the step."""
import csv, json, sys
import numpy as np

model, data, start, end, rate, epochs = sys.argv[1:]
rate, epochs = float(rate), int(epochs)
params = {k: np.array(v, float) for k, v in json.load(open(start))["params"].items()}
expected = {k: np.array(v, float) for k, v in json.load(open(end))["params"].items()}
rows = [[float(x) for x in row] for row in list(csv.reader(open(data)))[1:]]

def sigmoid(z):
    return 1 / (1 + np.exp(-z))

def factorisation(p, g, row):
    u, i, r, lam = int(row[0]), int(row[1]), row[2], 0.02
    e = 2 * (p["mu"] + p["bu"][u] + p["bi"][i] + p["U"][u] @ p["V"][i] - r)
    g["mu"] += e
    g["bu"][u] += e + 2 * lam * p["bu"][u]
    g["bi"][i] += e + 2 * lam * p["bi"][i]
    g["U"][u] += e * p["V"][i] + 2 * lam * p["U"][u]
    g["V"][i] += e * p["U"][u] + 2 * lam * p["V"][i]

def skipgram(p, g, row):
    word, context, *neg = map(int, row)
    for c, sign in [(context, -1)] + [(n, 1) for n in neg]:
        s = sign * sigmoid(sign * (p["U"][word] @ p["C"][c]))
        g["U"][word] += s * p["C"][c]
        g["C"][c] += s * p["U"][word]

def pairs(p, g, row):
    a, b, r = int(row[0]), int(row[1]), row[2]
    e = 2 * (p["U"][a] @ p["U"][b] - r)
    g["U"][a] += e * p["U"][b] + 0.2 * p["U"][a]
    g["U"][b] += e * p["U"][a] + 0.2 * p["U"][b]

for _ in range(epochs):
    for row in rows:
        grad = {k: np.zeros_like(v) for k, v in params.items()}
        {"factorisation": factorisation, "skipgram": skipgram, "pairs": pairs}[model](params, grad, row)
        for k in params:
            params[k] = params[k] - rate * grad[k]
for k in params:
    wrong = np.max(np.abs(params[k] - expected[k])) / max(1, np.max(np.abs(params[k])))
    if not wrong <= 1e-12:
        sys.exit("%s: %s is off by %g" % (model, k, wrong))
