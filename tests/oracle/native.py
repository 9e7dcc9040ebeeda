"""Calls the C functions that gradc makes, from Python: compiled by LLVM at -O0 and -O3, and by a C compiler."""
import ctypes
import os
import re
import subprocess
import sys

PROTOTYPE = re.compile(r"^(double|void|size_t)\s+(\w+)\(([^)]*)\);", re.M)


def run(*command, cwd=None):
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}\n{done.stdout}{done.stderr}status {done.returncode}")
    return done.stdout


def build(gradc, cc, model, folder, options=()):
    """{name: library} of the model, for each way to machine code."""
    cc = cc.split()
    run(gradc, "--emit=c", *options, model, "-o", "m.c", cwd=folder)
    with open(os.path.join(folder, "m.c"), encoding="utf-8") as f:
        libraries = ["-llapack", "-lblas", "-lm"] if re.search(r"^extern \w+ d\w+_\(", f.read(), re.M) else ["-lm"]
    run(*cc, "-std=c99", "-O2", "-fPIC", "-shared", "m.c", "-o", "c.so", *libraries, cwd=folder)
    for level in ("0", "3"):
        run(gradc, "-c", f"-O{level}", *options, model, "-o", f"o{level}.o", cwd=folder)
        run(*cc, "-shared", f"o{level}.o", "-o", f"o{level}.so", *libraries, cwd=folder)
    with open(os.path.join(folder, "m.h"), encoding="utf-8") as f:
        header = re.sub(r"/\*.*?\*/", "", f.read(), flags=re.S)
    header = re.sub(r"[ \t]*\n[ \t]+", " ", header)
    formals = {name: (result, [a.strip() for a in text.split(",")]) for result, name, text in PROTOTYPE.findall(header)}
    names = {"C": "c.so", "LLVM -O0": "o0.so", "LLVM -O3": "o3.so"}
    return {way: Library(os.path.join(folder, so), formals) for way, so in names.items()}


class Library:
    def __init__(self, path, formals):
        self.code, self.formals = ctypes.CDLL(path), formals

    def __contains__(self, name):
        return name in self.formals

    def call(self, name, arguments, outputs=()):
        """The function's value and its outputs, of the given lengths. An argument is a float, an int or a
        list of floats, of ints where C has whole numbers; what is a size stands first, as an int."""
        result, formals = self.formals[name]
        words, made, at = [], [], iter(arguments)
        sizes = list(outputs)
        for formal in formals:
            if formal.endswith("*work") or formal.endswith(" work"):
                words.append((ctypes.c_double * 65536)())
            elif formal.startswith("double *"):
                made.append((ctypes.c_double * sizes.pop(0))())
                words.append(made[-1])
            elif formal.startswith("const double *"):
                given = next(at)
                words.append((ctypes.c_double * len(given))(*given))
            elif formal.startswith("const int64_t *") or formal.startswith("const size_t *"):
                given = next(at)
                words.append((ctypes.c_int64 * len(given))(*given))
            elif formal.startswith("size_t"):
                words.append(ctypes.c_size_t(next(at)))
            elif formal.startswith("int64_t"):
                words.append(ctypes.c_int64(int(next(at))))
            else:
                words.append(ctypes.c_double(float(next(at))))
        function = getattr(self.code, name)
        function.restype = ctypes.c_double if result == "double" else None
        value = function(*words)
        return value, [list(array) for array in made]


def close(found, wanted, tolerance):
    """Within a relative tolerance; the same infinity; what is below the least normal number may be 0."""
    if wanted != wanted or found != found:
        return wanted != wanted and found != found
    if abs(wanted) == float("inf") or abs(found) == float("inf"):
        return found == wanted
    return abs(found - wanted) <= tolerance * abs(wanted) + 2.3e-308
