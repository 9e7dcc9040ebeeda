"""narrow.py GRADC LIBRARY: log1p(exp(-|z|)), whose argument is known to be from 0 to 1, is log1p of that number."""
import ctypes
import os
import random
import struct
import subprocess
import sys

MODEL = """known(z) = softplus(z)
inner(z) = exp(-abs(z))
any(u) = log1p(u)
whole(u) = exp(u)
"""


def bits(x):
    return struct.pack("d", x)


def main():
    gradc, path = sys.argv[1:]
    model = os.path.splitext(path)[0] + ".model"
    with open(model, "w") as file:
        file.write(MODEL)
    subprocess.run([gradc, model, "--emit=shared", "-march=native", "-o", path], check=True)
    library = ctypes.CDLL(path)
    with open(os.path.splitext(path)[0] + ".h") as file:
        prefix = file.read().split("_known(")[0].split()[-1]
    functions = {}
    for name in ("known", "inner", "any", "whole"):
        functions[name] = getattr(library, f"{prefix}_{name}")
        functions[name].restype = ctypes.c_double
        functions[name].argtypes = [ctypes.c_double]
    random.seed(1)
    arguments = [0.0, -0.0, 5e-324, 745.2, 746.0, 709.0, 1e308, float("inf"), 2.0**-54, 2.0**-53, 36.7, 37.5]
    arguments += [random.gauss(0, 1) * 10 ** random.uniform(-320, 3) for _ in range(50000)]
    for z in arguments:
        z = -abs(z)
        inner = functions["inner"](z)
        if bits(inner) != bits(functions["whole"](z)):
            sys.exit(f"exp({z!r})")
        if bits(functions["known"](z)) != bits(functions["any"](inner)):
            sys.exit(f"log1p({inner!r}), of exp({z!r})")
    if functions["known"](float("nan")) == functions["known"](float("nan")):
        sys.exit("NaN is lost")
    print("same bits")


main()
