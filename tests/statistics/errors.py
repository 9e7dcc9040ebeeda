"""Standard errors against closed forms, NIST's certified ones and NumPy's: errors.py GRADC EXAMPLES, in a folder of its
own."""
import json
import os
import struct
import subprocess
import sys

import numpy as np
import scipy.optimize
import scipy.stats

GRADC, EXAMPLES = sys.argv[1:]
CERTIFIED = {
    "misra1a": {"b1": 2.7070075241, "b2": 7.2668688436e-6},
    "danwood": {"b1": 1.8281973860e-2, "b2": 5.1726610913e-2},
    "thurber": {"b1": 4.6647963344, "b2": 3.9571156086e1, "b3": 2.8698696102e1, "b4": 5.5675370270,
                "b5": 3.1333340687e-2, "b6": 1.4984928198e-2, "b7": 6.5842344623e-3},
}
ROWS = np.random.default_rng(5)


def compile_model(name, text, *options):
    with open(name + ".model", "w", encoding="utf-8") as file:
        file.write(text)
    subprocess.run([GRADC, name + ".model", "-o", name, *options], check=True)


def write(path, columns):
    with open(path, "w", encoding="ascii") as file:
        file.write(",".join(columns) + "\n")
        for row in zip(*columns.values()):
            file.write(",".join(repr(float(v)) for v in row) + "\n")


def run(name, *options, status=0):
    got = subprocess.run(["./" + name, *options], capture_output=True, text=True, check=False)
    assert got.returncode == status, (name, options, got.stderr)
    return got


def train(name, data, *options):
    """The result, as JSON; what was warned of."""
    got = run(name, "train", data, "-q", "--method=lbfgs", "--epochs=20000", "-o", name + ".json", "--errors", *options)
    with open(name + ".json", encoding="utf-8") as file:
        return json.load(file), got.stderr


def close(found, expected, tolerance, what):
    found, expected = np.asarray(found, dtype=float), np.asarray(expected, dtype=float)
    off = np.max(np.abs(found - expected) / np.maximum(np.abs(expected), 1e-300))
    assert off <= tolerance, (what, off, found, expected)


def nist():
    for name, errors in CERTIFIED.items():
        subprocess.run([GRADC, f"{EXAMPLES}/{name}.model", "-o", name], check=True)
        result, _ = train(name, f"{EXAMPLES}/data/{name}.csv")
        for param, error in errors.items():
            close(result["std_error"][param], error, 1e-7, (name, param))
        print("ok nist", name)


def line():
    """Ordinary least squares, with intervals, predictions and correlations; a bad scale of one column."""
    compile_model("ols", "dim D\nparam b, w[D]\nforward(x[D]) = b + dot(w, x)\nloss(x[D], y) = (forward(x) - y)^2 / 2\n")
    m = 40
    x = ROWS.normal(size=(m, 2)) * [1, 1e-3]
    y = 3 + x @ [2, -500] + ROWS.normal(size=m)
    data = {"x0": x[:, 0], "x1": x[:, 1], "y": y}
    write("ols.csv", data)
    result, _ = train("ols", "ols.csv", "--confidence=0.9", "--correlations")
    design = np.column_stack([np.ones(m), x])
    theta = np.linalg.lstsq(design, y, rcond=None)[0]
    square = np.sum((y - design @ theta) ** 2) / (m - 3)
    covariance = square * np.linalg.inv(design.T @ design)
    errors = np.sqrt(np.diag(covariance))
    close([result["std_error"]["b"], *result["std_error"]["w"]], errors, 1e-7, "ols")
    far = scipy.stats.t.ppf(0.95, m - 3)
    close(result["low"]["w"], (theta - far * errors)[1:], 1e-6, "low")
    close(result["high"]["w"], (theta + far * errors)[1:], 1e-6, "high")
    close(result["correlations"], covariance / np.outer(errors, errors), 1e-5, "correlations")
    for of, noise in (("observation", square), ("mean", 0)):
        got = run("ols", "predict", "-m", "ols.json", "ols.csv", "--interval=0.95", f"--interval-of={of}").stdout
        rows = np.array([[float(v) for v in row.split(",")] for row in got.split()[1:]])
        width = scipy.stats.t.ppf(0.975, m - 3) * np.sqrt(noise + np.sum(design @ covariance * design, axis=1))
        close(rows[:, 2] - rows[:, 0], width, 1e-6, of)
        close(rows[:, 0] - rows[:, 1], width, 1e-6, of)
    told = run("ols", "train", "ols.csv", "--method=lbfgs", "--epochs=500", "--errors").stdout
    told = dict(row.split(" = ") for row in told.split("\n") if " = " in row)
    close(float(told["residual_error"]), np.sqrt(square), 1e-9, "s")
    close(float(told["r_squared"]), 1 - square * 37 / np.sum((y - y.mean()) ** 2), 1e-9, "R^2")
    close(float(told["residual_q1"]), np.quantile(y - design @ theta, 0.25), 1e-6, "quartile")
    print("ok line")


