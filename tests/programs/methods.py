"""Every method of the trainer's table reaches the optimum of linear regression, of logistic regression
and of Rosenbrock's function: methods.py GRADC, in a folder of its own."""
import json
import re
import subprocess
import sys

import numpy as np

GRADC = sys.argv[1]
MODELS = {
    "linear": "dim D\nparam b, w[D]\nloss(x[D], y) = (b + dot(w, x) - y)^2 / 2\n",
    "logistic": "dim D\nparam b, w[D]\nloss(x[D], y in 2) = log1pexp(if y == 1 then -(b + dot(w, x)) else b + dot(w, x))\n"
                "penalty = 0.01 * (b^2 + sum(w^2))\n",
    "rosenbrock": "param x[2] = [-1.2, 1]\nloss = 100 * (x[1] - x[0]^2)^2 + (1 - x[0])^2\n",
}
# methods of one rate for all steps need one that fits the problem; the others find theirs
RATES = {
    "bgd": (0.5, 1, 0.001), "sgd": (0.01, 0.002, 0.001), "asgd": (0.01, 0.01, 0.001), "svrg": (0.01, 0.01, 0.001), "minibatch": (0.1, 0.02, 0.001),
    "momentum": (0.02, 0.005, 0.001), "nesterov": (0.02, 0.005, 0.001), "adagrad": (0.5, 0.1, 0.5),
    "rmsprop": (0.001, 0.0005, 0.0005), "adam": (0.01, 0.001, 0.002), "adamw": (0.01, 0.001, 0.002),
}
EXTRA = {"adamw": ["--decay=0"]}
# how near the objective comes to the least one: steps along one row, or of a size that does not
# shrink, end in a ball around it
FULL_BATCH = ("auto", "bgd", "svrg", "backtracking", "bb", "cg", "lbfgs", "proximal", "lm", "newton")
# of sums of squares only
SQUARES = ("lm",)


def data():
    random = np.random.default_rng(5)
    x = random.normal(size=(200, 3))
    exact = 0.5 + x @ [1, -2, 0.7]
    label = (random.uniform(size=200) < 1 / (1 + np.exp(-exact))).astype(int)
    for name, y in (("linear", exact), ("logistic", label)):
        with open(name + ".csv", "w", encoding="ascii") as file:
            file.write("x0,x1,x2,y\n")
            for row, target in zip(x, y):
                file.write(",".join(repr(float(v)) for v in row) + f",{target}\n")
    design = np.column_stack([np.ones(200), x])
    theta = np.zeros(4)
    for _ in range(50):  # Newton
        p = 1 / (1 + np.exp(-design @ theta))
        gradient = design.T @ (p - label) / 200 + 0.02 * theta
        hessian = design.T * (p * (1 - p)) @ design / 200 + 0.02 * np.eye(4)
        theta -= np.linalg.solve(hessian, gradient)
    z = design @ theta
    least = np.mean(np.logaddexp(0, np.where(label == 1, -z, z))) + 0.01 * theta @ theta
    return {"linear": 0, "logistic": least, "rosenbrock": 0}


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def main():
    least = data()
    for name, text in MODELS.items():
        with open(name + ".model", "w", encoding="ascii") as file:
            file.write(text)
        run(GRADC, name + ".model", "-o", name)
    listed = run("./linear", "train", "--help").split("methods:")[1]
    methods = re.findall(r"^  (\w+) ", listed, re.M)
    assert len(methods) >= 13, methods
    for method in methods:
        for place, name in enumerate(MODELS):
            if method in SQUARES and name == "logistic":
                continue
            rate = [f"--rate={RATES[method][place]}"] if method in RATES else []
            epochs = {"linear": 500, "logistic": 500, "rosenbrock": 40000}[name]
            file = [] if name == "rosenbrock" else [name + ".csv"]
            found = json.loads(run(f"./{name}", "train", *file, f"--method={method}", f"--epochs={epochs}", "-q",
                                   "-o", "-", "--format=json", *rate, *EXTRA.get(method, [])))
            distance = found["objective"] - least[name]
            near = 1e-8 if method in FULL_BATCH else 2e-3
            assert -1e-12 <= distance < near, (method, name, distance)
        print("ok", method)
    no_hessian()


def no_hessian():
    """Where a penalty has no second derivative there is no step, and no minimum either."""
    with open("root.model", "w", encoding="ascii") as file:
        file.write("param b, a\nloss(x, y) = (b + a * x - y)^2\npenalty = abs(a)^1.5\n")
    with open("root.csv", "w", encoding="ascii") as file:
        file.write("x,y\n1,2\n2,3\n3,5\n")
    run(GRADC, "root.model", "-o", "root")
    for method in ("lm", "newton"):
        done = subprocess.run(["./root", "train", "root.csv", "--method=" + method], capture_output=True, text=True, check=False)
        assert done.returncode == 1 and "not finite" in done.stderr and "converged" not in done.stdout, done


main()
