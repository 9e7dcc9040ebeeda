"""Training on sufficient statistics against training on the rows: agree.py GRADC, in a folder of its own.

Each quadratic model goes through every full-batch method both ways; what is told at the end is the sum over
the rows, and the iterates differ by rounding. Models that only look quadratic must not take this way."""
import json
import re
import subprocess
import sys

import numpy as np

GRADC = sys.argv[1]
QUADRATIC = {
    "linear": "dim D\nparam b, w[D]\nloss(x[D], y) = (b + dot(w, x) - y)^2 / 2\n",
    "ridge": "dim D\nparam b, w[D]\nloss(x[D], y) = (b + dot(w, x) - y)^2\npenalty = 0.1 * sum(w^2)\n",
    "lasso": "dim D\nparam b, w[D]\nloss(x[D], y) = (b + dot(w, x) - y)^2\npenalty = 0.01 * sum(log(cosh(w)))\n",
    "prior": "dim D\nparam b, w[D] ~ normal(0, 1)\nloss(x[D], y) = (b + dot(w, x) - y)^2 / 2\n",
    "polynomial": "dim D\nparam c[4]\nloss(x[D], y) = (sum(c[k] * x[0]^k for k in 4) - y)^2\n",
    "outputs": "dim D\nparam W[2, D], b[2]\nloss(x[D], y) = "
               "sum((sum(W[k, d] * x[d] for d in D) + b[k] - (k + 1) * y)^2 / (k + 1) for k in 2)\n",
    "factor": "dim D\nparam U[D, 2]\nloss(x[D], y) = "
              "sum((sum(U[d, r] * (if r == 0 then y else x[0]) for r in 2) - x[d])^2 for d in D)\n",
    "weights": "dim D\nparam b, w[D]\nloss(x[D], y) = "
               "(if y > 0 then exp(x[0]) else 1) * (b + dot(w, x) - y)^2 + 0.5 * b\n",
    "partial": "dim D\nparam b, w[D]\nloss(x[D], y) = "
               "(b + dot(w, x) - y)^2 + sum(if x[i] > 0 then (w[i] - 1)^2 else 0 for i in D)\n",
}
OTHERS = {
    "logistic": "dim D\nparam b, w[D]\nloss(x[D], y) = softplus(b + dot(w, x)) - y * (b + dot(w, x))\n",
    "absolute": "dim D\nparam b, w[D]\nloss(x[D], y) = abs(b + dot(w, x) - y)\n",
    "huber": "dim D\nparam b, w[D]\nr(x[D], y) = b + dot(w, x) - y\n"
             "loss(x[D], y) = if abs(r(x, y)) < 1 then r(x, y)^2 / 2 else abs(r(x, y)) - 0.5\n",
    "hinge": "dim D\nparam b, w[D]\nloss(x[D], y) = max(0, b + dot(w, x) - y)^2\n",
    "product": "dim D\nparam a, w[D]\nloss(x[D], y) = (a * dot(w, x) - y)^2\n",
    "quartic": "dim D\nparam b, w[D]\nloss(x[D], y) = (b + dot(w, x) - y)^4\n",
    "positive": "dim D\nparam b > 0, w[D]\nloss(x[D], y) = (b + dot(w, x) - y)^2\n",
    "quotient": "dim D\nparam b, w[D]\nloss(x[D], y) = (dot(w, x) - y)^2 / (1 + b^2)\n",
    "recurrence": "dim D\nparam b, w[D]\nloss(x[D], y) {\n    s = 0\n"
                  "    for i in D { s = s * b + w[i] * x[i] }\n    return (s - y)^2\n}\n",
    "line": "dim D\nparam w[D]\nloss(x[D], y) = y * dot(w, x)\npenalty = sum(w^2)\n",
}
METHODS = {
    "bgd": ["--rate=0.05"], "backtracking": [], "bb": [], "cg": [], "lbfgs": [],
    "momentum": ["--batch=100000", "--rate=0.02"], "nesterov": ["--batch=100000", "--rate=0.02"],
    "adam": ["--batch=100000", "--rate=0.05"], "minibatch": ["--batch=100000", "--rate=0.05"],
}


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def compiled(name, text):
    with open(name + ".model", "w", encoding="ascii") as file:
        file.write(text)
    status, _, errors = run(GRADC, name + ".model", "-o", name)
    assert status == 0, errors