def ridge():
    """A penalty counts as what was known before."""
    compile_model("ridge", "dim D\nconst lambda = 0.3\nparam w[D]\nforward(x[D]) = dot(w, x)\n"
                  "loss(x[D], y) = (forward(x) - y)^2\npenalty = lambda * sum(w^2)\n")
    m = 30
    x = ROWS.normal(size=(m, 3))
    y = x @ [1, 2, 3] + ROWS.normal(size=m)
    write("ridge.csv", {"x0": x[:, 0], "x1": x[:, 1], "x2": x[:, 2], "y": y})
    result, _ = train("ridge", "ridge.csv")
    a = x.T @ x + 0.3 * m * np.eye(3)
    square = np.sum((y - x @ np.linalg.solve(a, x.T @ y)) ** 2) / (m - 3)
    close(result["std_error"]["w"], np.sqrt(square * np.diag(np.linalg.inv(a))), 1e-6, "ridge")
    print("ok ridge")


def normal():
    """A constrained param: its error by the delta method, its interval that of log sigma."""
    compile_model("normal", "param mu, sigma > 0\nlog_sigma = log(sigma)\nloss(y) = -normal_lpdf(y, mu, sigma)\n")
    y = 5 + 2 * ROWS.normal(size=50)
    write("normal.csv", {"y": y})
    result, _ = train("normal", "normal.csv")
    sigma = y.std()
    close(result["std_error"]["mu"], sigma / np.sqrt(50), 1e-6, "mu")
    close(result["std_error"]["sigma"], sigma / np.sqrt(100), 1e-6, "sigma")
    z = scipy.stats.norm.ppf(0.975)
    close(result["low"]["sigma"], sigma * np.exp(-z / 10), 1e-6, "low")
    close(result["high"]["sigma"], sigma * np.exp(z / 10), 1e-6, "high")
    print("ok normal")


def logistic():
    """The inverse Fisher information."""
    subprocess.run([GRADC, f"{EXAMPLES}/logistic.model", "-o", "logistic"], check=True)
    m = 200
    x = ROWS.normal(size=(m, 2))
    design = np.column_stack([np.ones(m), x])
    y = (ROWS.uniform(size=m) < 1 / (1 + np.exp(-design @ [0.5, 1, -1]))).astype(float)
    write("logistic.csv", {"x0": x[:, 0], "x1": x[:, 1], "y": y.astype(int)})
    result, _ = train("logistic", "logistic.csv")
    p = 1 / (1 + np.exp(-design @ [result["params"]["b"], *result["params"]["w"]]))
    errors = np.sqrt(np.diag(np.linalg.inv(design.T @ (design * (p * (1 - p))[:, None]))))
    close([result["std_error"]["b"], *result["std_error"]["w"]], errors, 1e-7, "logistic")
    got = run("logistic", "predict", "-m", "logistic.json", "logistic.csv", "--interval=0.95").stdout
    assert got.startswith("y,y_low,y_high\n")
    run("logistic", "predict", "-m", "logistic.json", "logistic.csv", "--interval-of=observation", status=1)
    print("ok logistic")


def gp():
    """A likelihood of one sample, against differences of NumPy's."""
    subprocess.run([GRADC, f"{EXAMPLES}/gp_fit.model", "-o", "gp"], check=True)
    result, _ = train("gp", f"{EXAMPLES}/data/gp.csv")
    rows = np.loadtxt(f"{EXAMPLES}/data/gp.csv", delimiter=",", skiprows=1)
    x, y = rows[:, 0], rows[:, 1]

    def loss(u):
        signal, length, noise = np.exp(u)
        k = signal**2 * np.exp(-(((x[:, None] - x) / length) ** 2) / 2) + noise**2 * np.eye(len(x))
        return np.linalg.slogdet(k)[1] / 2 + y @ np.linalg.solve(k, y) / 2

    names = ["signal", "length", "noise"]
    at = np.log([result["params"][name] for name in names])
    h = 1e-3 * np.eye(3)
    hessian = [[(loss(at + a + b) - loss(at + a - b) - loss(at - a + b) + loss(at - a - b)) / 4e-6 for a in h] for b in h]
    errors = np.exp(at) * np.sqrt(np.diag(np.linalg.inv(hessian)))
    close([result["std_error"][name] for name in names], errors, 1e-4, "gp")
    print("ok gp")


