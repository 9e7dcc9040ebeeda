"""validation.py GRADC EXAMPLES, in a folder of its own: what is held out, and when a run ends."""
import csv
import json
import re
import signal
import statistics
import subprocess
import sys
import time

import numpy as np

GRADC, EXAMPLES = sys.argv[1:3]
DATA = f"{EXAMPLES}/data"


def run(*command, status=0):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == status, (command, done.stdout[-500:], done.stderr)
    return done.stdout if status == 0 else done.stderr


def compiled(name):
    run(GRADC, f"{EXAMPLES}/{name}.model", "-o", name)


def value(text, name):
    return float(re.findall(rf"^{name} = (.*)$", text, re.M)[-1])


def log(path="log.csv"):
    with open(path, encoding="ascii") as file:
        return list(csv.DictReader(file))


def table(name):
    with open(f"{DATA}/{name}.csv", encoding="ascii") as file:
        rows = list(csv.reader(file))
    return rows[0], np.array([[float(v) for v in row] for row in rows[1:]])


def test_breast_cancer():
    compiled("logistic")
    found = []
    for seed in range(1, 6):
        out = run("./logistic", "train", f"{DATA}/breast_cancer.csv", "--validate=0.25", "--method=lbfgs",
                  "--patience=5", f"--seed={seed}", "-o", "b.json", "--log=log.csv")
        losses = [float(row["validation"]) for row in log()]
        with open("b.json", encoding="ascii") as file:
            kept = json.load(file)
        assert kept["validation"] == value(out, "validation") == min(losses), (kept["validation"], losses)
        found.append(value(out, "validation_accuracy"))
    assert statistics.median(found) >= 0.97, found


def test_digits():
    compiled("mlp")
    found = []
    for seed in range(1, 6):
        out = run("./mlp", "train", f"{DATA}/digits.csv", "--validate=0.25", "--method=adam", "--rate=0.003",
                  "--schedule=cosine", "--warmup=2", "--epochs=30", f"--seed={seed}")
        found.append(value(out, "validation_accuracy"))
    assert statistics.median(found) >= 0.97, found


def test_share():
    """The share and the rest are all rows: the means of the losses by their numbers add up."""
    compiled("linreg")
    out = run("./linreg", "train", f"{DATA}/diabetes.csv", "--validate=0.2", "--epochs=0", "--seed=3")
    whole = value(run("./linreg", "train", f"{DATA}/diabetes.csv", "--epochs=0", "--seed=3"), "objective")
    rows = 442
    apart = round(0.2 * rows)
    both = (value(out, "objective") * (rows - apart) + value(out, "validation") * apart) / rows
    assert abs(both - whole) < 1e-9 * whole, (both, whole)


def test_file():
    header, rows = table("diabetes")
    for name, part in (("a", rows[:300]), ("b", rows[300:])):
        with open(name + ".csv", "w", encoding="ascii") as file:
            file.write(",".join(header) + "\n")
            file.writelines(",".join(repr(float(v)) for v in row) + "\n" for row in part)
    out = run("./linreg", "train", "a.csv", "--validate=b.csv", "--method=lbfgs")
    design = np.column_stack([np.ones(len(rows)), rows[:, :-1]])
    theta = np.linalg.lstsq(design[:300], rows[:300, -1], rcond=None)[0]
    alone = run("./linreg", "train", "a.csv", "--method=lbfgs")
    assert value(alone, "objective") == value(out, "objective")
    residual = design[300:] @ theta - rows[300:, -1]
    ratio = value(out, "validation") / np.mean(residual ** 2)
    assert abs(ratio - 1) < 1e-6 or abs(ratio - 0.5) < 1e-6, ratio


def test_place():
    """A row of a part is named as that of the file."""
    with open("bad.model", "w", encoding="ascii") as file:
        file.write("param w = 1\nloss(x, y) = (w * log(x) - y)^2\n")
    with open("bad.csv", "w", encoding="ascii") as file:
        file.write("x,y\n" + "".join("1,2\n" for _ in range(50)) + "-1,2\n" + "".join("3,2\n" for _ in range(50)))
    run(GRADC, "bad.model", "-o", "bad")
    seen = 0
    for seed in range(1, 6):
        done = subprocess.run(["./bad", "train", "bad.csv", "--validate=0.3", f"--seed={seed}", "--method=sgd"],
                              capture_output=True, text=True, check=False)
        if done.returncode:
            seen += 1
            assert "in row 51 (bad.csv:52)" in done.stderr, done.stderr
    assert seen > 0


