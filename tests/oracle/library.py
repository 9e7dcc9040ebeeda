"""library.py GRADC CC FOLDER: the functions of the standard library against library.csv, which make_library.py
makes: values and gradients, from C and from LLVM at -O0 and -O3, within a few roundings times the condition."""
import csv
import os
import re
import sys

import native

ULP, ROUNDINGS = 2.0 ** -52, 32

gradc, cc, folder = sys.argv[1:4]
here = os.path.dirname(os.path.abspath(__file__))
os.makedirs(folder, exist_ok=True)


def formals_of_library():
    """The text of the formals of each function of the library."""
    texts, std = {}, os.path.join(here, "..", "..", "runtime", "std")
    for name in sorted(os.listdir(std)):
        with open(os.path.join(std, name), encoding="utf-8") as f:
            texts.update(re.findall(r"^(\w+)\((.*?)\) (?:=|\{)", f.read(), re.M))
    return texts


def split(text):
    return re.split(r",\s*(?![^\[]*\])", text)


with open(os.path.join(here, "library.csv"), encoding="utf-8") as f:
    rows = list(csv.DictReader(f))
formals = formals_of_library()
lines = {}
for row in rows:
    name = row["function"]
    lines[name] = "t_{}({}) = {}({})".format(name, formals[name], name, ", ".join(re.split(r"[\[ ]", a)[0] for a in split(formals[name])))
model = os.path.join(folder, "m.model")
with open(model, "w", encoding="utf-8") as f:
    f.write("\n".join(lines.values()) + "\n")
ways = native.build(gradc, cc, model, folder)

missing = [name for name in formals if re.search("_l(p[dm]f|c?cdf)$", name) and name not in lines]
failures = [f"{name}: has no reference value" for name in missing]
densities = sum(bool(re.search("_lp[dm]f$", name)) for name in lines)
if densities < 25:
    failures.append(f"only {densities} densities")
for row in rows:
    name = row["function"]
    arguments, sizes, places, at = [], [], [], 0  # places: of the entries that the table has
    for formal, text in zip(split(formals[name]), row["arguments"].split(";")):
        numbers = [float(word) for word in text.split()]
        if " in " not in formal:
            if re.search(r"[.einf]", text):
                places += range(at, at + len(numbers))
            at += len(numbers)
        shape = re.search(r"\[(.*)\]", formal)
        if shape:
            extents = shape[1].split(", ")
            side = round(len(numbers) ** (1 / len(extents)))
            for extent in extents:
                if extent.isidentifier() and extent not in sizes:
                    sizes.append(extent)
                    arguments.insert(len(sizes) - 1, side)
            arguments.append(numbers)
        else:
            arguments.append(numbers[0])
    for formal in split(formals[name]):  # a size that only a label's range tells
        label = re.search(r" in (\w+)", formal)
        if label and label[1].isidentifier() and label[1] not in sizes:
            sys.exit(f"{name}: no vector tells the size {label[1]}")
    wanted = [float(word) for word in row["gradient"].split()]
    conditions = [float(word) for word in row["conditions"].split()]
    for way, library in ways.items():
        plain = [f for f in library.formals if re.search(rf"_t_{name}$", f)][0]
        value, _ = library.call(plain, arguments)
        pairs = [("value", value, float(row["value"]), conditions[0])]
        if plain + "_grad" in library and wanted:
            value, outputs = library.call(plain + "_grad", arguments, [at])
            pairs.append(("value beside the gradient", value, float(row["value"]), conditions[0]))
            pairs += [(f"entry {k} of the gradient", outputs[0][places[k]], wanted[k], conditions[k + 1]) for k in range(len(wanted))]
        for what, found, truth, condition in pairs:
            small = truth == 0 and abs(found) <= ROUNDINGS * ULP * condition
            if not small and not native.close(found, truth, ROUNDINGS * ULP * (1 + condition)):
                failures.append(f"{name}({row['arguments']}), {way}: {what} is {found!r}, wanted {truth!r}, off by "
                                f"{abs(found - truth) / max(abs(truth), 1e-300) / ULP:.3g} roundings, condition {condition:.3g}")
print("\n".join(failures))
print(f"{len(rows)} points of {len(lines)} functions, {len(failures)} failures")
sys.exit(1 if failures else 0)
