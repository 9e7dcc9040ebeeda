"""agree.py GRADC CC MODEL FOLDER: all ways to machine code give the same numbers.

Compiles MODEL to C and to objects at -O0 and -O3, makes from the header a program that calls every
function with the same arguments, and compares what the programs print. The interpreter is compared by
`gradc --check`, which runs first.
"""
import os
import re
import subprocess
import sys

TOLERANCE = "1e-9"
SINGLE_TOLERANCE = "1e-1"  # of entries a thousandth as large as the largest: 1e-4 of that
PROTOTYPE = re.compile(r"^(double|float|void|size_t)\s+(\w+)\(([^)]*)\);", re.M)

PRELUDE = """#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "HEADER"
enum { GIVEN = 1 << 17, ENTRIES = 1 << 20, SHOWN = 100 };
static uint64_t state;
static double next(void) {
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (double)(state >> 11) * 0x1p-53 * 1.6 - 0.7;
}
static REAL *reals(void) {
    REAL *a = malloc(GIVEN * sizeof *a);
    for (size_t k = 0; a && k < GIVEN; k++) a[k] = (REAL)next();
    return a;
}
static int64_t *labels(void) {
    int64_t *a = malloc(GIVEN * sizeof *a);
    for (size_t k = 0; a && k < GIVEN; k++) a[k] = (int64_t)(k % 2);
    return a;
}
static size_t *lengths(void) {
    size_t *a = malloc(GIVEN * sizeof *a);
    for (size_t k = 0; a && k < GIVEN; k++) a[k] = 2 + k % 2;
    return a;
}
static REAL *zeros(void) { return calloc(ENTRIES, sizeof(REAL)); }
static void *scratch(void) { return calloc(ENTRIES * 16, sizeof(double)); }
static void show(const char *name, const REAL *a) {
    double sum = 0;
    for (size_t k = 0; k < ENTRIES; k++) sum += (double)a[k];
    printf("%s sum %.17g\\n", name, sum);
    for (size_t k = 0; k < SHOWN; k++) printf("%.17g\\n", (double)a[k]);
}
int main(void) {
"""


def split(text):
    """(type, name) of each formal."""
    formals = []
    for formal in re.split(r"\s*,\s*", text.strip()):
        if formal in ("", "void"):
            continue
        formal = re.sub(r"\brestrict\b", "", formal)
        kind, star, name = re.fullmatch(r"([\w\s]*?\w)\s*(\*?)\s*(\w+)", formal).groups()
        formals.append((re.sub(r"\s+", " ", kind).strip() + star, name))
    return formals


def call(result, name, formals):
    """One block that calls a function and prints all that it gives."""
    lines, words, shown = [f"    state = {len(name)};"], [], []
    dim = 2
    for k, (kind, formal) in enumerate(formals):
        variable = f"a{k}"
        if kind == "size_t":
            words.append("3" if formal == "m" else str(dim))
            dim += formal != "m"
            continue
        if kind == "uint64_t":
            words.append("7")
            continue
        made = "scratch()" if formal == "work" else {"const double*": "reals()", "const int64_t*": "labels()", "double*": "zeros()",
                "const float*": "reals()", "float*": "zeros()",
                "double": "next()", "float": "(float)next()", "int64_t": "1", "const size_t*": "lengths()"}[kind]
        lines.append(f"    {kind.replace('*', ' *')} {variable} = {made};")
        words.append(variable)
        if kind in ("double*", "float*") and formal != "work":
            shown.append((formal, variable))
    lines.append(f'    puts("{name}");')
    value = f"{name}({', '.join(words)})"
    if result == "void":
        lines.append(f"    {value};")
    else:
        lines.append(f'    printf("value %.17g\\n", (double){value});')
    lines += [f'    show("{formal}", {variable});' for formal, variable in shown]
    return "    {\n    " + "\n    ".join(lines) + "\n    }\n"


def program(header, name):
    text = re.sub(r"/\*.*?\*/", "", header, flags=re.S)
    text = re.sub(r"[ \t]*\n[ \t]+", " ", text)
    calls = [call(result, function, split(formals))
             for result, function, formals in PROTOTYPE.findall(text)
             if not function.endswith("_work")]
    if not calls:
        sys.exit("the header has no function")
    real = "float" if re.search(r"\bfloat\b", text) else "double"
    return PRELUDE.replace("HEADER", name).replace("REAL", real) + "".join(calls) + "    return 0;\n}\n"


def main():
    gradc, cc, model, folder = sys.argv[1:5]
    os.makedirs(folder, exist_ok=True)

    def run(*command):
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            sys.exit(f"{' '.join(command)}\n{done.stdout}{done.stderr}status {done.returncode}")
        return done.stdout

    run(gradc, "--check", model)
    cc = cc.split()
    flags = ["-std=c99", "-Wall", "-Wextra", "-pedantic", "-Werror"]
    every = "--derivatives=grad,jvp,hvp,hessian,jacobian"
    run(gradc, "--emit=c", every, model, "-o", "m.c")
    run(*cc, *flags, "-O1", "-c", "m.c", "-o", "c.o")
    run(*cc, *flags, "-O2", "-march=native", "-ffp-contract=fast", "-c", "m.c", "-o", "fast.o")
    for level in ("0", "3"):
        run(gradc, "-c", every, f"-O{level}", model, "-o", f"o{level}.o")
    run(gradc, "-c", every, "--strict", "-O3", "-march=native", model, "-o", "strict.o")
    single = "--precision=f32"
    run(gradc, "--emit=c", single, model, "-o", "single_c.c")
    run(*cc, *flags, "-O1", "-c", "single_c.c", "-o", "single_c.o")
    run(gradc, "-c", single, "-O3", "-march=native", model, "-o", "single.o")
    names = ["c", "fast", "o0", "o3", "strict", "single_c", "single"]
    for name in names:  # whether there is a work argument depends on the level
        own = f"{name}.h" if os.path.exists(os.path.join(folder, f"{name}.h")) else "m.h"
        with open(os.path.join(folder, own), encoding="utf-8") as f:
            header = f.read()
        with open(os.path.join(folder, f"main-{name}.c"), "w", encoding="utf-8") as f:
            f.write(program(header, own))
        lapack = ["-llapack"] if "LAPACK" in header else []
        run(*cc, f"main-{name}.c", f"{name}.o", "-o", name, *lapack, "-lm")
        with open(os.path.join(folder, name + ".out"), "w", encoding="utf-8") as f:
            f.write(run(f"./{name}"))
    close = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "close.py")
    for name in names[1:-2]:
        run(sys.executable, close, "c.out", name + ".out", TOLERANCE)
    run(sys.executable, close, "single_c.out", "single.out", SINGLE_TOLERANCE)


main()