def bad_optima():
    compile_model("both", "param a, b, c\nforward(x) = (a + b) * x + c\nloss(x, y) = (forward(x) - y)^2\n")
    x = np.arange(6.0)
    y = 2 * x + 1 + np.array([0.1, -0.1, 0.2, 0, -0.3, 0.1])
    write("both.csv", {"x": x, "y": y})
    result, warned = train("both", "both.csv")
    assert "do not identify `a`, `b`: 1 direction" in warned, warned
    design = np.column_stack([x, np.ones(6)])
    square = np.linalg.lstsq(design, y, rcond=None)[1][0] / 4
    close(result["std_error"]["c"], np.sqrt(square * np.linalg.inv(design.T @ design)[1, 1]), 1e-7, "c")
    assert result["std_error"]["a"] is None and result["low"]["b"] is None, result
    print("ok not identified")

    compile_model("lasso", "param a, b\nforward(x, z) = a * x + b * z\nloss(x, z, y) = (forward(x, z) - y)^2\n"
                  "penalty = 0.5 * (abs(a) + abs(b))\n")
    write("lasso.csv", {"x": x, "z": np.array([1.0, -1, 1, -1, 1, -1]), "y": 2 * x})
    with open("lasso_start.json", "w", encoding="ascii") as file:
        json.dump({"params": {"a": 2 - 0.25 * 6 / (x @ x), "b": 0.0}}, file)
    got = run("lasso", "train", "lasso.csv", "-m", "lasso_start.json", "--errors", "--epochs=0", "--method=bgd")
    assert "kink at `b`, held fixed" in got.stderr and "standard errors from" not in got.stderr, got.stderr
    print("ok kink")

    got = run("ols", "train", "ols.csv", "--method=bgd", "--epochs=2", "--errors")
    assert "standard errors from the optimum" in got.stderr, got.stderr
    print("ok not at the optimum")


def definitions():
    compile_model("odds", "param p in (0, 1)\nodds = p / (1 - p)\nloss(y) = -(y * log(p) + (1 - y) * log(1 - p))\n")
    write("odds.csv", {"y": np.array([1.0] * 30 + [0.0] * 10)})
    result, _ = train("odds", "odds.csv")
    close(result["std_error"]["p"], np.sqrt(0.75 * 0.25 / 40), 1e-6, "p")
    close(result["std_error"]["odds"], np.sqrt(0.75 * 0.25 / 40) / 0.0625, 1e-6, "odds")
    assert 0 < result["low"]["p"] < 0.75 < result["high"]["p"] < 1
    print("ok definitions")

    compile_model("shares", "dim K = 3\nparam p[K] simplex\nloss(y in K) = -log(p[y])\n")
    write("shares.csv", {"y": np.repeat([0, 1, 2], [20, 30, 50])})
    result, _ = train("shares", "shares.csv")
    p = np.array([0.2, 0.3, 0.5])
    close(result["std_error"]["p"], np.sqrt(p * (1 - p) / 100), 1e-6, "simplex")
    assert min(result["low"]["p"]) > 0 and max(result["high"]["p"]) < 1
    print("ok simplex")


def files():
    """All formats hold the same; what was written is read."""
    run("ols", "train", "ols.csv", "-q", "--method=lbfgs", "--epochs=20000", "-o", "o.safetensors", "--errors")
    run("ols", "train", "ols.csv", "-q", "--method=lbfgs", "--epochs=20000", "-o", "o.csv", "--errors")
    result, _ = train("ols", "ols.csv")
    with open("o.safetensors", "rb") as file:
        bytes_ = file.read()
    length = struct.unpack("<Q", bytes_[:8])[0]
    header = json.loads(bytes_[8 : 8 + length])
    begin, end = header["std_error.w"]["data_offsets"]
    found = struct.unpack("<2d", bytes_[8 + length + begin : 8 + length + end])
    assert list(found) == result["std_error"]["w"] and header["std_error.w"]["shape"] == [2]
    with open("o.csv", encoding="ascii") as file:
        rows = [row.split(",") for row in file.read().split()]
    assert rows[0] == ["name", "value", "std_error", "low", "high"] and float(rows[2][2]) == found[0]
    predicted = [run("ols", "predict", "-m", name, "ols.csv", "--interval=0.95").stdout
                 for name in ("o.safetensors", "ols.json")]
    assert predicted[0] == predicted[1]
    run("ols", "train", "ols.csv", "-q", "-m", "o.safetensors", "-o", "again.safetensors", "--errors=no")
    print("ok files")


