"""tune.py GRADC EXAMPLES, in a folder of its own: --cv, --search and --rate=auto against numpy."""
import json
import os
import re
import signal
import subprocess
import sys
import time

import numpy as np

GRADC, EXAMPLES = sys.argv[1:3]
DATA = f"{EXAMPLES}/data/diabetes.csv"
RIDGE = ("dim D\nconst lambda = 1, unused = 3\nparam b, w[D]\nloss(x[D], y) = (b + dot(w, x) - y)^2 / 2\n"
         "penalty = lambda * sum(w^2)\nmetric mae(x[D], y) = abs(b + dot(w, x) - y)\n"
         "metric double_mae = 2 * mae\n")
CLOSED = np.loadtxt(DATA, delimiter=",", skiprows=1)


def run(*command, status=0):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == status, (command, done.stdout[-500:], done.stderr)
    return done.stdout if status == 0 else done.stderr


def lines(text, start):
    """`name=number …` lines that begin so, as dicts."""
    found = []
    for line in text.splitlines():
        if line.startswith(start):
            found.append({k: float(v) for k, v in re.findall(r"(\w+)=(\S+)", line)})
    return found


def ridge(rows, value):
    design = np.column_stack([np.ones(len(rows)), rows[:, :-1]])
    weight = np.diag([0.0] + [2 * value] * (rows.shape[1] - 1))
    return np.linalg.solve(design.T @ design / len(rows) + weight, design.T @ rows[:, -1] / len(rows))


def loss(theta, rows):
    design = np.column_stack([np.ones(len(rows)), rows[:, :-1]])
    return np.mean((design @ theta - rows[:, -1]) ** 2) / 2


def test_folds():
    """Folds are parts of the rows: as many as asked for, all of them once; the losses are those of the rest's fit."""
    out = run("./ridge", "train", DATA, "--method=lbfgs", "--cv=4", "--set=lambda=0.1")
    folds, whole = lines(out, "fold="), lines(out, "cv:")[0]
    assert [f["fold"] for f in folds] == [1, 2, 3, 4]
    values = [f["validation"] for f in folds]
    assert abs(np.mean(values) - whole["validation"]) < 1e-9
    assert abs(np.std(values, ddof=1) - whole["validation_sd"]) < 1e-9
    assert abs(whole["double_mae"] - 2 * whole["mae"]) < 1e-9 and len({f["mae"] for f in folds}) == 4
    plain = run("./ridge", "train", DATA, "--method=lbfgs", "--set=lambda=0.1")
    assert out.endswith(plain), "then the run on all rows, as ever"
    again = run("./ridge", "train", DATA, "--method=lbfgs", "--cv=4", "--set=lambda=0.1", "--threads=3")
    assert out == again, "the same folds by the same seed"
    assert out != run("./ridge", "train", DATA, "--method=lbfgs", "--cv=4", "--set=lambda=0.1", "--seed=2")


def test_leave_one_out():
    """As many folds as samples: no order of them matters, and numpy knows the answer."""
    part = CLOSED[:25, [2, 3, -1]]
    np.savetxt("part.csv", part, delimiter=",", header="x0,x1,y", comments="", fmt="%.17g")
    out = run("./ridge", "train", "part.csv", "--method=lbfgs", "--cv=25", "--set=lambda=0.1")
    wanted = [loss(ridge(np.delete(part, k, 0), 0.1), part[k:k + 1]) for k in range(25)]
    found = [f["validation"] for f in lines(out, "fold=")]
    assert np.allclose(sorted(found), sorted(wanted), rtol=1e-6), (found, wanted)


def test_search():
    out = run("./ridge", "train", DATA, "--method=lbfgs", "--cv=5", "--search=lambda=1e-4..10,log", "--search-points=6",
              "-o", "r.json", "--set=lambda=3")
    points, best = lines(out, "lambda="), lines(out, "best:")[0]
    assert np.allclose([p["lambda"] for p in points], np.logspace(-4, 1, 6), rtol=1e-12), points
    least = min(points, key=lambda p: p["validation"])
    assert best["lambda"] == least["lambda"] and best["validation"] == least["validation"]
    assert lines(out, "cv:")[0]["validation"] == best["validation"]
    with open("r.json", encoding="ascii") as file:
        kept = json.load(file)
    theta = ridge(CLOSED, best["lambda"])
    assert kept["consts"]["lambda"] == best["lambda"]
    assert np.allclose([kept["params"]["b"], *kept["params"]["w"]], theta, rtol=1e-6), (kept, theta)
    out = run("./ridge", "train", DATA, "--method=lbfgs", "--validate=0.3", "--search", "lambda=0.5,0.25,1", "--search",
              "unused=1..2", "--search-points=2")
    points = lines(out, "lambda=")
    assert [(p["lambda"], p["unused"]) for p in points] == [(a, u) for a in (0.5, 0.25, 1) for u in (1, 2)]
    assert lines(out, "best:")[0]["lambda"] == 0.25
    value = float(re.search(r"^validation = (.*)$", out, re.M)[1])
    assert value == min(p["validation"] for p in points)


