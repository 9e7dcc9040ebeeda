"""carry.py CARRY WIDE: steps of SGD through recurrences, against the same by hand."""
import json
import subprocess
import sys

import numpy as np

CARRY, WIDE = sys.argv[1:3]
RANDOM = np.random.default_rng(3)


def states(a, y):
    s, d = 0.0, 0.0
    for v in y:
        s, d = a * s + v, s + a * d
    return s, d


def grown(b, n):
    p, d = [1.0], [0.0]
    for _ in range(1, n):
        p, d = p + [b * p[-1] + 1], d + [p[-1] + b * d[-1]]
    return np.array(p), np.array(d)


def run(*words):
    return subprocess.run(words, capture_output=True, check=True, text=True).stdout


def check(found, wanted):
    if abs(found - wanted) > 1e-14:
        sys.exit(f"{found} is not {wanted}")


series = [RANDOM.normal(size=n) for n in (3, 1, 5, 2)]
with open("carry.csv", "w", encoding="utf-8") as file:
    file.write("id,y\n" + "".join(f"{k},{float(v)!r}\n" for k, y in enumerate(series) for v in y))
words = ("--method=sgd", "--order=file", "--rate=0.02", "--epochs=3", "-q", "-o", "-")
a, b = 0.3, 0.2
for y in series * 3:
    s, d = states(a, y)
    p, e = grown(b, len(y))
    a -= 0.02 * 2 * (s - 1) * d
    b += 0.02 * 2 * ((y - p) * e).sum()
params = json.loads(run(CARRY, "train", "carry.csv", "--sample=id", *words))["params"]
check(params["a"], a)
check(params["b"], b)
run(CARRY, "train", "carry.csv", "--sample=id", "-q", "-o", "carry.json", "--epochs=0")
lines = [float(v) for v in run(CARRY, "predict", "-m", "carry.json", "carry.csv").split()[1:]]
for found, wanted in zip(lines, np.concatenate([grown(0.2, len(y))[0] for y in series]), strict=True):
    check(found, wanted)

rows = RANDOM.normal(size=(6, 5))
with open("wide.csv", "w", encoding="utf-8") as file:
    file.write("x0,x1,x2,x3,y\n" + "".join(",".join(repr(float(v)) for v in row) + "\n" for row in rows))
a = 0.3
for row in list(rows) * 3:
    s, d = states(a, row[:4])
    a -= 0.02 * 2 * (s - row[4]) * d
check(json.loads(run(WIDE, "train", "wide.csv", *words))["params"]["a"], a)
