"""blocks.py GRADC MODEL CC: samples that are blocks of rows: the C functions over a batch are the sums
of those of its samples; the trainer's steps, optimum, predictions and messages are those of NumPy."""
import ctypes
import json
import os
import subprocess
import sys
import tempfile

import numpy as np
import scipy.optimize

GRADC, MODEL, CC = sys.argv[1], os.path.abspath(sys.argv[2]), sys.argv[3].split()
D, K, LAMBDA = 2, 3, 0.1
N = K * D + K * K + K + 1
RANDOM = np.random.default_rng(7)
LENGTHS = [4, 1, 6, 2, 3, 1, 5]
STARTS = np.concatenate([[0], np.cumsum(LENGTHS)])
X = RANDOM.normal(size=(STARTS[-1], D))
Y = RANDOM.integers(0, K, STARTS[-1])
GROUP = RANDOM.integers(0, K, len(LENGTHS))
V = RANDOM.normal(size=len(LENGTHS))
failures = []


def expect(condition, what):
    if not condition:
        failures.append(f"{sys._getframe(1).f_code.co_name}: {what}")


def run(*words, status=0):
    done = subprocess.run(words, capture_output=True, check=False, timeout=120, text=True)
    expect(done.returncode == status, f"{words}: {done}")
    return done


def unpack(p):
    return p[:6].reshape(K, D), p[6:15].reshape(K, K), p[15:18], p[18]


def loss(p, s):
    """Value and gradient of sample s."""
    w, a, c, phi = unpack(p)
    g = np.zeros(N)
    gw, ga, gc, _ = unpack(g)
    rows = range(STARTS[s], STARTS[s + 1])
    t = len(rows)
    value = (V[s] - phi * t) ** 2 / t + c[GROUP[s]] ** 2
    g[18] = -2 * (V[s] - phi * t)
    gc[GROUP[s]] += 2 * c[GROUP[s]]
    for r in rows:
        z = w @ X[r]
        q = np.exp(z + c)
        value += np.log(q.sum()) - z[Y[r]]
        q = q / q.sum()
        gc += q
        q = q.copy()
        q[Y[r]] -= 1
        gw += np.outer(q, X[r])
        if r > rows[0]:
            value -= a[Y[r - 1], Y[r]] / t
            ga[Y[r - 1], Y[r]] -= 1 / t
    return value, g


def objective(p, samples=None):
    samples = range(len(LENGTHS)) if samples is None else samples
    parts = [loss(p, s) for s in samples]
    value = sum(v for v, _ in parts) / len(parts) + LAMBDA * (p[:18] ** 2).sum()
    value += (2 * p[18] ** 2 + np.log(0.5) + 0.5 * np.log(2 * np.pi)) / len(LENGTHS)
    g = sum(g for _, g in parts) / len(parts)
    g[18] += 4 * p[18] / len(LENGTHS)
    g[:18] += 2 * LAMBDA * p[:18]
    return value, g


def pointer(array):
    return array.ctypes.data_as(ctypes.c_void_p)


def check_library(path):
    library = ctypes.CDLL(os.path.abspath(path))
    library.blocks_loss_batch.restype = library.blocks_loss_batch_grad.restype = ctypes.c_double
    library.blocks_loss_batch_work.restype = ctypes.c_size_t
    library.blocks_loss_batch_grad_work.restype = ctypes.c_size_t
    p = RANDOM.normal(size=N)
    g = np.full(N, np.nan)
    m, d, k = (ctypes.c_size_t(v) for v in (len(LENGTHS), D, K))
    lengths = np.array(LENGTHS, dtype=np.uint64)
    y, group = Y.astype(np.int64), GROUP.astype(np.int64)
    size = library.blocks_loss_batch_grad_work(d, k, m, pointer(lengths))
    expect(size < 1000, f"scratch memory of the longest sample, not of all: {size}")
    work = np.full(max(size, library.blocks_loss_batch_work(d, k, m, pointer(lengths))) + 1, np.nan)
    work[-1] = 17
    words = (d, k, pointer(p), m, pointer(lengths), pointer(X), pointer(y), pointer(group), pointer(V))
    value = library.blocks_loss_batch(*words, pointer(work))
    wanted, gradient = objective(p)
    expect(abs(value - wanted) < 1e-13 * abs(wanted), f"{path}: {value}, {wanted}")
    value = library.blocks_loss_batch_grad(*words, pointer(g), pointer(work))
    expect(abs(value - wanted) < 1e-13 * abs(wanted), f"{path}: {value}, {wanted}")
    expect(np.abs(g - gradient).max() < 1e-13, f"{path}: {g} {gradient}")
    expect(work[-1] == 17, "nothing behind the scratch memory is written")


