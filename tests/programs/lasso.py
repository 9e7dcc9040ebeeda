"""The path of lasso and of elastic net against scikit-learn's: lasso.py GRADC EXAMPLES TABLE."""
import csv
import json
import subprocess
import sys

GRADC, EXAMPLES, TABLE = sys.argv[1:4]
DATA = f"{EXAMPLES}/data/diabetes.csv"


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def trained(program, *options):
    text = run(f"./{program}", "train", DATA, "--method=proximal", "-q", "-o", "-", *options)
    return json.loads(text)["params"]


def compare(program, row, *options):
    found = trained(program, f"--set=lambda={row['lambda']}", *options)
    numbers = [found["b"], *found["w"]]
    wanted = [float(v) for v in list(row.values())[2:]]
    for k, (a, b) in enumerate(zip(numbers, wanted)):
        assert abs(a - b) <= 1e-6 * max(1, abs(b)), (program, row["lambda"], k, a, b)
        assert (a == 0) == (b == 0), (program, row["lambda"], k, a, b)  # exact zeros, the same ones


FORMS = """const lambda = 0.3
param a, w[4]
loss(y) = (a - y)^2 / 2 + sum((w[i] - y)^2 / 2 for i in 4)
penalty = lambda * sum(abs(w[i]) * (i + 1) for i in 4) + abs(a) / 2 - (0 - abs(2 * a)) * 0.1
    + sum(if i > 1 then abs(w[i]) else 0 for i in 4) * 0.05
"""


def forms():
    """What is recognised as c |θ|: the minimum of (θ − 1)²/2 + c |θ| is at 1 − c, or 0."""
    with open("forms.model", "w", encoding="ascii") as file:
        file.write(FORMS)
    with open("one.csv", "w", encoding="ascii") as file:
        file.write("y\n1\n")
    run(GRADC, "forms.model", "-o", "forms")
    found = json.loads(run("./forms", "train", "one.csv", "--method=proximal", "-q", "-o", "-"))["params"]
    for value, wanted in zip([found["a"], *found["w"]], [0.3, 0.7, 0.4, 0.05, 0]):
        assert abs(value - wanted) < 1e-12 and (value == 0) == (wanted == 0), found


def stochastic():
    """Proximal steps of svrg reach the same coefficients and zeros; those of minibatch come near."""
    with open(TABLE, encoding="ascii") as file:
        row = next(r for r in csv.DictReader(file) if r["lambda"] == "20")
    wanted = [float(v) for v in list(row.values())[2:]]
    for method, rate, epochs, near in (("svrg", 0.005, 400, 1e-6), ("minibatch", 0.001, 1000, 1),
                                       ("sgd", 0.0001, 300, 1)):
        text = run("./lasso", "train", DATA, f"--method={method}", f"--rate={rate}", f"--epochs={epochs}", "-q", "-o",
                   "-", "--proximal", "--set=lambda=20")
        found = json.loads(text)["params"]
        numbers = [found["b"], *found["w"]]
        assert all(abs(a - b) <= near * max(1, abs(b)) for a, b in zip(numbers, wanted)), (method, numbers, wanted)
        assert sum(v == 0 for v in numbers) >= (1 if method == "sgd" else 5), (method, numbers)
    for words, message in ((["linreg", "--method=sgd"], "the penalty of model `linreg` has no terms c*abs(param)"),
                           (["lasso", "--method=adam"], "it is for methods sgd, minibatch and svrg, not `adam`")):
        run(GRADC, f"{EXAMPLES}/{words[0]}.model", "-o", words[0])
        done = subprocess.run([f"./{words[0]}", "train", DATA, "--proximal", *words[1:]], capture_output=True,
                              text=True, check=False)
        assert done.returncode == 2 and message in done.stderr, done


def main():
    forms()
    for name in ("lasso", "elastic_net"):
        run(GRADC, f"{EXAMPLES}/{name}.model", "-o", name)
    with open(TABLE, encoding="ascii") as file:
        for row in csv.DictReader(file):
            if row["mix"] == "1":
                compare("lasso", row)
                compare("lasso", row, "--statistics=no")
            compare("elastic_net", row, f"--set=mix={row['mix']}")
    stochastic()


main()
