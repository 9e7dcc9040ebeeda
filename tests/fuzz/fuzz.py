"""Compiles random programs and compares all that gradc makes of them.

    fuzz.py --gradc PATH [--seed N] [--programs N] [--size FUNCTIONS] [--features a,b] [--keep FOLDER]

Each file goes through `gradc --check` (the interpreter, reverse mode, forward mode, complex steps,
loop program, machine code), then its functions and gradients are called as the C compiler made
them, and as LLVM did at -O0 and -O3, with the same arguments. Every function is a program. A file
that is refused is a failure too: all are well typed. The last line tells how many passed, and each
failure the seed that makes it again."""
import argparse
import array
import ctypes
import math
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile

import generate

PROTOTYPE = re.compile(r"^(double|void|size_t|int64_t) (\w+)\(([^;]*)\);", re.M)


def prototypes(header):
    """[(result, name, [(type, name)])] of the C functions of a header."""
    found = []
    for result, name, formals in PROTOTYPE.findall(header):
        split = [] if formals.strip() == "void" else re.split(r",\s*", formals)
        pairs = []
        for formal in split:
            kind, pointer, word = re.match(r"(?:const )?(\w+) (\*?)(\w+)$", " ".join(formal.split())).groups()
            pairs.append((kind + pointer, "const" in formal, word))
        found.append((result, name, pairs))
    return found


class Arguments:
    """The arguments of one function, the same for every library that has it."""

    def __init__(self, program, prototype, seed, room):
        self.random = random.Random(seed)
        self.program, self.prototype, self.room = program, prototype, room
        self.outputs = []

    def reals(self, count):
        return (ctypes.c_double * count)(*[self.random.gauss(0, 1) for _ in range(count)])

    def make(self):
        made = []
        self.outputs = []
        for kind, constant, name in self.prototype[2]:
            if kind == "double":
                made.append(ctypes.c_double(self.random.gauss(0, 1)))
            elif kind == "int64_t":
                made.append(ctypes.c_int64(self.random.randrange(2)))
            elif kind == "int64_t*":
                made.append((ctypes.c_int64 * self.room)(*[self.random.randrange(2) for _ in range(self.room)]))
            elif kind == "uint64_t":
                made.append(ctypes.c_uint64(7))
            elif kind == "size_t":
                made.append(ctypes.c_size_t(2))
            elif kind == "double*" and constant:
                made.append(self.reals(self.room))
            elif kind == "double*":
                out = (ctypes.c_double * self.room)(*[7.25] * self.room)
                if name != "work":
                    self.outputs.append(out)
                made.append(out)
            else:
                raise ValueError(f"an argument of type {kind}")
        return made


def call(library, program, prototype, seed):
    """The result and all outputs, as one list."""
    result, name, _ = prototype
    function = getattr(library, name)
    function.restype = ctypes.c_double if result == "double" else None
    arguments = Arguments(program, prototype, seed, 4096)
    made = arguments.make()
    value = function(*made)
    numbers = [value] if result == "double" else []
    for out in arguments.outputs:
        numbers += array.array("d", bytes(out))
    return numbers


def differ(a, b):
    """The first place where two results are not the same up to rounding; None: nowhere."""
    scale = max([abs(x) for x in a + b if math.isfinite(x) and x != 7.25] + [1e-3])
    for k, (x, y) in enumerate(zip(a, b)):
        if math.isnan(x) and math.isnan(y) or x == y:
            continue
        if not (math.isfinite(x) and math.isfinite(y)):
            return k
        if abs(x - y) > 1e-8 * scale:
            return k
    return None


class Fuzzer:
    def __init__(self, options):
        self.options = options
        self.folder = options.keep or tempfile.mkdtemp()
        os.makedirs(self.folder, exist_ok=True)
        self.passed = self.failed = 0

    def run(self, *command):
        return subprocess.run(command, capture_output=True, text=True, timeout=600)

    def path(self, name):
        return os.path.join(self.folder, name)

    def fail(self, seed, why, text):
        self.failed += 1
        print(f"seed {seed}: {why}\n{text[-3000:]}", flush=True)

    def errors_of(self, result):
        """Without the warnings, which random programs have many of."""
        parts = re.split(r"(?m)^(?=\S+: (?:warning|error)|gradc: )", result.stderr)
        return "".join(p for p in parts if ": warning: " not in p)

    def libraries(self, model):
        """Shared libraries of the same functions, by name; and the header's prototypes."""
        made = {}
        for level in ("-O0", "-O3"):
            out = self.path(f"llvm{level}.so")
            result = self.run(self.options.gradc, "--emit=shared", level, model, "-o", out)
            if result.returncode:
                return None, self.errors_of(result)
            made["LLVM " + level] = out
        source = self.path("program.c")
        result = self.run(self.options.gradc, "--emit=c", model, "-o", source)
        if result.returncode:
            return None, self.errors_of(result)
        out = self.path("c.so")
        result = self.run(*self.options.cc.split(), "-std=c99", "-O1", "-shared", "-fPIC", "-Wall", "-Wextra",
                          "-pedantic", "-Werror", source, "-o", out, "-lm", *self.options.libs.split())
        if result.returncode:
            return None, result.stderr
        made["C"] = out
        with open(self.path("program.h"), encoding="utf-8") as file:
            return made, prototypes(file.read())

    def one(self, seed):
        model = self.path("program.model")
        text = generate.program(seed, self.options.size, self.options.features)
        with open(model, "w", encoding="utf-8") as file:
            file.write(text)
        result = self.run(self.options.gradc, "--check", model)
        if result.returncode:
            return self.fail(seed, f"--check gives {result.returncode}", self.errors_of(result) + result.stdout[-500:])
        made, found = self.libraries(model)
        if made is None:
            return self.fail(seed, "does not compile", found)
        handles = {name: ctypes.CDLL(path) for name, path in made.items()}
        for prototype in found:
            if prototype[0] == "size_t" or prototype[1].endswith(("_work", "_count")):
                continue
            first = None
            for name, library in handles.items():
                numbers = call(library, model, prototype, seed)
                if first is None:
                    first = numbers
                    continue
                place = differ(first, numbers)
                if place is not None:
                    return self.fail(seed, f"{prototype[1]}: entry {place} is {first[place]!r} by LLVM "
                                     f"-O0 and {numbers[place]!r} by {name}", text)
        for library in handles.values():
            ctypes.CDLL(None).dlclose(ctypes.c_void_p(library._handle))
        self.passed += self.options.size
        return None

    def all(self):
        files = -(-self.options.programs // self.options.size)
        for k in range(files):
            self.one(self.options.seed + k)
        if not self.options.keep:
            shutil.rmtree(self.folder)
        print(f"seeds {self.options.seed} to {self.options.seed + files - 1}: {self.passed} programs agree, "
              f"{self.failed} files do not")
        return 1 if self.failed else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--gradc", required=True)
    parser.add_argument("--cc", default="cc")
    parser.add_argument("--libs", default="", help="what the C source needs, as -llapack")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--programs", type=int, default=300)
    parser.add_argument("--size", type=int, default=10, help="functions of a file")
    parser.add_argument("--features", default=",".join(generate.FEATURES))
    parser.add_argument("--keep", help="leave the last program here")
    options = parser.parse_args()
    options.features = tuple(options.features.split(","))
    sys.exit(Fuzzer(options).all())


if __name__ == "__main__":
    main()