def floats():
    for name, text in (("ols32", "ols"), ("normal32", "normal")):
        with open(text + ".model", encoding="utf-8") as file:
            compile_model(name, file.read(), "--precision=f32")
    for name, text in (("ols32", "ols"), ("normal32", "normal")):
        single, _ = train(name, text + ".csv", "--epochs=500")
        double, _ = train(text, text + ".csv")
        for param, error in double["std_error"].items():
            close(single["std_error"][param], error, 0.02, (name, param))
    print("ok floats")


def weights():
    """Weighted least squares and a weighted likelihood; whole weights are repeated rows, for every method."""
    m = 40
    x = ROWS.normal(size=m)
    w = ROWS.integers(0, 4, size=m).astype(float)
    w[0] = 0
    y = 1 + 2 * x + ROWS.normal(size=m)
    y[0] = 1e6  # does not count
    design = np.column_stack([np.ones(m), x])
    write("weighted.csv", {"x": x, "y": y, "w": w})
    compile_model("wls", "param b, a\nforward(x) = b + a * x\nloss(x, y) = (forward(x) - y)^2\nmetric mae(x, y) = "
                  "abs(forward(x) - y)\n")
    compile_model("plain", "param b, a\nloss(x, y) = (b + a * x - y)^2\n")
    compile_model("gauss", "param b, a, sigma > 0\nloss(x, y) = -normal_lpdf(y, b + a * x, sigma)\n")
    h = design.T @ (design * w[:, None])
    theta = np.linalg.solve(h, design.T @ (w * y))
    left = np.sum(w * (y - design @ theta) ** 2)
    errors = np.sqrt(np.diag(np.linalg.inv(h)) * left / (np.sum(w > 0) - 2))
    for name in ("wls", "plain"):
        result, _ = train(name, "weighted.csv", "--weights=w")
        close([result["params"][p] for p in "ba"], theta, 1e-9, name)
        close([result["std_error"][p] for p in "ba"], errors, 1e-7, (name, "errors"))
        close(result["objective"], left / np.sum(w), 1e-10, "objective")
    result, _ = train("gauss", "weighted.csv", "--weights=w")
    variance = left / np.sum(w)
    close(result["params"]["sigma"], np.sqrt(variance), 1e-7, "sigma")
    close([result["std_error"][p] for p in "ba"], np.sqrt(variance * np.diag(np.linalg.inv(h))), 1e-6, "likelihood")
    run("gauss", "profile", "-m", "gauss.json", "weighted.csv", "--param=sigma", "--weights=w")
    run("wls", "check", "weighted.csv", "--weights=w")
    train("wls", "weighted.csv", "--weights=w")
    told = run("wls", "eval", "-m", "wls.json", "weighted.csv", "--weights=w").stdout
    told = {k: float(v) for k, v in (row.split(" = ") for row in told.strip().split("\n"))}
    close(told["mae"], np.sum(w * abs(y - design @ theta)) / np.sum(w), 1e-9, "metric")
    close(told["objective"], left / np.sum(w), 1e-9, "eval")
    # penalty and prior beside weights: rows repeated give the same objective
    compile_model("both_w", "param b ~ normal(0, 1), a\nloss(x, y) = (b + a * x - y)^2\npenalty = 0.1 * a^2\n")
    repeated = np.repeat(np.arange(m), w.astype(int))
    write("repeated.csv", {"x": x[repeated], "y": y[repeated]})
    methods = subprocess.run(["./both_w", "train", "--help"], capture_output=True, text=True, check=True).stdout
    methods = [row.split()[0] for row in methods.split("methods:")[1].split("\n\n")[0].strip().split("\n")]
    assert "lbfgs" in methods and "sgd" in methods and len(methods) > 8
    exact, _ = train("both_w", "repeated.csv")
    same, _ = train("both_w", "weighted.csv", "--weights=w")
    close(same["objective"], exact["objective"], 1e-12, "repeated")
    for part in ("params", "std_error"):  # of squares n is the number of rows: another s
        factor = 1 if part == "params" else np.sqrt((len(repeated) - 2) / (np.sum(w > 0) - 2))
        close([same[part][p] for p in "ba"], [factor * exact[part][p] for p in "ba"], 1e-6, part)
    for method in methods:
        run("both_w", "train", "weighted.csv", "--weights=w", "-q", "--method=" + method, "--epochs=300", "-o", "m.json")
        with open("m.json", encoding="utf-8") as file:
            found = json.load(file)
        start = np.sum(w * y**2) / np.sum(w)
        assert exact["objective"] * (1 - 1e-9) <= found["objective"] < 0.95 * start, (method, found["objective"], start)
    one = run("both_w", "train", "weighted.csv", "--weights=w", "-q", "--method=sgd", "--order=file", "--epochs=1", "-o", "-")
    b = a = 0.0
    scale = 1 / np.mean(w)
    for k in range(m):
        r = b + a * x[k] - y[k]
        b, a = (b - 0.01 * (2 * scale * w[k] * r + b / np.sum(w)), a - 0.01 * (2 * scale * w[k] * r * x[k] + 0.2 * a))
    close([json.loads(one.stdout)["params"][p] for p in "ba"], [b, a], 1e-9, "sgd")
    train("wls", "weighted.csv", "--weights=w", "--standardize")  # not the weights
    with open("wls.json", encoding="utf-8") as file:
        close(json.load(file)["objective"], left / np.sum(w), 1e-9, "standardized")
    # blocks of rows: a weight for each sample
    compile_model("blocks", "dim T = rows\nparam a\nloss(x[T], y[T]) = sum((a * x[t] - y[t])^2 for t)\n")
    with open("blocks.csv", "w", encoding="ascii") as file:
        file.write("s,x,y,w\n1,1,2,3\n1,2,1,3\n2,1,5,0.5\n")
    run("blocks", "train", "blocks.csv", "--sample=s", "--weights=w", "-q", "--method=lbfgs", "-o", "m.json")
    with open("m.json", encoding="utf-8") as file:
        close(json.load(file)["params"]["a"], (3 * (2 + 2) + 0.5 * 5) / (3 * 5 + 0.5), 1e-9, "blocks")
    uncounted(errors)
    for text, message, status in (
        ("x,y,w\n1,2,-1\n", "bad.csv:2: error: the weight `w` is -1; a weight is a number of at least 0", 1),
        ("x,y,w\n1,2,0\n", "the weights `w` add up to 0", 1),
        ("x,y\n1,2\n", "w", 1),
    ):
        with open("bad.csv", "w", encoding="ascii") as file:
            file.write(text)
        assert message in run("wls", "train", "bad.csv", "--weights=w", status=status).stderr, message
    run("wls", "train", "weighted.csv", "--weights=w", "--stream", "-q", "-o", "m.json")
    with open("m.json", encoding="utf-8") as file:
        close(json.load(file)["params"]["a"], theta[1], 1e-9, "on disk")
    print("ok weights")


