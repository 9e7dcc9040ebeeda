#!/usr/bin/env python3
"""gradient.py GRADC [--plot=FILE]: loss and gradient of all rows of logistic regression, one thread, against NumPy,
PyTorch and ADOL-C where these are installed. Prints a Markdown table: nanoseconds of processor time a row, medians of at least 7 calls.
With --plot, instead a picture (SVG, PNG: by its name) of the time against rows and against features; needs
matplotlib. Sizes are not known when gradc compiles."""
import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import ctypes
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
SIZE, POINTER = ctypes.c_size_t, ctypes.c_void_p


def median_time(function, seconds=0.3):
    """Of at least 7 calls, behind one that does not count; more of short ones."""
    function()
    times, end = [], time.perf_counter() + seconds
    while len(times) < 7 or (time.perf_counter() < end and len(times) < 1000):
        start = time.process_time()
        function()
        times.append(time.process_time() - start)
    return statistics.median(times)


def address(array):
    return array.ctypes.data_as(POINTER)


class Gradc:
    name = "gradc"

    def __init__(self, folder, gradc):
        library = folder / "logistic.so"
        subprocess.run([gradc, "--emit=shared", "--function=loss", "--batch", "-march=native", HERE / "logistic.model",
                        "-o", library], check=True)
        self.library = ctypes.CDLL(str(library))
        self.call = self.library.logistic_loss_batch_grad
        self.call.restype = ctypes.c_double
        self.work = getattr(self.library, "logistic_loss_batch_grad_work", None)

    def prepare(self, x, y, w):
        grad = np.zeros(len(w))
        args = [SIZE(x.shape[1]), address(w), SIZE(len(x)), address(x), address(y), address(grad)]
        if self.work:
            self.work.restype = SIZE
            self.scratch = np.zeros(self.work(SIZE(x.shape[1]), SIZE(len(x))) + 8)
            args.append(address(self.scratch))
        return (lambda: self.call(*args)), grad


class NumPy:
    name = "NumPy"

    def __init__(self, folder, gradc):
        pass

    def prepare(self, x, y, w):
        grad = np.zeros(len(w))

        def call():
            z = x @ w[:-1] + w[-1]
            r = 1 / (1 + np.exp(-z)) - y
            grad[:-1] = x.T @ r / len(y)
            grad[-1] = r.mean()
            return (np.logaddexp(0, z) - y * z).mean()

        return call, grad


class Torch:
    name = "PyTorch"

    def __init__(self, folder, gradc):
        import torch
        torch.set_num_threads(1)
        self.torch = torch

    def prepare(self, x, y, w):
        torch = self.torch
        data, labels = torch.from_numpy(x), torch.from_numpy(y)
        params = torch.from_numpy(w.copy()).requires_grad_()
        grad = np.zeros(len(w))

        def call():
            params.grad = None
            z = data @ params[:-1] + params[-1]
            loss = torch.nn.functional.binary_cross_entropy_with_logits(z, labels)
            loss.backward()
            grad[:] = params.grad.numpy()
            return loss.item()

        return call, grad


class Adolc:
    name = "ADOL-C"
    largest = 2_000_000  # numbers: the tape is much larger

    def __init__(self, folder, gradc):
        library = folder / "adolc.so"
        if not shutil.which("c++"):
            raise ImportError("no C++ compiler")
        made = subprocess.run(["c++", "-O3", "-march=native", "-shared", "-fPIC", HERE / "adolc.cpp", "-ladolc", "-o",
                               library], stderr=subprocess.DEVNULL)
        if made.returncode:
            raise ImportError("no ADOL-C")
        self.library = ctypes.CDLL(str(library))

    def prepare(self, x, y, w):
        d, grad = SIZE(x.shape[1]), np.zeros(len(w))
        self.library.adolc_record(d, SIZE(len(x)), address(x), address(y), address(w))
        return (lambda: self.library.adolc_gradient(d, address(w), address(grad))), grad


def measure(peers, rows, features):
    """Seconds of a call of each; None where it is too large for it."""
    random = np.random.default_rng(1)
    x = random.uniform(-1, 1, (rows, features))
    y = (random.uniform(size=rows) < 0.5).astype(float)
    w = random.uniform(-1, 1, features + 1)
    times, expected = [], None
    for peer in peers:
        if x.size > getattr(peer, "largest", x.size):
            times.append(None)
            continue
        call, grad = peer.prepare(x, y, w)
        times.append(median_time(call))
        expected = grad.copy() if expected is None else expected
        assert np.allclose(grad, expected, rtol=1e-9, atol=1e-12), peer.name
    return times


def plot(peers, path):
    import matplotlib
    matplotlib.use("Agg")
    import matplotlib.pyplot as pyplot
    figure, axes = pyplot.subplots(1, 2, figsize=(9, 3.6), layout="constrained", sharey=True)
    series = [("rows, of 20 features", [(n, 20) for n in (100, 300, 1000, 3000, 10000, 30000, 100000, 300000)], 0),
              ("features, 10,000 rows", [(10000, d) for d in (2, 4, 8, 16, 32, 64, 128, 256, 512)], 1)]
    for axis, (label, sizes, which) in zip(axes, series):
        times = [measure(peers, *size) for size in sizes]
        for k, peer in enumerate(peers):
            points = [(size[which], row[k]) for size, row in zip(sizes, times) if row[k] is not None]
            axis.loglog(*zip(*points), marker="o", markersize=3, label=peer.name)
        axis.set_xlabel(label)
        axis.grid(True, which="major", alpha=0.3)
    axes[0].set_ylabel("loss and gradient, seconds")
    axes[0].legend(frameon=False)
    figure.suptitle("Logistic regression, one thread")
    figure.savefig(path, metadata={"Date": None} if path.endswith(".svg") else None)


def main():
    gradc = sys.argv[1]
    pictures = [word[len("--plot="):] for word in sys.argv[2:] if word.startswith("--plot=")]
    with tempfile.TemporaryDirectory() as name:
        peers = []
        for kind in (Gradc, NumPy, Torch, Adolc):
            try:
                peers.append(kind(pathlib.Path(name), gradc))
            except ImportError:
                print(f"{kind.name}: not installed, skipped", file=sys.stderr)
        if pictures:
            plot(peers, pictures[0])
            return
        print("| rows | features | " + " | ".join(f"{p.name}, ns a row" for p in peers) + " |")
        print("| --- " * (2 + len(peers)) + "|")
        for rows, features in ((100, 20), (10_000, 20), (1_000_000, 20), (10_000, 200)):
            cells = [f"{t / rows * 1e9:.1f}" if t else "-" for t in measure(peers, rows, features)]
            print(f"| {rows} | {features} | " + " | ".join(cells) + " |", flush=True)


main()