def test_random():
    words = ["./ridge", "train", DATA, "--method=lbfgs", "--cv=2", "--search", "lambda=1e-3..1e3,log", "--search",
             "unused=5..6", "--search-random=20"]
    points = lines(run(*words), "lambda=")
    assert len(points) == 20 and len({p["lambda"] for p in points}) == 20
    assert all(1e-3 <= p["lambda"] <= 1e3 and 5 <= p["unused"] <= 6 for p in points)
    assert sum(p["lambda"] < 1 for p in points) in range(3, 18), "evenly on the scale of logarithms"
    assert points == lines(run(*words), "lambda="), "by the seed"


def test_file():
    """The result file has what was told: points, folds, their means."""
    words = ["./ridge", "train", DATA, "--method=lbfgs", "--cv=3", "--search=lambda=0.01,0.1,1e300", "-o"]
    out = run(*words, "tuned.json")
    with open("tuned.json", encoding="utf-8") as file:
        result = json.load(file)
    told = lines(out, "lambda=")
    for point, line in zip(result["search"], told):
        assert point == {k: None if np.isnan(v) else v for k, v in line.items()}, (point, line)
    assert result["cv"].pop("folds") == lines(out, "fold=") and len(told) == 3
    assert result["cv"] == lines(out, "cv:")[0] and result["consts"]["lambda"] == lines(out, "best:")[0]["lambda"]
    run(*words, "tuned.safetensors")
    with open("tuned.safetensors", "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        metadata = json.loads(file.read(length))["__metadata__"]
    assert json.loads(metadata["search"]) == result["search"] and len(json.loads(metadata["cv"])["folds"]) == 3
    run("./ridge", "eval", "-m", "tuned.safetensors", DATA)
    run("./ridge", "eval", "-m", "tuned.json", DATA)
    held = ["./ridge", "train", DATA, "--validate=0.2", "--search=lambda=1..2", "--search-points=2", "-q", "-o", "-"]
    result = json.loads(run(*held))
    assert "cv" not in result and [p["lambda"] for p in result["search"]] == [1, 2] and "search" in result


def test_start():
    """The start depends on the constant that is searched: each run has its own."""
    with open("scale.model", "w", encoding="ascii") as file:
        file.write("const scale = 1\nparam w = scale\nloss(x) = (w - x)^2\n")
    with open("ones.csv", "w", encoding="ascii") as file:
        file.write("x\n" + "2\n" * 10)
    run(GRADC, "scale.model", "-o", "scale")
    out = run("./scale", "train", "ones.csv", "--epochs=0", "--cv=2", "--search=scale=0,2,5")
    assert [p["validation"] for p in lines(out, "scale=")] == [4, 0, 9] and "w = 2.0" in out, out


def test_diverged():
    """Points where training diverges are told, and never the best."""
    out = run("./ridge", "train", DATA, "--method=bgd", "--rate=0.1", "--epochs=3000", "--cv=2", "--search=lambda=0.1,1000")
    points = lines(out, "lambda=")
    assert np.isnan(points[1]["validation"]) and lines(out, "best:")[0]["lambda"] == 0.1, points
    message = run("./ridge", "train", DATA, "--method=bgd", "--rate=10", "--epochs=3000", "--cv=2", "--search=lambda=1,2",
                  status=1)
    assert "at none of the points is the loss finite" in message


def test_blocks():
    with open("walk.model", "w", encoding="ascii") as file:
        file.write("dim T = rows\nparam a = 0.1\nloss(x[T], y) = (a * sum(x[t] for t in T) - y)^2\n")
    rng = np.random.default_rng(1)
    sums, wanted = [], []
    with open("walk.csv", "w", encoding="ascii") as file:
        file.write("id,x,y\n")
        for k in range(12):
            x = rng.normal(size=k % 4 + 1)
            y = 2 * float(sum(x)) + rng.normal()
            sums.append((float(sum(x)), y))
            file.writelines(f"{k},{float(v)!r},{y!r}\n" for v in x)
    run(GRADC, "walk.model", "-o", "walk")
    out = run("./walk", "train", "walk.csv", "--sample=id", "--cv=12", "--method=lbfgs")
    for k in range(12):
        rest = np.array(sums[:k] + sums[k + 1:])
        a = rest[:, 0] @ rest[:, 1] / (rest[:, 0] @ rest[:, 0])
        wanted.append((a * sums[k][0] - sums[k][1]) ** 2)
    found = [f["validation"] for f in lines(out, "fold=")]
    assert np.allclose(sorted(found), sorted(wanted), rtol=1e-6), (found, wanted)


def test_rate():
    for method in ("bgd", "sgd", "asgd", "svrg", "minibatch", "momentum", "nesterov", "adagrad", "adam"):
        words = ["./ridge", "train", DATA, f"--method={method}", "--rate=auto", "--epochs=200", "--set=lambda=0.01"]
        out = run(*words)
        rate = lines(out, "rate=")[0]["rate"]
        assert f"rate={rate!r} has the least objective of" in out.replace("rate=1 ", "rate=1.0 "), out
        assert out == run(*words, "--threads=2")
        found = float(re.search(r"^objective = (.*)$", out, re.M)[1])
        theta = ridge(CLOSED, 0.01)
        least = loss(theta, CLOSED) + 0.01 * theta[1:] @ theta[1:]
        assert found < 1.1 * least, (method, rate, found, least)


def test_signal():
    done = subprocess.Popen(["./ridge", "train", DATA, "--method=sgd", "--epochs=1000000", "--cv=2", "-o", "s.json"],
                            stdout=subprocess.DEVNULL)
    time.sleep(0.3)
    done.send_signal(signal.SIGTERM)
    assert done.wait(10) == 143 and not os.path.exists("s.json")


def test_resume():
    """A run with constants of another search is another run."""
    words = ["./ridge", "train", DATA, "--cv=2", "-o", "place.json", "--method=sgd", "--epochs=2", "--checkpoint-every=1"]
    os.mkdir("place.json")  # the result has no place, so that the checkpoint stays
    run(*words, "--search=lambda=1,2", "--search=unused=1,2", status=1)
    told = run(*words, "--search=lambda=1", "--search=unused=1,2", "--resume", status=1)
    assert "`place.json.ckpt` is of a run with other values of --search" in told, told


def test_messages():
    for words, message in {
            ("--cv=1",): "--cv: expected a whole number of at least 2, found `1`",
            ("--cv=1000",): "--cv: 1000 folds of 442 samples; there can be no more than samples",
            ("--cv=5", "--validate=0.2"): "--cv and --validate are two ways to hold data out; give one",
            ("--search=lambda=1..2",): "--search: by what? give --cv=5, or --validate=0.2",
            ("--search-points=5",): "--search-points: nothing is searched; give --search NAME=LOW..HIGH",
            ("--search-random=5",): "--search-random: nothing is searched",
            ("--cv=5", "--search=lamda=1..2"): "--search: the model has no const `lamda`; did you mean `lambda`?",
            ("--cv=5", "--search=lambda"): "--search: there are no values in `lambda`; expected NAME=LOW..HIGH",
            ("--cv=5", "--search=lambda=2..1"): "--search: the range is empty in `lambda=2..1`",
            ("--cv=5", "--search=lambda=0..1,log"): "a range on a log scale begins above 0",
            ("--cv=5", "--search=lambda=0..1,lin"): "there is no number where one should be",
            ("--cv=5", "--search=lambda=1,x"): "there is no number where one should be",
            ("--cv=5", "--search=lambda=1,2", "--search=lambda=3,4"): "--search: const `lambda` is searched twice",
            ("--cv=5", "--search=lambda=1..2", "--search-points=3", "--search-random=3"):
                "--search-points is of a grid, and --search-random asks for random points; give one",
            ("--cv=5", "--search=lambda=1..2", "--search=unused=1..2", "--search-points=1000"):
                "--search: a grid of more than 10000 points",
            ("--rate=auto", "--method=lbfgs"): "--rate: method `lbfgs` finds its steps itself",
    }.items():
        found = run("./ridge", "train", DATA, *words, status=2)
        assert message in found, (words, found)
    with open("fixed.model", "w", encoding="ascii") as file:
        file.write(RIDGE)
    run(GRADC, "fixed.model", "-D", "lambda=2", "-o", "fixed")
    assert "--search: const `lambda` was fixed when the model was compiled" in run(
        "./fixed", "train", DATA, "--cv=5", "--search=lambda=1..2", status=2)


with open("ridge.model", "w", encoding="ascii") as source:
    source.write(RIDGE)
run(GRADC, "ridge.model", "-o", "ridge")
for name, function in list(globals().items()):
    if name.startswith("test_"):
        function()