def uncounted(errors):
    """Of a row of weight 0 the residual may be no number; parts without a weight have no mean."""
    with open("weighted.csv", encoding="ascii") as file:
        rows = file.read().split("\n")
    with open("uncounted.csv", "w", encoding="ascii") as file:
        file.write("\n".join([rows[0], "-1,1,0", *(f"{np.exp(float(row.split(',')[0]))!r},{row.split(',', 1)[1]}"
                                                       for row in rows[2:] if row)]) + "\n")
    compile_model("square", "param b, a\nforward(x) = b + a * log(x)\nloss(x, y) = (forward(x) - y)^2\n")
    compile_model("pieces", "param b, a, c\nloss(x, y) = (b + a * log(x) - y)^2 + sum((c + k * a - y)^2 for k in 2)\n")
    compile_model("cases", "param b, a\nforward(x) = b + a * log(x)\n"
                  "loss(x, y) { r = y - forward(x); return if x < -2 then r^4 else r * r }\n")
    found = {}
    for name in ("square", "cases", "pieces"):
        for method in ("lm", "newton", "lbfgs"):
            result, out = train(name, "uncounted.csv", "--weights=w", "--method=" + method)
            found[name, method] = np.concatenate([list(result[part].values()) for part in ("params", "std_error")])
            close(found[name, method], found[name, "lm"], 1e-5, (name, method))
        assert "nan" not in out, out
    close(found["square", "lm"][2:], errors, 1e-5, "errors")
    close(found["cases", "lm"][:2], found["square", "lm"][:2], 1e-7, "cases")
    with open("parts.csv", "w", encoding="ascii") as file:
        file.write("x,y,w\n" + "1,2,0\n" * 50 + "1,2,1\n")
    told = run("plain", "train", "parts.csv", "--weights=w", "--validate=0.5", status=1).stderr
    assert "the weights `w` there add up to 0" in told, told
    wide = [f"x{i}" for i in range(300)]
    compile_model("wide", f"param a\nloss({', '.join(wide)}) = (a * x0 - x1)^2\n")
    with open("wide.csv", "w", encoding="ascii") as file:
        file.write(",".join(wide) + "\n" + ",".join("1" for _ in wide) + "\n")
    told = run("wide", "train", "wide.csv", "--weights=x7", status=2).stderr
    assert "--weights: not for a model of more than 256 columns" in told, told


