"""Compiles random programs and compares all that gradc makes of them.

    fuzz.py --gradc PATH [--seed N] [--programs N] [--size FUNCTIONS] [--features a,b] [--checkpoint N,C]
            [--keep FOLDER]

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

# what is compared beside --check, file by file
KINDS = [[], [], ["--derivatives=grad,jvp,hvp,hessian,jacobian"], [], ["--batch"], []]
# which states loops keep for their derivatives, file by file, unless --checkpoint says it
CHECKPOINTS = [[], ["--checkpoint=2,2"], [], ["--checkpoint=1,3"], ["--checkpoint=2"]]
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


SAMPLES, LENGTHS = 3, (2, 1, 3)
INPUT_ROOM, OUTPUT_ROOM = 4096, 1 << 16
CHUNK = bytes(array.array("d", [7.25]) * 64)
UNTOUCHED = CHUNK * (OUTPUT_ROOM // 64)


class Arguments:
    """The arguments of one function, the same for every library that has it."""

    def __init__(self, prototype, seed, work):
        self.random = random.Random(seed)
        self.prototype, self.work = prototype, work
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
                made.append((ctypes.c_int64 * INPUT_ROOM)(*[self.random.randrange(2) for _ in range(INPUT_ROOM)]))
            elif kind == "size_t*":
                made.append((ctypes.c_size_t * SAMPLES)(*LENGTHS))
            elif kind == "uint64_t":
                made.append(ctypes.c_uint64(7))
            elif kind == "size_t":
                made.append(ctypes.c_size_t(SAMPLES if name.startswith("m") else 2))
            elif kind == "double*" and constant:
                made.append(self.reals(INPUT_ROOM))
            elif kind == "double*" and name == "work":
                made.append((ctypes.c_double * (self.work + 1))(*[math.nan] * (self.work + 1)))
            elif kind == "double*":
                out = (ctypes.c_double * OUTPUT_ROOM)()
                ctypes.memmove(out, UNTOUCHED, ctypes.sizeof(out))
                self.outputs.append(out)
                made.append(out)
            else:
                raise ValueError(f"an argument of type {kind}")
        return made


def work_of(library, prototype, prototypes_of):
    """The entries of the work argument of a function: another function of the library tells."""
    for _, name, formals in prototypes_of:
        if name == prototype[1] + "_work":
            function = getattr(library, name)
            function.restype = ctypes.c_size_t
            arguments = []
            for kind, _, formal in formals:
                if kind == "size_t*":
                    arguments.append((ctypes.c_size_t * SAMPLES)(*LENGTHS))
                else:
                    arguments.append(ctypes.c_size_t(SAMPLES if formal.startswith("m") else 2))
            return function(*arguments)
    return 0


def call(library, prototype, prototypes_of, seed):
    """The result and all outputs, as one list."""
    result, name, _ = prototype
    function = getattr(library, name)
    function.restype = ctypes.c_double if result == "double" else None
    arguments = Arguments(prototype, seed, work_of(library, prototype, prototypes_of))
    made = arguments.make()
    value = function(*made)
    numbers = array.array("d", [value] if result == "double" else [])
    for out in arguments.outputs:
        whole = bytes(out)
        used = len(whole)
        while used > 0 and whole[used - len(CHUNK):used] == CHUNK:
            used -= len(CHUNK)
        numbers.frombytes(whole[:used])
    return numbers.tolist()


def differ(a, b):
    """The first place where two results are not the same up to rounding; None: nowhere."""
    if len(a) != len(b):
        return min(len(a), len(b)) - 1
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

    def made_by_llvm(self, level, model, flags):
        """(path, prototypes) of a shared library; a text if it was not made."""
        out = self.path(f"llvm{level}.so")
        result = self.run(self.options.gradc, "--emit=shared", level, *flags, model, "-o", out)
        if result.returncode:
            return self.errors_of(result)
        with open(out[:-2] + "h", encoding="utf-8") as file:
            return out, prototypes(file.read())

    def made_by_c(self, model, flags):
        source = self.path("program.c")
        result = self.run(self.options.gradc, "--emit=c", *flags, model, "-o", source)
        if result.returncode:
            return self.errors_of(result)
        out = self.path("c.so")
        result = self.run(*self.options.cc.split(), "-std=c99", "-O1", "-shared", "-fPIC", "-Wall", "-Wextra",
                          "-pedantic", "-Werror", source, "-o", out, "-lm", *self.options.libs.split())
        if result.returncode:
            return result.stderr
        with open(self.path("program.h"), encoding="utf-8") as file:
            return out, prototypes(file.read())

    def compare(self, seed, libraries, text):
        """False if a function gives something else in one of the libraries {name: (handle, prototypes)}."""
        names = [p[1] for p in libraries["C"][1] if p[0] != "size_t" and not p[1].endswith(("_work", "_count"))]
        for function in names:
            first = None
            for name, (library, found) in libraries.items():
                prototype = next(p for p in found if p[1] == function)
                numbers = call(library, prototype, found, seed)
                if first is None:
                    first = numbers
                    continue
                place = differ(first, numbers)
                if place is not None:
                    self.fail(seed, f"{function}: entry {place} is {first[place]!r} by LLVM -O0 and "
                              f"{numbers[place]!r} by {name}", text)
                    return False
        return True

    def one(self, seed):
        model = self.path("program.model")
        text = generate.program(seed, self.options.size, self.options.features)
        with open(model, "w", encoding="utf-8") as file:
            file.write(text)
        asked = self.options.checkpoint
        kept = [f"--checkpoint={asked}"] if asked else CHECKPOINTS[seed % len(CHECKPOINTS)]
        result = self.run(self.options.gradc, "--check", *kept, model)
        if result.returncode:
            return self.fail(seed, f"--check gives {result.returncode}", self.errors_of(result) + result.stdout[-500:])
        flags = KINDS[seed % len(KINDS)] + kept
        made = {name: self.made_by_llvm(level, model, flags) for name, level in (("LLVM -O0", "-O0"), ("LLVM -O3", "-O3"))}
        made["C"] = self.made_by_c(model, flags)
        for name, library in made.items():
            if isinstance(library, str):
                return self.fail(seed, f"{name}: does not compile", library)
        libraries = {name: (ctypes.CDLL(path), found) for name, (path, found) in made.items()}
        agree = self.compare(seed, libraries, text)
        for library, _ in libraries.values():
            ctypes.CDLL(None).dlclose(ctypes.c_void_p(library._handle))
        self.passed += self.options.size if agree else 0
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
    parser.add_argument("--checkpoint", help="that of gradc, for all files")
    parser.add_argument("--features", default=",".join(generate.FEATURES))
    parser.add_argument("--keep", help="leave the last program here")
    options = parser.parse_args()
    options.features = tuple(options.features.split(","))
    sys.exit(Fuzzer(options).all())


if __name__ == "__main__":
    main()
