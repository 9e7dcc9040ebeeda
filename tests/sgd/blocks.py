"""SGD several samples at a time against SGD sample by sample: blocks.py GRADC, in a folder of its own.

A model compiled with --strict makes each step before the next sum; the blocks must come to the same params up
to rounding, for numbers of samples that are no multiple of a block, in the order of the file and shuffled.
The steps of linear regression are made by NumPy, too."""
import json
import subprocess
import sys

import numpy as np

GRADC = sys.argv[1]
BLOCKS = {
    "linear": "dim D\nparam b, w[D]\nloss(x[D], y) = (b + dot(w, x) - y)^2 / 2\n",
    "logistic": "dim D\nparam w[D]\nloss(x[D], y) = softplus(dot(w, x)) - y * dot(w, x)\n",
    "poisson": "dim D\nparam b, w[D]\nloss(x[D], y) = exp(b + 0.1 * dot(w, x)) - y * (b + 0.1 * dot(w, x))\n",
    "huber": "dim D\nparam b, w[D]\nr(x[D], y) = b + dot(w, x) - y\n"
             "loss(x[D], y) = if abs(r(x, y)) < 1 then r(x, y)^2 / 2 else abs(r(x, y)) - 0.5\n",
    "two": "dim D\nparam v[D], w[D]\nloss(x[D], y) = (tanh(dot(v, x)) + dot(w, x) - y)^2\n",
    "product": "dim D\nparam v[D], w[D], a = 1\nloss(x[D], y) = (a * dot(v, x) * (1 + dot(w, x)) - y)^2 + (a - 1)^2\n",
    "weighted": "dim D\nparam w[D]\nloss(x[D], y) = exp(-x[0]^2) * (dot(w, x) - y)^2\n",
    "twice": "dim D\nparam w[D]\nloss(x[D], y) = (dot(w, x) - y)^2 + sin(sum(w[i] * x[i]^2 for i in D))\n",
}
# these read or move params in other ways: they must stay right, in whatever way they go
OTHERS = {
    "features": "dim D\nparam w[D]\nloss(x[D], y) = (sum(w[i] * sin(x[i]) / 2 for i in D) - y)^2\n",
    "bilinear": "dim D\nparam W[D, D]\nloss(x[D], y) = (sum(W[i, j] * x[i] * x[j] for i in D, j in D) - y)^2 / 2\n",
    "ridge": "dim D\nparam b, w[D]\nloss(x[D], y) = (b + dot(w, x) - y)^2 / 2\npenalty = 0.1 * sum(w^2)\n",
    "hinge": "dim D\nparam b, w[D]\nloss(x[D], y) = max(0, 1 - y * (b + dot(w, x)))\n",
    "quadratic": "dim D\nparam w[D]\nloss(x[D], y) = (sum((w[i] * x[i])^2 for i in D) - y)^2\n",
    "shifted": "dim D\nparam w[D]\nloss(x[D], y) = (sum(w[i] * x[(i + 1) % D] for i in D) + sum(w[i] for i in 1..D) - y)^2\n",
    "triangle": "dim D\nparam W[D, D]\nloss(x[D], y) = (sum(W[i, j] * x[i] * x[j] for i in D, j in 0..i) - y)^2 / 2\n",
    "outputs": "dim D\nparam W[2, D]\nloss(x[D], y) = sum((sum(W[k, d] * x[d] for d in D) - y)^2 for k in 2)\n",
    "hidden": "dim D\nparam V[3, D], u[3] = 1\nloss(x[D], y) = (sum(u[k] * tanh(sum(V[k, d] * x[d] for d in D)) for k in 3) - y)^2\n",
    "looked-up": "dim D\nparam w[D], u[4]\nloss(x[D], y) = (dot(w, x) + u[if y > 0 then 1 else 2] - y)^2\n",
    "rows": "dim D\nparam U[2, D] = 0.1\nloss(x[D], y) = (sum(U[if y > 0 then 1 else 0, d] * x[d] for d in D) - y)^2\n",
    "labels": "dim D\nparam U[2, D] = 0.1\nloss(x[D], y in 2) = (sum(U[y, d] * x[d] for d in D) - 1)^2\n",
    "pairs": "dim D\nparam w[D]\nloss(x[D], y) = (sum(w[d // 2] * x[d] for d in D) - y)^2\n",
    "pairs-step": "dim D\nparam w[D] = 0.1\nloss(x[D], y) = (sum(w[d // 2] * x[d] for d in D) - y)^2 / 2 + sum(w[d]^2 for d in D)\n",
    "wrapped": "dim D\nparam w[2]\nloss(x[D], y) = (sum(w[d % 2] * x[d] for d in D) - y)^2\n",
    "one": "dim D\nparam w[D]\nloss(x[D], y) = (sum(w[if y > 0 then d else 0] * x[d] for d in D) - y)^2\n",
}


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, (command, done.stderr)
    return done.stdout


def train(program, data, *options):
    text = run(program, "train", data, "--method=sgd", "-q", "-o", "-", "--format=json", *options)
    return np.concatenate([np.ravel(np.array(v, dtype=float)) for v in json.loads(text)["params"].values()])


def write(path, x, y):
    with open(path, "w", encoding="ascii") as file:
        file.write(",".join(f"x{k}" for k in range(x.shape[1])) + ",y\n")
        for row, target in zip(x, y):
            file.write(",".join(repr(float(v)) for v in row) + f",{int(target)}\n")


def main():
    random = np.random.default_rng(3)
    tables = []
    for rows, width in ((1, 3), (3, 2), (4, 1), (7, 5), (101, 9), (402, 20)):
        x = random.normal(size=(rows, width)) / np.sqrt(width)
        y = (random.uniform(size=rows) < 0.5).astype(float)
        name = f"{rows}.csv"
        write(name, x, y)
        tables.append((name, x, y))
    for name, text in {**BLOCKS, **OTHERS}.items():
        with open(name + ".model", "w", encoding="ascii") as file:
            file.write(text)
        run(GRADC, name + ".model", "-o", name)
        run(GRADC, "--strict", name + ".model", "-o", name + "-strict")
        loop = run(GRADC, "--dump=loop", "--emit=exe", name + ".model", "-o", "/dev/null")
        loop = loop[loop.index("_train_sgd("):]
        blocks = "for group in" in loop[:loop.index("\n}")]
        assert blocks or name in OTHERS, (name, loop)
        for table, x, y in tables:
            for order in ("file", "shuffle"):
                options = [f"--order={order}", "--epochs=3", "--rate=0.05", "--seed=4"]
                found = train("./" + name, table, *options)
                expected = train(f"./{name}-strict", table, *options)
                assert np.all(np.isfinite(found)) and np.allclose(found, expected, rtol=1e-11, atol=1e-12), \
                    (name, table, order, found, expected)
            if name == "linear":
                params = np.zeros(x.shape[1] + 1)
                for _ in range(3):
                    for row, target in zip(np.column_stack([np.ones(len(x)), x]), y):
                        params -= 0.05 * (row @ params - target) * row
                found = train("./linear", table, "--order=file", "--epochs=3", "--rate=0.05")
                assert np.allclose(found, params, rtol=1e-11, atol=1e-12), (table, found, params)
        print("ok", name, "in blocks" if blocks else "sample by sample")


main()
