"""Positions that random formulas make of indices and sizes: what gradc takes as proved to be inside is inside, at all
sizes that are tried; and these many are proved.

usage: proofs.py GRADC FOLDER
"""
import itertools
import os
import random
import re
import subprocess
import sys

SIZES = range(1, 10)
# position, size of the array: these are inside and must be proved
KNOWN = [
    ("i * (i + 1) // 2 + j", "n * (n + 1) // 2"),
    ("i * (i - 1) // 2 + j", "n * (n + 1) // 2"),
    ("n + j * n - j * (j + 1) // 2 + i - j", "n * (n + 1) // 2 + 1"),
    ("(n - 1 - i) * (n - i) // 2 + j", "n * (n + 1) // 2"),
    ("j * n - j * (j - 1) // 2 + i - j", "n * (n + 1) // 2"),
    ("i * n + j", "n * n"),
    ("(n - 1 - i) * n + j", "n * n"),
    ("i * i + j", "n * n"),
    ("i * i - j * j", "n * n"),
    ("(i - j) * n + j", "n * n"),
    ("(i - j) * (i - j) + j", "n * n"),
    ("(i - j) * (n - i)", "n * n"),
]


def term(pick):
    kind = pick.random()
    if kind < 0.3:
        return pick.choice(["i", "j", "n", "1", "2", "i - j", "n - i", "n - 1 - j"])
    if kind < 0.6:
        return f"({pick.choice(['i', 'j', 'n', 'i - j', 'n - 1 - i'])}) * ({pick.choice(['i', 'j', 'n', 'i + 1', 'j + 1', 'n - 1 - j'])})"
    if kind < 0.9:
        a = pick.choice(["i", "j", "n"])
        return f"{a} * ({a} {pick.choice(['+', '-'])} {pick.choice([1, 1, 2])}) // 2"
    return f"({pick.choice(['i', 'j', 'i * j'])}) // {pick.choice([2, 3])}"


def formulas(pick, count):
    for _ in range(count):
        text = term(pick)
        for _ in range(pick.randint(0, 3)):
            text += f" {pick.choice('+-')} {term(pick)}"
        yield text, pick.choice(["n * n", "n * (n + 1) // 2", "n * n + n", "2 * n", "n + 1"])


def inside(position, size):
    where, extent = compile(position, "", "eval"), compile(size, "", "eval")
    for n in SIZES:
        end = eval(extent, {"n": n})
        for i, j in itertools.product(range(n), repeat=2):
            if j <= i and not 0 <= eval(where, {"n": n, "i": i, "j": j}) < end:
                return False
    return True


def main():
    gradc, folder = sys.argv[1:]
    rows = KNOWN + list(formulas(random.Random(11), 300))
    model = os.path.join(folder, "proofs.model")
    wrong = proved = right = 0
    for k, (position, size) in enumerate(rows):
        with open(model, "w") as f:
            f.write(f"f(x[n]) = sum([k * x[0] for k in {size}][{position}] for i in n, j in 0..i + 1)\n")
        done = subprocess.run([gradc, "--dump=ir", model], capture_output=True, text=True)
        if done.returncode == 1 and re.search(r"past the end|negative", done.stderr):
            refuted, good = True, inside(position, size)
        elif done.returncode != 0:
            print(f"{position}, {size}: {done.stderr}")
            wrong += 1
            continue
        else:
            refuted, good = False, "nan" not in done.stdout
        truth = inside(position, size)
        right += truth
        if refuted:
            if truth:
                print(f"`{position}` of {size} is inside, but was refuted")
                wrong += 1
            continue
        proved += good and truth
        if good and not truth:
            print(f"`{position}` of {size} can be outside, but counts as proved")
            wrong += 1
        if k < len(KNOWN) and not good:
            print(f"`{position}` of {size} is inside, but is not proved")
            wrong += 1
    print(f"{proved} of {right} positions that are inside are proved")
    return 1 if wrong or right < 30 or proved < 0.8 * right else 0


sys.exit(main())