def test_functions():
    run(GRADC, "--emit=c", MODEL, "-o", "blocks.c")
    run(*CC, "-std=c99", "-Wall", "-Wextra", "-pedantic", "-Werror", "-O1", "-shared", "-fPIC", "blocks.c", "-lm",
        "-o", "c.so")
    check_library("c.so")
    run(GRADC, "--emit=shared", MODEL, "-o", "llvm.so")
    check_library("llvm.so")


def write_data(path="rows.csv", names=None):
    with open(path, "w", encoding="utf-8") as file:
        file.write("id,x0,x1,y,group,v\n")
        for s, length in enumerate(LENGTHS):
            name = names[s] if names else f"sample {s}"
            for r in range(STARTS[s], STARTS[s] + length):
                file.write(f"{name},{X[r, 0]!r},{X[r, 1]!r},{Y[r]},{GROUP[s]},{V[s]!r}\n")


def trained(*words):
    done = run("./blocks", "train", "rows.csv", "--sample=id", "-D", "K=3", "-q", "-o", "-", *words)
    found = json.loads(done.stdout or "{}")
    flat = [np.ravel(found["params"][name]) for name in ("W", "A", "c", "phi")]
    return np.concatenate(flat), found


def test_training():
    start, _ = trained("--epochs=0")
    best = scipy.optimize.minimize(objective, start, jac=True, method="BFGS", options={"gtol": 1e-9})
    p, found = trained("--method=lbfgs", "--epochs=500")
    expect(abs(found["objective"] - best.fun) < 1e-12, f"{found['objective']} {best.fun}")
    expect(np.abs(p - best.x).max() < 1e-6, f"{p} {best.x}")
    expect(found["sample"] == "id" and "T" not in found["dims"], found)
    p, _ = trained("--method=bgd", "--rate=0.05", "--epochs=3")
    q = start.copy()
    for _ in range(3):
        q -= 0.05 * objective(q)[1]
    expect(np.abs(p - q).max() < 1e-13, "bgd")
    p, _ = trained("--method=sgd", "--rate=0.05", "--epochs=2", "--order=file")
    q = start.copy()
    for s in list(range(len(LENGTHS))) * 2:
        q -= 0.05 * objective(q, [s])[1]
    expect(np.abs(p - q).max() < 1e-13, "sgd")
    p, _ = trained("--method=minibatch", "--batch=3", "--rate=0.05", "--epochs=1", "--order=file")
    q = start.copy()
    for batch in ([0, 1, 2], [3, 4, 5], [6]):
        q -= 0.05 * objective(q, batch)[1]
    expect(np.abs(p - q).max() < 1e-13, "minibatch")
    # shuffled: all samples once, whatever the order; a step small enough makes it the sum
    for method in ("sgd", "minibatch"):
        p, _ = trained(f"--method={method}", "--batch=1", "--rate=1e-7", "--epochs=1")
        move = sum(objective(start, [s])[1] for s in range(len(LENGTHS)))
        expect(np.abs((start - p) / 1e-7 - move).max() < 1e-4, f"{method}: shuffled")
    alone, _ = trained("--method=bgd", "--epochs=20", "--threads=1")
    many, _ = trained("--method=bgd", "--epochs=20", "--threads=3")
    expect((alone == many).all(), "threads")


def test_threads():
    """Many samples: the chunks of any number of threads add up to the same bits."""
    with open("many.csv", "w", encoding="utf-8") as file, open("rows.csv", encoding="utf-8") as once:
        lines = once.read().splitlines(keepends=True)
        file.write(lines[0])
        for k in range(200):
            file.writelines(f"{k} {line}" for line in lines[1:])
    words = ("./blocks", "train", "many.csv", "--sample=id", "-D", "K=3", "-q", "-o", "-")
    found = {run(*words, "--epochs=3", f"--threads={n}").stdout for n in (1, 2, 3, 5)}
    expect(len(found) == 1, "threads")
    start, _ = trained("--epochs=0")
    value, _ = objective(start)
    prior = 2 * start[18] ** 2 + np.log(0.5) + 0.5 * np.log(2 * np.pi)
    value += prior / len(LENGTHS) * (1 / 200 - 1)
    done = json.loads(run(*words, "--epochs=0").stdout)
    expect(abs(done["objective"] - value) < 1e-12, f"{done['objective']} {value}")