def profile():
    """Of a linear model the interval is the usual one; of sigma it solves the likelihood's equation."""
    result, _ = train("ols", "ols.csv")
    got = run("ols", "profile", "-m", "ols.json", "ols.csv", "--param=w[1]", "-o", "curve.csv").stdout
    found = got.split()
    close([float(found[3]), float(found[5])], [result["low"]["w"][1], result["high"]["w"][1]], 1e-7, "linear profile")
    curve = np.genfromtxt("curve.csv", delimiter=",", skip_header=1)
    scaled = (curve[:, 0] - result["params"]["w"][1]) / result["std_error"]["w"][1]
    assert np.max(np.abs(scaled - curve[:, 2])) < 1e-6 and np.all(np.diff(curve[:, 0]) > 0), scaled - curve[:, 2]
    fitted, _ = train("normal", "normal.csv")
    sigma = fitted["params"]["sigma"]
    got = run("normal", "profile", "-m", "normal.json", "normal.csv", "--param=sigma", "--confidence=0.99").stderr.split()
    z = scipy.stats.norm.ppf(0.995)
    root = lambda s: 100 * (np.log(s / sigma) + (sigma**2 / s**2 - 1) / 2) - z**2
    ends = [scipy.optimize.brentq(root, sigma / 3, sigma), scipy.optimize.brentq(root, sigma, 3 * sigma)]
    close([float(got[3]), float(got[5])], ends, 1e-7, "profile of sigma")
    for name, options, message, status in (
        ("ols", [], "no param: give --param=NAME", 2),
        ("ols", ["--param=v"], "has no param `v`", 2),
        ("ols", ["--param=w[2]"], "is no entry of `w`; one is `w[0]`", 2),
        ("ols", ["--param=b[0]"], "`b` is a number", 2),
        ("shares", ["--param=p[0]"], "depends on the other entries", 1),
        ("both", ["--param=a"], "do not identify `a`: it has no profile", 1),
    ):
        assert message in run(name, "profile", "-m", name + ".json", name + ".csv", *options, status=status).stderr, message
    print("ok profile")


def refusals():
    write("few.csv", {"x0": [1, 2], "x1": [3, 5], "y": [1, 2]})
    assert "2 residuals do not tell how" in run("ols", "train", "few.csv", "--errors", "-q", status=1).stderr
    for options, message in (
        (["--errors=robust"], "expected auto, squares, likelihood or no"),
        (["--confidence=95"], "a number between 0 and 1, such as 0.95"),
        (["--confidence=x"], "expected a number"),
    ):
        assert message in run("ols", "train", "ols.csv", *options, status=2).stderr, message
    run("ols", "train", "ols.csv", "-q", "-o", "none.json", "--errors=no")
    for options in (["--interval=0.9"], ["--interval-of=mean"]):
        got = run("ols", "predict", "-m", "none.json", "ols.csv", *options, status=1)
        assert "has no covariance of this model: train with --errors" in got.stderr, got.stderr
    assert "expected mean or observation" in run("ols", "predict", "-m", "ols.json", "ols.csv", "--interval-of=all",
                                                 status=1).stderr
    print("ok refusals")


if __name__ == "__main__":
    for check in (nist, line, ridge, normal, logistic, gp, bad_optima, definitions, files, floats, profile, weights, refusals):
        check()
    assert os.path.exists("ols.json")
