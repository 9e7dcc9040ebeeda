"""compare.py TRAINER RESULT DATA CC [NAME=COLUMN,… | NAME=@COUNT]…: what `export` writes against `predict`.

Compiles the exported C as a microcontroller's code is compiled, looks at the symbols that it needs, and calls it for each
row of DATA. NAME=a,b are the columns of an argument in order; NAME=@64 the first 64; NAME:int is a whole number;
NAME:class one whose texts are the names in the file's table. `T=rows` calls it once with all rows, scratch memory and all."""
import csv
import ctypes
import re
import subprocess
import sys

LIBM = """exp expm1 log log1p sqrt sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh fabs floor ceil rint round
trunc erf erfc lgamma tgamma cbrt exp2 log2 log10 pow fmod atan2 hypot copysign fmax fmin ldexp""".split()
ALLOWED = set(LIBM) | {f + "f" for f in LIBM} | {"memset", "memcpy", "_GLOBAL_OFFSET_TABLE_"}

trainer, result, data, compiler, *specs = sys.argv[1:]
base = re.sub(r"\W", "_", result)
source = base + "_predict.c"
subprocess.run([trainer, "export", "-m", result, "-o", source], check=True)
flags = "-std=c99 -O2 -Wall -Wextra -pedantic -Werror -ffreestanding -fno-builtin -fPIC".split()
subprocess.run([*compiler.split(), *flags, "-c", source, "-o", base + ".o"], check=True)
undefined = subprocess.run(["nm", "-u", base + ".o"], check=True, capture_output=True, text=True).stdout.split()
strange = [s for s in undefined if s != "U" and s not in ALLOWED]
assert not strange, f"{source} needs {strange}"
writable = subprocess.run(["nm", base + ".o"], check=True, capture_output=True, text=True).stdout
# the names of classes are const, too; position-independent code writes their addresses once
assert not re.search(r" [dDbBcC] (?!\w+_classes$)", writable, re.MULTILINE), writable
subprocess.run([*compiler.split(), "-shared", "-nostdlib", base + ".o", "-lm", "-o", f"./{base}.so"], check=True)
library = ctypes.CDLL(f"./{base}.so", mode=ctypes.RTLD_LOCAL)

header = open(base + "_predict.h").read()
prototype = re.search(r"(\w+) (\w+_predict)\((.*?)\);", header.replace("\n", " "))
real = ctypes.c_float if "float" in prototype[0] else ctypes.c_double
function = getattr(library, prototype[2])
function.restype = None if prototype[1] == "void" else real
predicted = subprocess.run([trainer, "predict", "-m", result, data], check=True, capture_output=True, text=True).stdout
expected = [list(map(float, line.split(","))) for line in predicted.split("\n")[1:] if line]
rows = list(csv.reader(open(data)))
names, rows = rows[0], rows[1:]
whole = "T=rows" in specs
specs = [s.split("=") for s in specs if s != "T=rows"]


def numbers(spec, row):
    name, columns = spec
    at = range(int(columns[1:])) if columns[0] == "@" else [names.index(c) for c in columns.split(",")]
    return [row[k] for k in at]


def compare(got, wanted):
    limit = 1e-5 if real is ctypes.c_float else 1e-13
    for a, b in zip(got, wanted, strict=True):
        assert abs(a - b) <= limit * max(1, abs(b)), (got, wanted)


compared = 0
if whole:
    flat = [float(x) for row in rows for x in numbers(specs[0], row)]
    width = len(expected[0])
    out = (real * (width * len(rows)))()
    macro = re.search(r"PREDICT_WORK\(T\) \(\(size_t\)(.*)\)\n", header)
    work = []
    if macro:
        count = eval(macro[1].replace("(int64_t)", "").replace("T", str(len(rows))))
        work = [(real * count)()]
    function(ctypes.c_size_t(len(rows)), (real * len(flat))(*flat), out, *work)
    compare(list(out), [x for row in expected for x in row])
    compared = len(rows)
else:
    for row, wanted in zip(rows, expected, strict=True):
        arguments = []
        for spec in specs:
            texts = numbers(spec, row)
            if spec[0].endswith(":int"):
                arguments.append(ctypes.c_int64(int(texts[0])))
            elif "," in spec[1] or spec[1][0] == "@":
                arguments.append((real * len(texts))(*map(float, texts)))
            else:
                arguments.append(real(float(texts[0])))
        out = (real * len(wanted))()
        if function.restype is None:
            function(*arguments, out)
            compare(list(out), wanted)
        else:
            compare([function(*arguments)], wanted)
        compared += 1
print(f"{compared} rows agree")