def test_blocks():
    with open("walk.model", "w", encoding="ascii") as file:
        file.write("dim T = rows\nparam a = 0.1\nloss(x[T], y) = (a * sum(x[t] for t in T) - y)^2\n")
    rng = np.random.default_rng(1)
    with open("walk.csv", "w", encoding="ascii") as file:
        file.write("id,x,y\n")
        for k in range(20):
            x = rng.normal(size=k % 4 + 1)
            file.writelines(f"{k},{float(v)!r},{2 * float(sum(x))!r}\n" for v in x)
    run(GRADC, "walk.model", "-o", "walk")
    out = run("./walk", "train", "walk.csv", "--sample=id", "--validate=0.25", "--method=lbfgs")
    assert abs(value(out, "a") - 2) < 1e-6 and value(out, "validation") < 1e-10, out
    for method in ("sgd", "minibatch", "svrg", "asgd"):
        out = run("./walk", "train", "walk.csv", "--sample=id", "--validate=0.25", f"--method={method}",
                  "--epochs=300", "--rate=0.01")
        assert abs(value(out, "a") - 2) < 1e-3, (method, out)
    message = run("./walk", "train", "walk.csv", "--sample=id", "--validate=walk.csv", status=2)
    assert "is not supported yet; give a share" in message, message


def steps(header, rows, factor, epochs=4, rate=0.01, clip=0, decay=0, batch=8):
    """Minibatch steps on (b + w·x − y)² or a half of it, in numpy; the file's order."""
    x, y = rows[:, :-1], rows[:, -1]
    theta = np.zeros(x.shape[1] + 1)
    design = np.column_stack([np.ones(len(x)), x])
    for epoch in range(epochs):
        for first in range(0, len(x), batch):
            part = slice(first, first + batch)
            gradient = design[part].T @ (design[part] @ theta - y[part]) / len(y[part])
            length = np.linalg.norm(gradient)
            if clip and length > clip:
                gradient *= clip / length
            step = rate * factor(epoch + first / len(x), len(y[part]) / len(x), epochs)
            theta = theta * (1 - step * decay) - step * gradient
    return theta


SCHEDULES = {
    "--schedule=step:2,0.5": lambda t, s, n: 0.5 ** np.floor(t / 2),
    "--schedule=step": lambda t, s, n: 0.1 ** np.floor(t),
    "--schedule=exponential:0.8": lambda t, s, n: 0.8 ** t,
    "--schedule=inverse:3,0.5": lambda t, s, n: (1 + 3 * t) ** -0.5,
    "--schedule=inverse": lambda t, s, n: 1 / (1 + t),
    "--schedule=cosine:0.1": lambda t, s, n: 0.1 + 0.9 * (1 + np.cos(np.pi * t / n)) / 2,
    "--warmup=1.5": lambda t, s, n: min(1, (t + s) / 1.5),
    "--clip=5": lambda t, s, n: 1,
    "--decay=0.3": lambda t, s, n: 1,
}


def test_schedules():
    with open("half.model", "w", encoding="ascii") as file:
        file.write("dim D\nparam b, w[D]\nloss(x[D], y) = (b + dot(w, x) - y)^2 / 2\n")
    run(GRADC, "half.model", "-o", "half")
    header, rows = table("diabetes")
    for option, factor in SCHEDULES.items():
        more = {"clip": 5.0} if "clip" in option else {"decay": 0.3} if "decay" in option else {}
        wanted = steps(header, rows, factor, **more)
        for method, batch in (("minibatch", 8), ("sgd", 1)):
            if batch == 1 and option.startswith("--schedule"):
                continue  # a kernel's steps: one rate for 64 rows
            if batch == 1 and option.startswith("--warmup"):
                continue
            wanted = steps(header, rows, factor, batch=batch, **more)
            params = json.loads(run("./half", "train", f"{DATA}/diabetes.csv", f"--method={method}", f"--batch={batch}",
                                    "--order=file", "--epochs=4", "--rate=0.01", option, "-q", "-o", "-"))["params"]
            found = np.array([params["b"], *params["w"]])
            assert np.allclose(found, wanted, rtol=1e-9, atol=1e-9), (option, method, found, wanted)
    for method in ("sgd", "bgd", "asgd", "svrg", "adam"):
        run("./half", "train", f"{DATA}/diabetes.csv", f"--method={method}", "--schedule=inverse:0.5", "--warmup=1",
            "--clip=100", "--decay=0.001", "--epochs=5", "--rate=0.001")