def result(name, data, *options):
    status, out, printed = run("./" + name, "train", data, "-o", "-", "--format=json", *options)
    assert status == 0, printed
    return json.loads(out), printed, out


def flat(found):
    return np.concatenate([np.ravel(np.array(v, dtype=float)) for v in found["params"].values()])


def write(path, x, y):
    with open(path, "w", encoding="ascii") as file:
        file.write(",".join(f"x{k}" for k in range(x.shape[1])) + ",y\n")
        for row, target in zip(x, y):
            file.write(",".join(repr(float(v)) for v in (*row, target)) + "\n")


def saved(printed):
    found = re.search(r"^sufficient statistics: (\d+) passes over the data, (\d+) saved$", printed, re.M)
    return int(found[2]) if found else 0


def compare(name):
    for method, options in METHODS.items():
        common = [f"--method={method}", *options]
        direct, printed, _ = result(name, "rows.csv", "--epochs=40", "--statistics=no", *common)
        assert not saved(printed)
        fast, printed, text = result(name, "rows.csv", "--epochs=40", "--statistics=yes", *common)
        assert saved(printed) >= 8, (name, method, printed)
        # line searches may decide otherwise where values differ by rounding: then the optimum tells
        searches = method in ("backtracking", "bb", "cg", "lbfgs")
        tolerance = 1e-4 if searches else 1e-9
        assert np.allclose(flat(direct), flat(fast), rtol=tolerance, atol=tolerance), (name, method, flat(direct), flat(fast))
        assert abs(direct["objective"] - fast["objective"]) <= (1e-8 if searches else 1e-11) * abs(direct["objective"]), \
            (name, method, direct["objective"], fast["objective"])
        for threads in (2, 3):
            again = result(name, "rows.csv", "--epochs=40", "--statistics=yes", f"--threads={threads}", *common)[2]
            assert again == text, (name, method, threads)
    # what is told is the sum over the rows: a run of no epochs from there gives the same number
    run("./" + name, "train", "rows.csv", "--epochs=40", "--statistics=yes", "-q", "-o", "end.json")
    told = json.load(open("end.json", encoding="ascii"))
    again, _, _ = result(name, "rows.csv", "--epochs=0", "--statistics=no", "-m", "end.json")
    assert told["objective"] == again["objective"], (name, told["objective"], again["objective"])


def main():
    random = np.random.default_rng(11)
    x = random.normal(size=(3000, 3))
    y = 0.5 + x @ [1, -2, 0.7] + 0.1 * random.normal(size=3000)
    write("rows.csv", x, y)
    for name, text in QUADRATIC.items():
        compiled(name, text)
        status, _, errors = run(GRADC, "--check", name + ".model")
        assert status == 0, errors
        compare(name)
        print("ok", name)
    for name, text in OTHERS.items():
        compiled(name, text)
        _, printed, _ = result(name, "rows.csv", "--epochs=3", "--rate=1e-3", "--statistics=yes")
        assert not saved(printed), (name, printed)
        print("without:", name)
    # a run that diverges does so as on the rows
    ends = [run("./linear", "train", "rows.csv", "--method=bgd", "--rate=9", "--epochs=2000", f"--statistics={use}")
            for use in ("yes", "no")]
    assert ends[0][0] == ends[1][0] == 1, ends
    where = [re.search(r"epoch (\d+)", end[2])[1] for end in ends]
    assert abs(int(where[0]) - int(where[1])) <= 1, where
    # by itself: where it pays only
    many = random.normal(size=(40000, 3))
    write("many.csv", many, many @ [1, -2, 0.7] + 0.1 * random.normal(size=40000))
    assert saved(result("linear", "many.csv", "--epochs=100", "--rate=0.1")[1]) > 90
    assert not saved(result("linear", "many.csv", "--epochs=3", "--rate=0.1")[1])
    assert not saved(result("linear", "rows.csv", "--epochs=10", "--rate=0.1")[1])
    print("ok alone")


main()
