#!/usr/bin/env python3
"""threads.py GRADC: full-batch epochs by one thread and by two, of work that the processor bounds, and of work that memory
bounds. Wall time, so other work on the
machine counts; an epoch is the difference of two runs that differ in the number of epochs, each the least of 7 rounds in
turns. Results must be the same bits. Prints a Markdown table; nothing where there is one processor only."""
import os
import pathlib
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROUNDS, FEW, MANY, COPIES = 7, 10, 60, 10


def wall(command):
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def main():
    gradc = os.path.abspath(sys.argv[1])
    if len(os.sched_getaffinity(0)) < 2:
        return
    examples = HERE.parent / "examples"
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        subprocess.run(["cc", "-O2", "-o", folder / "table", HERE / "table.c", "-lm"], check=True)
        with open(folder / "table.csv", "w") as table:
            subprocess.run([folder / "table", "logistic", "300000", "20"], check=True, stdout=table)
        print("| epochs | one thread, ms | two threads, ms | ratio |\n| --- | --- | --- | --- |")
        head, *rows = (examples / "data" / "digits.csv").read_text().splitlines(keepends=True)
        (folder / "digits.csv").write_text(head + "".join(rows) * COPIES)
        cases = (("perceptron, digits ten times", examples / "mlp.model", folder / "digits.csv"),
                 ("logistic, 300,000 rows of 20, from memory", HERE / "logistic.model", folder / "table.csv"))
        for title, model, data in cases:
            subprocess.run([gradc, model, "-o", folder / "trainer"], check=True)
            least, results = {}, {}
            for _ in range(ROUNDS):
                for threads in (1, 2):
                    command = [folder / "trainer", "train", data, "--method=bgd", "--rate=0.1", f"--threads={threads}",
                               "--report=1000000", "--quiet", "-o", folder / f"{threads}.result"]
                    for epochs in (FEW, MANY):
                        spent = wall([*command, f"--epochs={epochs}"])
                        least[threads, epochs] = min(least.get((threads, epochs), spent), spent)
                    results[threads] = (folder / f"{threads}.result").read_bytes()
            assert results[1] == results[2], title
            one, two = (1e3 * (least[k, MANY] - least[k, FEW]) / (MANY - FEW) for k in (1, 2))
            print(f"| {title} | {one:.2f} | {two:.2f} | {one / two:.2f} |", flush=True)


main()