def test_results():
    run("./blocks", "train", "rows.csv", "--sample=id", "-D", "K=3", "-q", "-o", "a.safetensors", "--method=lbfgs")
    p, found = trained("--method=lbfgs")
    w, _, c, _ = unpack(p)
    lines = run("./blocks", "predict", "-m", "a.safetensors", "rows.csv").stdout.splitlines()
    expect(lines[0] == "forward0,forward1,forward2" and len(lines) == 1 + STARTS[-1], lines[:2])
    q = np.exp(X @ w.T + c)
    q /= q.sum(axis=1, keepdims=True)
    got = np.array([[float(v) for v in line.split(",")] for line in lines[1:]])
    expect(np.abs(got - q).max() < 1e-12, "a line for each row")
    done = run("./blocks", "eval", "-m", "a.safetensors", "rows.csv").stdout
    for line in (f"rows = {STARTS[-1]}", f"samples = {len(LENGTHS)}", f"objective = {found['objective']}"[:20]):
        expect(line in done, f"{line}: {done}")
    expect(f"rows = {np.mean(LENGTHS)}"[:12] in done and f"first = {X[STARTS[:-1], 0].mean()}"[:16] in done, done)
    run("./blocks", "check", "rows.csv", "--sample=id", "-D", "K=3")


def test_separators():
    """Texts, numbers, a column of the model, and .npy give the same samples."""
    p, _ = trained("--epochs=5")
    write_data("numbers.csv", [3, 1, 2, 3, 3.5, -1, 1])
    words = ("-D", "K=3", "-q", "-o", "-", "--epochs=5")
    done = run("./blocks", "train", "numbers.csv", "--sample=id", *words)
    expect(json.loads(done.stdout)["params"]["phi"] == p[18], "numbers")
    done = run("./blocks", "train", "numbers.csv", "--sample=v", *words)
    expect(json.loads(done.stdout)["params"]["phi"] == p[18], "a column of the model")
    ids = np.repeat(np.arange(len(LENGTHS)), LENGTHS)
    table = np.column_stack([X, Y, GROUP[ids], V[ids], ids])
    np.save("rows.npy", table)
    done = run("./blocks", "train", "rows.npy", "--sample=6", "-D", "D=2", *words)
    expect(json.loads(done.stdout)["params"]["phi"] == p[18], ".npy")
    one = run("./blocks", "train", "one.csv", "-D", "K=3", "-q", "-o", "-", "--epochs=0")
    two = run("./blocks", "train", "one.csv", "--sample=id", "-D", "K=3", "-q", "-o", "-", "--epochs=0")
    expect(json.loads(one.stdout)["objective"] == json.loads(two.stdout)["objective"], "the whole file is one")


def test_messages():
    cases = [
        (["rows.csv"], 1, "rows.csv:6: error: `group` is one value for a sample"),
        (["rows.csv", "--sample=no"], 1, "--sample: there is no column `no`"),
        (["rows.csv", "-D", "T=3"], 2, "-D: `T` is the number of rows of a sample; the data decide"),
        (["empty.csv", "--sample=id"], 1, "empty.csv:3:1: error: column `id` (for `--sample`): the field is empty"),
        (["huge.csv", "--sample=id"], 1, "in sample 2, which begins in row 3 (huge.csv:4): the loss is inf"),
    ]
    for words, status, message in cases:
        done = run("./blocks", "train", *words, "-D", "K=3", status=status)
        expect(message in done.stderr, f"{words}: {done}")
    info = run("./blocks", "info").stdout
    for line in ("dim T (the rows of a sample)", "column x[T, D]", "column y[T] in K (target)", "column v (target)",
                 "forward[T, K]"):
        expect(line + "\n" in info, f"{line}: {info}")


with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    run(GRADC, MODEL, "-o", "blocks")
    write_data()
    HEAD = "id,x0,x1,y,group,v\n"
    for name, text in {
            "one.csv": "a,1,2,0,1,3\na,2,1,1,1,3\n",
            "empty.csv": "a,1,2,0,1,3\n,2,1,1,1,3\n",
            "huge.csv": "a,1,2,0,1,3\na,1,2,0,1,3\nb,1,2,0,1,1e300\nb,1,2,0,1,1e300\n"}.items():
        with open(name, "w", encoding="utf-8") as text_file:
            text_file.write(HEAD + text)
    for name, test in list(globals().items()):
        if name.startswith("test_"):
            test()
for failure in failures:
    print(failure)
sys.exit(bool(failures))