def test_noise():
    """At a constant rate averages, and variance reduction, end nearer to the minimum than sgd."""
    _, rows = table("diabetes")
    design = np.column_stack([np.ones(len(rows)), rows[:, :-1]])
    theta = np.linalg.lstsq(design, rows[:, -1], rcond=None)[0]
    least = np.mean((design @ theta - rows[:, -1]) ** 2) / 2
    off = {}
    for method in ("sgd", "asgd", "svrg"):
        out = run("./half", "train", f"{DATA}/diabetes.csv", f"--method={method}", "--epochs=400", "--rate=0.01")
        off[method] = value(out, "objective") - least
    assert off["asgd"] < off["sgd"] / 10 and off["svrg"] < off["asgd"], off


def test_ends():
    out = run("./half", "train", f"{DATA}/diabetes.csv", "--method=adam", "--epochs=100000000", "--max-time=0.3")
    assert re.search(r"stopped after \d+ epochs: 0.3 seconds are over", out), out[-300:]
    out = run("./half", "train", f"{DATA}/diabetes.csv", "--epochs=100000", "--rate=0.1", "--tolerance-objective=1e-6")
    ended = int(re.search(r"converged after (\d+) epochs: the objective changes no more", out)[1])
    assert 10 < ended < 5000, out[-300:]


def test_not_finite():
    """A validation loss that is never a number is said to be the end."""
    with open("root.model", "w", encoding="ascii") as file:
        file.write("param a = 1\nloss(x, y) = (a * sqrt(x) - y)^2\n")
    with open("bad.csv", "w", encoding="ascii") as file:
        file.write("x,y\n-1,2\n")
    with open("good.csv", "w", encoding="ascii") as file:
        file.write("x,y\n1,2\n4,3\n")
    run(GRADC, "root.model", "-o", "root")
    out = run("./root", "train", "good.csv", "--validate=bad.csv", "--patience=3", "--epochs=50", "--method=bgd")
    assert "ended after 3 epochs: the validation loss is not finite" in out, out


def test_resume():
    """A run with early stopping that goes on from a checkpoint: the same bytes, best parameters and all."""
    words = ["./half", "train", f"{DATA}/diabetes.csv", "--validate=0.3", "--patience=40", "--method=minibatch",
             "--rate=0.05", "--epochs=300", "--schedule=cosine", "--warmup=3", "-q"]
    run(*words, "-o", "whole.json")
    run(*words, "-o", "cut.json", "--checkpoint-every=7", "--max-time=0.02")
    done = subprocess.Popen([*words, "-o", "cut2.json", "--checkpoint-every=1"])
    time.sleep(0.03)
    done.send_signal(signal.SIGINT)
    done.wait()
    run(*words, "-o", "cut2.json", "--checkpoint-every=1", "--resume")
    with open("whole.json", encoding="ascii") as one, open("cut2.json", encoding="ascii") as two:
        assert one.read() == two.read()


def test_messages():
    file = f"{DATA}/diabetes.csv"
    for words, message in {
            ("--schedule=cosin",): "--schedule: unknown schedule `cosin`; did you mean `cosine`?",
            ("--schedule=xyzzy",): "there are constant, step, exponential, inverse and cosine",
            ("--schedule=cosine:2",): "--schedule=cosine:LEAST: expected a number from 0 to 1, found 2",
            ("--schedule=inverse:-1",): "--schedule=inverse:K,POWER: expected a number from 0 on, found -1",
            ("--schedule=step:a",): "--schedule=step:EPOCHS,FACTOR: expected a number, found `a`",
            ("--schedule=constant:1",): "--schedule=constant: nothing was expected at `1`",
            ("--schedule=exponential:0.9,1",): "nothing was expected at `1`",
            ("--method=lbfgs", "--clip=1"): "--clip: method `lbfgs` finds its steps itself",
            ("--method=cg", "--schedule=cosine"): "--schedule: method `cg` finds its steps itself",
            ("--patience=3",): "--patience: there is nothing to look at",
            ("--validate=1.5",): "--validate: expected a share between 0 and 1, or a file, found `1.5`",
            ("--validate=0.2", "--patience=0"): "--patience: expected a whole number of at least 1",
            ("--max-time=-1",): "--max-time: expected a number of at least 0",
    }.items():
        found = run("./half", "train", file, *words, status=2)
        assert message in found, found
    assert "cannot open `nosuch.csv`" in run("./half", "train", file, "--validate=nosuch.csv", status=1)


for name, function in list(globals().items()):
    if name.startswith("test_"):
        function()
