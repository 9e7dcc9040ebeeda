"""The nonlinear problems of NIST from both starts, by one method, to certified digits, with their certified standard
deviations: nist.py GRADC METHOD, in a folder of its own. Prints the digits of each and how many epochs it took."""
import concurrent.futures
import json
import math
import os
import subprocess
import sys

from problems import PROBLEMS

GRADC, METHOD = sys.argv[1:3]
DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data")
DIGITS = 10  # of the parameters; the certified values are rounded to eleven
DEVIATIONS = {"Lanczos1": 3.3}  # digits: rounding its data to doubles leaves no more, whatever comes after it


def write(name, formula, start):
    """The starts are constants, so that one trainer has both."""
    inputs, output = ("x1, x2", "log(y)") if name == "Nelson" else ("x", "y")
    with open(name + ".model", "w", encoding="ascii") as file:
        for k, value in enumerate(start, 1):
            file.write(f"const s{k} = {value!r}\nparam b{k} = s{k}\n")
        file.write(f"forward({inputs}) = {formula}\nloss({inputs}, y) = (forward({inputs}) - {output})^2\n")


def digits(found, exact):
    return min(-math.log10(max(abs(a / b - 1), 1e-16)) for a, b in zip(found, exact))


def train(name, start):
    data = os.path.join(DATA, name.lower() + ".csv")
    starts = [f"--set=s{k}={value!r}" for k, value in enumerate(start, 1)]
    result = subprocess.run([f"./{name}", "train", data, f"--method={METHOD}", "--quiet", "-o", "-", "--format=json", "--errors",
                             *starts],
                            check=True, capture_output=True, text=True)
    return json.loads(result.stdout)


def solve(name):
    formula, first, second, certified, deviations, squares = PROBLEMS[name]
    write(name, formula, first)
    subprocess.run([GRADC, "-Wno-domain", name + ".model", "-o", name], check=True)
    lines = []
    with open(os.path.join(DATA, name.lower() + ".csv"), encoding="ascii") as file:
        rows = sum(1 for _ in file) - 1
    for number, start in enumerate((first, second), 1):
        result = train(name, start)
        found = [result["params"][f"b{k}"] for k in range(1, len(start) + 1)]
        got = digits(found, certified)
        spread = digits([result["std_error"][f"b{k}"] for k in range(1, len(start) + 1)], deviations)
        lines.append(f"{name} {number}: {got:.1f} digits, {spread:.1f} of deviations, {result['epochs']} epochs")
        assert got >= DIGITS and spread >= DEVIATIONS.get(name, 9), lines[-1]
        assert abs(result["objective"] * rows / squares - 1) < 1e-8 or squares < 1e-20, lines[-1]
    return lines


def main():
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for lines in pool.map(solve, PROBLEMS):
            print("\n".join(lines))
    print("ok", len(PROBLEMS))


main()
