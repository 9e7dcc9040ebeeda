"""trained.py FOLDER DATA: the trainers factorisation, convnet, autoencoder, word2vec and bundle of FOLDER learn what
they are for, and Levenberg-Marquardt (SciPy's) solves the bundle with the Jacobian of residual.so."""
import ctypes
import json
import os
import subprocess
import sys

import numpy as np
from scipy.optimize import least_squares

FOLDER, DATA = (os.path.abspath(p) for p in sys.argv[1:3])
failures = []


def expect(condition, what):
    if not condition:
        failures.append(f"{sys._getframe(1).f_code.co_name}: {what}")


def table(name):
    return np.genfromtxt(f"{DATA}/{name}", delimiter=",", skip_header=1)


def run(name, *words):
    done = subprocess.run([f"{FOLDER}/{name}", *words], capture_output=True, text=True, timeout=120, check=False)
    expect(done.returncode == 0, f"{words}: {done.stderr}")
    return done.stdout


def trained(name, data, *words, test=None):
    """The params, and what `eval` tells of the data, or those of the test."""
    result = f"{FOLDER}/{name}.json"
    run(name, "train", f"{DATA}/{data}", *words, "--quiet", "-o", result)
    with open(result, encoding="utf-8") as file:
        params = {k: np.array(v) for k, v in json.load(file)["params"].items()}
    lines = run(name, "eval", "-m", result, f"{DATA}/{test or data}").splitlines()
    return params, {k: float(v) for k, v in (line.split(" = ") for line in lines)}


def test_factorisation():
    _, told = trained("factorisation", "ratings.csv", test="ratings_test.csv")
    known, test = table("ratings.csv"), table("ratings_test.csv")
    mean = np.sqrt(np.mean((test[:, 2] - known[:, 2].mean()) ** 2))
    by_film = np.array([known[known[:, 1] == i, 2].mean() for i in range(40)])
    film = np.sqrt(np.mean((test[:, 2] - by_film[test[:, 1].astype(int)]) ** 2))
    expect(told["rmse"] < 0.45 < 0.6 * film < 0.6 * mean, f"{told} {film} {mean}")


def test_convnet():
    _, told = trained("convnet", "digits.csv")
    expect(told["accuracy"] > 0.97, told)


def test_autoencoder():
    _, told = trained("autoencoder", "digits.csv")
    x = table("digits.csv")[:, :64]
    spread = x - x.mean(axis=0)
    whole = (spread ** 2).sum() / len(x)
    best = (np.linalg.svd(spread, compute_uv=False)[32:] ** 2).sum() / len(x)   # of all maps of rank 32
    expect(best < told["squares"] < 0.05 * whole, f"{told} {best} {whole}")


def test_word2vec():
    params, _ = trained("word2vec", "words.csv")
    with open(f"{FOLDER}/word2vec.json", encoding="utf-8") as file:
        classes = json.load(file)["classes"]
    words = classes["word"]
    expect(classes["context"] == classes["neg"] == words and len(words) == 29, classes)
    unit = params["U"] / np.linalg.norm(params["U"], axis=1)[:, None]
    for kind in ("dog cat horse cow sheep", "bread meat cheese fish grain", "water milk tea wine juice",
                 "car train boat bus plane", "london paris rome berlin madrid"):
        members = [words.index(w) for w in kind.split()]
        for k in members:
            near = np.argsort(-(unit @ unit[k]))[1:5]
            expect(set(near) <= set(members), f"near {words[k]}: {[words[j] for j in near]}")


def test_bundle():
    observed = table("bundle.csv")
    _, told = trained("bundle", "bundle.csv", "-m", f"{DATA}/bundle_start.json")
    expect(told["rms"] < 1, told)
    with open(f"{DATA}/bundle_start.json", encoding="utf-8") as file:
        start = json.load(file)["params"]
    at = np.concatenate([np.ravel(start["cam"]), np.ravel(start["X"])])
    residual = ctypes.CDLL(f"{FOLDER}/residual.so").bundle_residual_jacobian
    sizes = [ctypes.c_size_t(n) for n in (5, 40, len(observed))]

    def pointer(a):
        return a.ctypes.data_as(ctypes.c_void_p)

    def both(p):
        values, jacobian = np.zeros((len(observed), 2)), np.zeros((len(observed), 2, len(p)))
        for n, (i, j, _, *feat) in enumerate(observed):
            c, x = 11 * int(i), 55 + 3 * int(j)
            block = np.zeros((2, 15))
            residual(*sizes, None, pointer(p[c:c + 11].copy()), pointer(p[x:x + 3].copy()), ctypes.c_double(1),
                     pointer(np.array(feat)), pointer(values[n]), pointer(block))
            jacobian[n, :, c:c + 11], jacobian[n, :, x:x + 3] = block[:, :11], block[:, 11:14]
        return values.ravel(), jacobian.reshape(-1, len(p))

    found = least_squares(lambda p: both(p)[0], at, jac=lambda p: both(p)[1], x_scale="jac", ftol=1e-3)
    # half a pixel of noise; each unknown takes a part of it away
    expect(np.sqrt(np.mean(found.fun ** 2)) < 0.5, found.fun)


for test_name, test_function in list(globals().items()):
    if test_name.startswith("test_"):
        test_function()
for failure in failures:
    print(failure)
sys.exit(bool(failures))
