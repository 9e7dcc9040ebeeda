"""NIST's linear problems by the method that a trainer takes of itself, from its own start, with their certified standard
deviations: linear.py GRADC, in a folder of its own. Prints the digits of each."""
import json
import math
import os
import subprocess
import sys

GRADC = sys.argv[1]
DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data")
COLUMNS = "dim D\nparam b, w[D]\nforward(x[D]) = b + dot(w, x)\nloss(x[D], y) = (forward(x) - y)^2\n"
POWERS = "param b[{0}]\nforward(x) = sum(b[k] * x^k for k in {0})\nloss(x, y) = (forward(x) - y)^2\n"

# name: (model, certified parameters, their standard deviations, residual sum of squares, digits of both that are asked for)
# Filip's columns are powers of x up to the tenth: of the sixteen digits of a double their condition of 1e15 leaves few.
PROBLEMS = {
    "Norris": (
        POWERS.format(2),
        (-0.262323073774029, 1.00211681802045),
        (0.232818234301152, 4.29796848199937e-4),
        26.6173985294224,
        11,
    ),
    "Longley": (
        COLUMNS,
        (-3482258.63459582, 15.0618722713733, -0.0358191792925910, -2.02022980381683, -1.03322686717359,
         -0.0511041056535807, 1829.15146461355),
        (890420.383607373, 84.9149257747669, 0.0334910077722432, 0.488399681651699, 0.214274163161675,
         0.226073200069370, 455.478499142212),
        836424.055505915,
        9,
    ),
    "Filip": (
        POWERS.format(11),
        (-1467.48961422980, -2772.17959193342, -2316.37108160893, -1127.97394098372, -354.478233703349,
         -75.1242017393757, -10.8753180355343, -1.06221498588947, -0.0670191154593408, -0.00246781078275479,
         -0.0000402962525080404),
        (298.084530995537, 559.779865474950, 466.477572127796, 227.204274477751, 71.6478660875927,
         15.2897178747400, 2.23691159816033, 0.221624321934227, 0.0142363763154724, 5.35617408889821e-4,
         8.96632837373868e-6),
        7.95851382172941e-4,
        6,
    ),
}


def digits(found, exact):
    return min(-math.log10(max(abs(a / b - 1), 1e-16)) for a, b in zip(found, exact))


def solve(name):
    model, certified, deviations, squares, asked = PROBLEMS[name]
    with open(name + ".model", "w", encoding="ascii") as file:
        file.write(model)
    data = os.path.join(DATA, name.lower() + ".csv")
    subprocess.run([GRADC, name + ".model", "-o", name], check=True)
    done = subprocess.run([f"./{name}", "train", data, "-q", "--errors", "-o", "-", "--format=json"], check=True,
                          capture_output=True, text=True)
    result = json.loads(done.stdout)
    with open(data, encoding="ascii") as file:
        rows = sum(1 for _ in file) - 1

    def flat(part):
        values = result[part]
        return [values["b"], *values["w"]] if "w" in values else values["b"]

    got, spread = digits(flat("params"), certified), digits(flat("std_error"), deviations)
    print(f"{name}: {got:.1f} digits, {spread:.1f} of deviations, {result['epochs']} epochs")
    assert got >= asked and spread >= asked, (name, done.stderr)
    assert abs(result["objective"] * rows / squares - 1) < max(1e-9, 10 ** (-1 - asked)), result["objective"]


for problem in PROBLEMS:
    solve(problem)
print("ok", len(PROBLEMS))
