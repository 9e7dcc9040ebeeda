#!/usr/bin/env python3
"""whole.py GRADC [ROWS] [FEATURES]: from a CSV file to the weights of a logistic regression, 10 epochs, the whole
process: the trainer against NumPy and scikit-learn, pandas and PyTorch, and liblinear, where these are installed.
Prints a Markdown table: seconds and processor time, the medians of 7 rounds (of 3 where a round takes more than 5
seconds), and the ratio of the processor times to the first."""
import os
import pathlib
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
EPOCHS = 10

SKLEARN = """
import sys, numpy as np
from sklearn.linear_model import SGDClassifier
table = np.loadtxt(sys.argv[1], delimiter=",", skiprows=1)
model = SGDClassifier(loss="log_loss", alpha=0, max_iter=%d, tol=None, learning_rate="constant", eta0=0.01)
model.fit(table[:, :-1], table[:, -1])
print(model.coef_, model.intercept_)
""" % EPOCHS

PANDAS_SKLEARN = SKLEARN.replace("numpy as np", "pandas").replace(
    'np.loadtxt(sys.argv[1], delimiter=",", skiprows=1)', "pandas.read_csv(sys.argv[1]).to_numpy()")

TORCH = """
import sys, pandas, torch
table = torch.from_numpy(pandas.read_csv(sys.argv[1]).to_numpy())
x, y = table[:, :-1].contiguous(), table[:, -1].contiguous()
model = torch.nn.Linear(x.shape[1], 1, dtype=torch.float64)
step = torch.optim.SGD(model.parameters(), lr=0.5)
for epoch in range(%d):
    order = torch.randperm(len(y))
    for batch in order.split(256):
        step.zero_grad()
        z = model(x[batch]).squeeze(1)
        torch.nn.functional.binary_cross_entropy_with_logits(z, y[batch]).backward()
        step.step()
print(model.weight, model.bias)
""" % EPOCHS


def python_has(module):
    return subprocess.run([sys.executable, "-c", f"import {module}"], stderr=subprocess.DEVNULL).returncode == 0


def spent(command):
    """Wall and processor time."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measure(command):
    rounds = [spent(command)]
    count = 3 if rounds[0][0] > 5 else 7
    rounds += [spent(command) for _ in range(count - 1)]
    return [statistics.median(column) for column in zip(*rounds)]


def to_libsvm(source, target):
    with open(source) as table, open(target, "w") as out:
        next(table)
        for line in table:
            *x, y = line.rstrip().split(",")
            out.write(y + "".join(f" {j + 1}:{v}" for j, v in enumerate(x)) + "\n")


def contestants(folder, gradc):
    table, libsvm = folder / "table.csv", folder / "table.txt"
    subprocess.run([gradc, HERE / "logistic.model", "-o", folder / "trainer"], check=True)
    train = [folder / "trainer", "train", table, f"--epochs={EPOCHS}", "-o", folder / "model"]
    yield "gradc, SGD", [*train, "--method=sgd", "--rate=0.01"]
    yield "gradc, SGD, one thread", [*train, "--method=sgd", "--rate=0.01", "--threads=1"]
    yield "gradc, full batch", [*train, "--method=bgd"]
    if python_has("sklearn"):
        yield "NumPy and scikit-learn, SGD", [sys.executable, "-c", SKLEARN, table]
        if python_has("pandas"):
            yield "pandas and scikit-learn, SGD", [sys.executable, "-c", PANDAS_SKLEARN, table]
    if python_has("pandas") and python_has("torch"):
        yield "pandas and PyTorch, batches of 256", [sys.executable, "-c", TORCH, table]
    for program in ("liblinear-train", "train"):
        if shutil.which(program):
            to_libsvm(table, libsvm)
            yield "liblinear, to its own end", [program, "-s", "0", "-q", libsvm, folder / "liblinear"]
            break


def main():
    gradc = os.path.abspath(sys.argv[1])
    rows, features = (sys.argv[2:] + ["200000", "20"][len(sys.argv) - 2:])[:2]
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        subprocess.run(["cc", "-O2", "-o", folder / "table", HERE / "table.c", "-lm"], check=True)
        with open(folder / "table.csv", "w") as table:
            subprocess.run([folder / "table", "logistic", rows, features], check=True, stdout=table)
        print(f"| {rows} rows, {features} features, to the weights | seconds of processor time | seconds | ratio |")
        print("| --- | --- | --- | --- |")
        first = None
        for title, command in contestants(folder, gradc):
            wall, work = measure(command)
            first = first or work
            print(f"| {title} | {work:.3f} | {wall:.3f} | {work / first:.1f} |", flush=True)


main()
