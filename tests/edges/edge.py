"""edge.py GRADC CC MODEL FOLDER: what a model's functions give at an edge.

A comment of MODEL says what is expected:
    #: f(0, [1, inf]) = 2 | 0 1 nan
the value (entries of a vector in a row), then the gradient, an entry for each entry of the arguments; `_` is
anything. Values, gradients (reverse mode) and derivatives along each axis (forward mode) are compared, in C and
in LLVM at -O0 and -O3; `gradc --check` runs the interpreter.
"""
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "oracle"))
import native  # noqa: E402

gradc, cc, model, folder = sys.argv[1:5]
os.makedirs(folder, exist_ok=True)
model = os.path.abspath(model)
native.run(gradc, "--check", model)
ways = native.build(gradc, cc, model, folder, ["--derivatives=grad,jvp"])
with open(model, encoding="utf-8") as f:
    expectations = re.findall(r"^#: (\w+)\((.*)\) = (.*?)(?: \| (.*))?$", f.read(), re.M)
if not expectations:
    sys.exit("the model expects nothing")

failures = []


def compare(what, found, wanted):
    if wanted != "_" and not native.close(found, float(wanted), 4e-15):
        failures.append(f"{what}: {found!r}, wanted {wanted}")


for name, text, value, gradient in expectations:
    arguments = [[float(x) for x in re.split(r",\s*", a[1:-1])] if a.startswith("[") else float(a)
                 for a in re.split(r",\s*(?![^\[]*\])", text)]
    lengths = [len(a) if isinstance(a, list) else 1 for a in arguments]
    count = sum(lengths)
    for way, library in ways.items():
        c = next(f for f in library.formals if f.endswith("_" + name))
        at = f"{name}({text}), {way}"
        values = value.split()
        single = len(values) == 1
        found, rest = library.call(c, arguments, [] if single else [len(values)])
        for k, wanted in enumerate(values):
            compare(f"{at}: value", found if single else rest[0][k], wanted)
        if not gradient:
            continue
        found, (alone,) = library.call(c + "_grad", arguments, [count])
        compare(f"{at}: value beside the gradient", found, value)
        for k, wanted in enumerate(gradient.split()):
            compare(f"{at}: entry {k} of the gradient", alone[k], wanted)
            direction = [float(j == k) for j in range(count)]
            # a dot of 0 along an axis that does not move would make 0 times infinity of an infinite slope
            if wanted == "_" or sum(w in ("inf", "-inf", "nan") for w in gradient.split()) > (wanted in ("inf", "-inf", "nan")):
                continue
            found, (derivative,) = library.call(c + "_jvp", [*arguments, direction], [1])
            compare(f"{at}: derivative along axis {k}", derivative[0], wanted)
print("\n".join(failures))
sys.exit(1 if failures else 0)
