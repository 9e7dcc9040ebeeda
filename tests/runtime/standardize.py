"""standardize.py GRADC EXAMPLES, in a folder of its own: params of standardised inputs are folded back where the model is
affine in them, else the units are stored; either way the result says the same of the data as they are."""
import json
import subprocess
import sys

import numpy as np

GRADC, EXAMPLES = sys.argv[1:3]
RNG = np.random.default_rng(8)
ROWS = 60
X = RNG.normal(size=(ROWS, 3)) * [1, 20, 0.05] + [3, -100, 0.2]
Z = RNG.normal(size=ROWS) * 4 - 7
Y = X @ [0.5, -0.02, 3] + 0.1 * Z + RNG.normal(size=ROWS)
LINE = "b + dot(w, x)"
HEAD = "dim D\nparam b, w[D] = normal(0, 0.1), v = 0.2, c = 0.3\n"

# what is folded: name, params, forward of x[D] and z, what else is in the file, the inputs whose units are stored
MODELS = [
    ("line", "", LINE, "", ""),
    ("both", "", f"{LINE} + v * z", "", ""),
    ("before", "", f"v * z + ({LINE} - c)", "", ""),
    ("net", "dim H = 4\nparam u[H, D] ~ flat, a[H], o[H] = normal(0, 1), k\n", "k + sum(o[h] * tanh(a[h] + sum(u[h, j] * x[j] for j)) for h)", "", ""),
    ("turned", "dim H = 2\nparam u[D, H], a[H]\n", "sum(tanh(a[h] + sum(x[j] * u[j, h] for j)) for h)", "", ""),
    ("heads", "param s[D], t\n", f"tanh(t + dot(s, x)) * c + {LINE}", "", ""),
    ("no_bias", "", "dot(w, x)", "", "x"),
    ("square", "", f"{LINE} + x[0]^2", "", "x"),
    ("entry", "", "b + w[0] * x[0] + w[1] * x[1] + w[2] * x[2]", "", "x"),
    ("twice", "", f"{LINE} + v * tanh({LINE} + z)", "", "z"),
    ("again", "", f"{LINE} + tanh(dot(w, x))", "", "x"),
    ("shared", "", f"tanh({LINE}) + c * exp(b)", "", "x"),
    ("minus", "", "dot(w, x) - b", "", "x"),
    ("scaled", "", f"2 * dot(w, x) + b", "", "x"),
    ("ridge", "", LINE, "penalty = 0.01 * sum(w^2)\n", "x"),
    ("prior", "param q[D] ~ normal(0, 10), r\n", "r + dot(q, x)", "", "x"),
    ("other_penalty", "", f"{LINE} + v * z", "penalty = 0.01 * c^2\n", ""),
    ("metric", "", LINE, "metric size(x[D], z, y) = sum(w^2)\n", "x"),
    ("plain_metric", "", LINE, "metric mae(x[D], z, y) = abs(forward(x, z) - y)\n", ""),
    ("definition", "", LINE, "double = 2 * b\n", "x"),
    ("positive", "param p > 0\n", f"{LINE} + p * z", "", "z"),
    ("product", "", f"{LINE} + v * c * z", "", "z"),
    ("times", "", f"c * ({LINE})", "", ""),
    ("kinks", "", f"max({LINE}, v * z + c)", "", ""),
]


def run(*command, status=0):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == status, (command, done.stdout[-300:], done.stderr)
    return done.stdout if status == 0 else done.stderr


def train(name, data, *words):
    run("./" + name, "train", data, "-q", "-o", name + ".json", *words)
    with open(name + ".json", encoding="utf-8") as file:
        return json.load(file)


def value(text, name):
    return float(next(line for line in text.splitlines() if line.startswith(name + " = ")).split("= ")[1])


def close(found, expected, tolerance, what):
    found, expected = np.asarray(found, float), np.asarray(expected, float)
    assert np.allclose(found, expected, rtol=tolerance, atol=tolerance), (what, found, expected)


