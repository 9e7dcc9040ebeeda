"""builtins.py GRADC CC FOLDER: the built-in functions against builtins.csv, which make.py makes: values, first and
second derivatives, from C and from LLVM at -O0 and -O3, within 4 roundings times (1 + the condition)."""
import csv
import os
import re
import sys

import native

ULP, ROUNDINGS = 2.0 ** -52, 4
# Where a formula of several steps stands for what libm lacks, its steps round too.
MORE = {"log_Phi(a)": 32, "inv_Phi(a)": 8, "digamma(a)": 8, "trigamma(a)": 8, "tetragamma(a)": 16, "polygamma(3, a)": 32, "polygamma(6, a)": 64}

gradc, cc, folder = sys.argv[1:4]
os.makedirs(folder, exist_ok=True)
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "builtins.csv"), encoding="utf-8") as f:
    rows = list(csv.DictReader(f))
names = {}
for row in rows:
    names.setdefault(row["expression"], f"f{len(names)}")
model = os.path.join(folder, "m.model")
with open(model, "w", encoding="utf-8") as f:
    for expression, name in names.items():
        formals = sorted(set(re.findall(r"\b[abc]\b", expression)))
        f.write(f"{name}({', '.join(formals)}) = {expression}\n")
ways = native.build(gradc, cc, model, folder, ["--derivatives=grad,hessian"])

failures, points = [], {}
for row in rows:
    expression = row["expression"]
    points[expression] = points.get(expression, 0) + 1
    point = [float(word) for word in row["arguments"].split()]
    wanted = [row["value"], *row["gradient"].split(), *row["hessian"].split()]
    n = len(point)
    what = ["value"] + [f"d/d{x}" for x in "abc"[:n]] + [f"d2/d{x}d{y}" for x in "abc"[:n] for y in "abc"[:n]]
    for way, library in ways.items():
        name = "m_" + names[expression]
        value, _ = library.call(name, point)
        _, (gradient, hessian) = library.call(name + "_hessian", point, [n, n * n])
        _, (alone,) = library.call(name + "_grad", point, [n])
        found = [value, *gradient, *hessian]
        for k, (word, condition) in enumerate(zip(wanted, row["conditions"].split())):
            if word == "-":
                continue
            tolerance = MORE.get(expression, ROUNDINGS) * ULP * (1 + float(condition))
            others = [found[k]] + ([alone[k - 1]] if 1 <= k <= n else [])
            for number in others:
                truth = float(word)
                if not native.close(number, truth, tolerance):
                    off = abs(number - truth) / max(abs(truth), 5e-324) / ULP
                    failures.append(f"{expression} at {row['arguments']}, {way}: {what[k]} is {number!r}, wanted {truth!r}, "
                                    f"off by {off:.3g} roundings, condition {condition}")
failures += [f"{expression}: only {count} points" for expression, count in points.items() if count < 21]
print("\n".join(failures))
print(f"{len(rows)} points of {len(names)} functions, {len(failures)} failures")
sys.exit(1 if failures else 0)