def check_models():
    for name, params, forward, more, stored in MODELS:
        params = params.replace(" ~ flat", " = normal(0, 0.1)")
        uses = [p for p in ("v", "c") if p not in forward + more]
        loss = "(forward(x, z) - y)^2" + "".join(f" + ({p} - 1)^2" for p in uses)
        loss += "" if "z" in forward else " + (z - z)^2"
        loss += "" if "w" in forward + more else " + sum(w^2)"
        loss += "" if "b" in forward + more else " + b^2"
        with open(name + ".model", "w", encoding="utf-8") as file:
            file.write(f"{HEAD}{params}forward(x[D], z) = {forward}\nloss(x[D], z, y) = {loss}\n{more}")
        run(GRADC, "-Wno-domain", "-Wno-unused-param", name + ".model", "-o", name)
        result = train(name, "data.csv", "--standardize", "--method=lbfgs", "--epochs=25")
        units = {key for key in result.get("input_sd", {}) if key in ("x", "z") and key in used(forward)}
        assert units == set(stored), (name, units, stored)
        told = run("./" + name, "eval", "-m", name + ".json", "data.csv")
        close(value(told, "objective"), result["objective"], 1e-9, (name, "objective"))
        for p in ("float",):
            run(GRADC, "-Wno-domain", "-Wno-unused-param", "--precision=f32", name + ".model", "-o", p)
            single = train(p, "data.csv", "--standardize", "--method=lbfgs", "--epochs=5", "--statistics=no")
            told = run("./" + p, "eval", "-m", p + ".json", "data.csv")
            close(value(told, "objective"), single["objective"], 2e-3, (name, "floats"))


def used(forward):
    return {key for key in "xz" if key in forward.replace("exp", "").replace("max", "")}


def check_least_squares():
    design = np.column_stack([np.ones(ROWS), X])
    theta = np.linalg.lstsq(design, Y, rcond=None)[0]
    square = np.sum((Y - design @ theta) ** 2) / (ROWS - 4)
    errors = np.sqrt(np.diag(square * np.linalg.inv(design.T @ design)))
    run(GRADC, f"{EXAMPLES}/linreg.model", "-o", "linreg")
    for words in (["--method=bgd", "--rate=0.3", "--epochs=3000"], ["--method=lbfgs"], [], ["--stream", "--method=lbfgs"]):
        found = train("linreg", "x.csv", "--standardize", *words)
        close([found["params"]["θ₀"], *found["params"]["θ"]], theta, 1e-7, words)
        assert "input_sd" not in found
    found = train("linreg", "x.csv", "--standardize", "--errors")
    close([found["std_error"]["θ₀"], *found["std_error"]["θ"]], errors, 1e-6, "errors")
    predicted = run("./linreg", "predict", "-m", "linreg.json", "x.csv").split()[1:]
    close(predicted, design @ theta, 1e-9, "predict")
    # a run that goes on takes them to its units and back
    more = train("linreg", "x.csv", "--standardize", "-m", "linreg.json", "--epochs=0")
    close([more["params"]["θ₀"], *more["params"]["θ"]], theta, 1e-9, "epochs=0")
    more = train("linreg", "x.csv", "-m", "linreg.json", "--epochs=0")
    close([more["params"]["θ₀"], *more["params"]["θ"]], theta, 1e-9, "without")
    out = run("./linreg", "train", "x.csv", "--standardize", "--validate=0.3", "--method=lbfgs", "-o", "part.json")
    assert value(out, "objective") > 0
    for words in (["--cv=3"], ["--report=page.html", "--plot-residuals=r.svg"], ["--validate=x.csv"]):
        found = train("linreg", "x.csv", "--standardize", *words)
        close([found["params"]["θ₀"], *found["params"]["θ"]], theta, 1e-7, words)
    # a file that holds the units of another run is of inputs in these
    first = train("ridge", "data.csv", "--standardize", "--method=lbfgs")
    again = train("ridge", "data.csv", "-m", "ridge.json", "--epochs=0")
    assert again["input_sd"] == first["input_sd"] and again["params"] == first["params"]
    train("ridge", "data.csv", "--method=lbfgs")
    message = run("./ridge", "train", "data.csv", "-m", "ridge.json", "--standardize", status=1)
    assert "were trained without it" in message, message


def main():
    for path, columns, names in (("data.csv", [X, Z[:, None], Y[:, None]], "x0,x1,x2,z,y"), ("x.csv", [X, Y[:, None]], "x0,x1,x2,y")):
        np.savetxt(path, np.hstack(columns), delimiter=",", header=names, comments="", fmt="%.17g")
    check_models()
    check_least_squares()
    print("ok", len(MODELS))


main()
