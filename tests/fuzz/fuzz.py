"""Compiles random programs and compares all that gradc makes of them.

    fuzz.py --gradc PATH [--seed N] [--programs N] [--size FUNCTIONS] [--features a,b] [--checkpoint N,C]
            [--keep FOLDER]
    fuzz.py --gradc PATH --seed N --shrink

Each file goes through `gradc --check` (the interpreter, reverse mode, forward mode, complex steps,
differences, loop program, machine code), then its functions and derivatives are called as C
compilers made them, and as LLVM did at -O0 and -O3, with the same arguments. Every function is a
program. A file that is refused is a failure too: all are well typed. The last line tells how many
passed, and each failure the seed that makes it again; --shrink prints a small program that fails as
that one does."""
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
import shrink

# what is compared beside --check, file by file
KINDS = [[], ["--strict"], ["--derivatives=grad,jvp,hvp,hessian,jacobian"], [], ["--batch"], [], ["-Dw=0.75", "-DN=3"],
         ["--wrt=p,q"], ["--function=f0,f1", "--derivatives=grad,jvp"], ["--batch", "--strict"], []]
# which states loops keep for their derivatives, file by file, unless --checkpoint says it
CHECKPOINTS = [[], ["--checkpoint=2,2"], [], ["--checkpoint=1,3"], ["--checkpoint=2"]]
C_LEVELS = ["-O1", "-O0"]
LEVELS = ["-O0"] * 11 + ["-O2"]  # of --check
CHECKED = ("-D", "--strict", "--batch", "--checkpoint", "--wrt", "--function")  # options that --check gets too
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
INPUT_ROOM, OUTPUT_ROOM = 1024, 1 << 14
MARK = 7.25  # what no function wrote
CHUNK = bytes(array.array("d", [MARK]) * 64)
UNTOUCHED = CHUNK * (OUTPUT_ROOM // 64)


class Arguments:
    """The arguments of one function, the same for every library that has it."""

    POOL = array.array("d", [random.Random(1).gauss(0, 1) for _ in range(2 * INPUT_ROOM)])
    OUTPUTS = []

    def __init__(self, prototype, seed, work, moves=0):
        self.random = random.Random(seed)
        self.moves = random.Random(moves) if moves else None
        self.prototype, self.work = prototype, work
        self.outputs = []

    def reals(self):
        """An array in which no entry is twice; from another place in each argument."""
        start = self.random.randrange(INPUT_ROOM)
        numbers = self.POOL[start:start + INPUT_ROOM]
        if self.moves:
            numbers = array.array("d", map(self.moved, numbers))
        return (ctypes.c_double * INPUT_ROOM).from_buffer_copy(numbers)

    def moved(self, number):
        """The number, or a neighbour of it if this is a call that finds what rounding does."""
        return number * (1 + self.moves.choice((-1, 1)) * 2.0 ** -52) if self.moves else number

    def labels(self):
        bits = self.random.getrandbits(INPUT_ROOM)
        return (ctypes.c_int64 * INPUT_ROOM)(*[bits >> k & 1 for k in range(INPUT_ROOM)])

    def output(self):
        """Room that is marked, and used again by the next call."""
        k = len(self.outputs)
        if k == len(self.OUTPUTS):
            self.OUTPUTS.append((ctypes.c_double * OUTPUT_ROOM)())
            ctypes.memmove(self.OUTPUTS[k], UNTOUCHED, len(UNTOUCHED))
        self.outputs.append(self.OUTPUTS[k])
        return self.OUTPUTS[k]

    def make(self):
        made = []
        for kind, constant, name in self.prototype[2]:
            if kind == "double":
                made.append(ctypes.c_double(self.moved(self.random.gauss(0, 1))))
            elif kind == "int64_t":
                made.append(ctypes.c_int64(self.random.randrange(2)))
            elif kind == "int64_t*":
                made.append(self.labels())
            elif kind == "size_t*":
                made.append((ctypes.c_size_t * SAMPLES)(*LENGTHS))
            elif kind == "uint64_t":
                made.append(ctypes.c_uint64(7))
            elif kind == "size_t":
                made.append(ctypes.c_size_t(size_of(name)))
            elif kind == "double*" and constant:
                made.append(self.reals())
            elif kind == "double*" and name == "work":
                made.append((ctypes.c_double * (self.work + 1))(*[math.nan] * (self.work + 1)))
            elif kind == "double*":
                made.append(self.output())
            else:
                raise ValueError(f"an argument of type {kind}")
        return made

    def written(self):
        """All that was written to the outputs, which are marked anew."""
        numbers = array.array("d")
        for out in self.outputs:
            used = OUTPUT_ROOM // 64
            whole = memoryview(out).cast("B")
            size = len(CHUNK)
            low = 0
            while low < used and bytes(whole[low * size:(low + 1) * size]) != CHUNK:
                low += 1
            if bytes(whole[low * size:]) != UNTOUCHED[low * size:]:
                low = used  # what was not written lies between: a hole
            numbers.frombytes(whole[:low * size])
            ctypes.memmove(out, UNTOUCHED, low * size)
        return numbers


def size_of(name):
    """What a function gets for the size of this name."""
    return SAMPLES if name.startswith("m") else 2


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
                    arguments.append(ctypes.c_size_t(size_of(formal)))
            return function(*arguments)
    return 0


def call(library, prototype, prototypes_of, seed, moves=0):
    """The result and all outputs, as one list; with `moves`, at numbers an ulp beside."""
    result, name, _ = prototype
    function = getattr(library, name)
    function.restype = ctypes.c_double if result == "double" else None
    arguments = Arguments(prototype, seed, work_of(library, prototype, prototypes_of), moves)
    made = arguments.make()
    value = function(*made)
    numbers = array.array("d", [value] if result == "double" else [])
    return (numbers + arguments.written()).tolist()


def differ(a, b, others=()):
    """The first place where two results are not the same up to rounding; None: nowhere. `others`: a
    at arguments that are an ulp beside; what these make of it is rounding, too, as in the sine of a
    very large number."""
    if any(len(c) != len(a) for c in (b, *others)):
        return min(len(a), len(b)) - 1
    scale = max([abs(x) for x in a + b if math.isfinite(x) and x != MARK] + [1e-3])
    for k, (x, y) in enumerate(zip(a, b)):
        if math.isnan(x) and math.isnan(y) or x == y:
            continue
        spread = max((abs(c[k] - x) for c in others), default=0)
        if not abs(x - y) <= max(1e-8 * scale, 20 * spread) < math.inf:
            return k
    return None


class Fuzzer:
    def __init__(self, options):
        self.options = options
        self.folder = options.keep or tempfile.mkdtemp()
        os.makedirs(self.folder, exist_ok=True)
        self.passed = self.failed = 0
        self.only = []  # while a program is made smaller
        self.extern = self.path("extern.o")
        with open(self.path("extern.c"), "w", encoding="utf-8") as file:
            file.write(generate.EXTERN_C)
        self.run(*self.options.cc[0].split(), "-c", "-fPIC", self.path("extern.c"), "-o", self.extern)

    def run(self, *command):
        return subprocess.run(command, capture_output=True, text=True, timeout=600)

    def path(self, name):
        return os.path.join(self.folder, name)

    def errors_of(self, result):
        """Without the warnings, which random programs have many of."""
        parts = re.split(r"(?m)^(?=\S+: (?:warning|error)|gradc: )", result.stderr)
        return "".join(p for p in parts if ": warning: " not in p)

    def flags(self, seed, text):
        asked = self.options.checkpoint
        flags = KINDS[seed % len(KINDS)] + ([f"--checkpoint={asked}"] if asked else CHECKPOINTS[seed % len(CHECKPOINTS)])
        return [f for f in flags if f != "-DN=3" or ", N\n" in text], [self.extern] if "extern " in text else []

    def formatted(self, model, flags):
        """The C source of the model in the canonical layout, less its lines; or what is wrong."""
        texts = []
        other = self.path("another.model")  # a name as long
        result = self.run(self.options.gradc, "--fmt", model, "-o", other)
        for source in (model, other) if result.returncode == 0 else ():
            result = self.run(self.options.gradc, "--emit=c", *flags, source, "-o", self.path("formatted.c"))
            with open(self.path("formatted.c"), encoding="utf-8") as file:
                text = re.sub(r"/\*.*?\*/", "", file.read(), flags=re.S)
                texts.append(text.replace("program", "another").replace("PROGRAM", "ANOTHER").split())
        return None if len(texts) == 2 and texts[0] == texts[1] else self.errors_of(result) or "another program"

    def made_by_llvm(self, level, model, flags, objects):
        """(path, prototypes) of a shared library; a text if it was not made."""
        out = self.path(f"llvm{level}.so")
        result = self.run(self.options.gradc, "--emit=shared", level, *flags, model, *objects, "-o", out)
        if result.returncode:
            return self.errors_of(result)
        with open(out[:-2] + "h", encoding="utf-8") as file:
            return out, prototypes(file.read())

    def made_by_c(self, compiler, level, model, flags, objects):
        source = self.path("program.c")
        result = self.run(self.options.gradc, "--emit=c", *flags, model, "-o", source)
        if result.returncode:
            return self.errors_of(result)
        out = self.path("c.so")
        strict = ["-Wall", "-Wextra", "-pedantic", "-Werror"] if level == "-O0" else []  # gcc -O1 guesses
        result = self.run(*compiler.split(), "-std=c99", level, "-shared", "-fPIC", *strict, source, *objects, "-o", out, "-lm", *self.options.libs.split())
        if result.returncode:
            return result.stderr
        with open(self.path("program.h"), encoding="utf-8") as file:
            return out, prototypes(file.read())

    def compare(self, seed, libraries):
        """What a function gives that is another in one of the libraries {name: (handle, prototypes)}."""
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
                    others = [call(library, prototype, found, seed, moves) for moves in range(1, 5)]
                    place = differ(numbers, first, others)
                if place is not None:
                    return (f"{function}: entry {place} is {first[place]!r} by LLVM -O0 and "
                            f"{numbers[place]!r} by {name}")
        return None

    def fault(self, seed, files):
        """What is wrong with what gradc makes of these files: (what, more), or None."""
        for name, text in files.items():
            with open(self.path(name), "w", encoding="utf-8") as file:
                file.write(text)
        model = self.path("program.model")
        flags, objects = self.flags(seed, files["program.model"])
        flags = flags + self.only
        result = self.run(self.options.gradc, "--check", LEVELS[seed % len(LEVELS)],
                          *[f for f in flags if f.startswith(CHECKED)], model, *objects)
        if result.returncode:
            return f"--check gives {result.returncode}", self.errors_of(result) + result.stdout[-500:]
        wrong = self.formatted(model, flags) if seed % 7 == 3 else None
        if wrong:
            return "the canonical layout does not mean the same", wrong
        made = {f"LLVM {level}": self.made_by_llvm(level, model, flags, objects) for level in ("-O0", "-O3")}
        compiler = self.options.cc[seed % len(self.options.cc)]
        made["C"] = self.made_by_c(compiler, C_LEVELS[seed // 2 % 2], model, flags, objects)
        for name, library in made.items():
            if isinstance(library, str):
                return f"{name}: does not compile", library
        libraries = {name: (ctypes.CDLL(path), found) for name, (path, found) in made.items()}
        wrong = self.compare(seed, libraries)
        for library, _ in libraries.values():
            ctypes.CDLL(None).dlclose(ctypes.c_void_p(library._handle))
        return (wrong, files["program.model"][-3000:]) if wrong else None

    def program(self, seed):
        return generate.program(seed, self.options.size, self.options.features)

    def all(self):
        """All seeds, or those until it is stopped."""
        files = -(-self.options.programs // self.options.size)
        try:
            for seed in range(self.options.seed, self.options.seed + files):
                found = self.fault(seed, self.program(seed))
                if found:
                    self.failed += 1
                    print(f"seed {seed}: {found[0]}\n{found[1]}", flush=True)
                else:
                    self.passed += self.options.size
        except KeyboardInterrupt:
            files = self.passed // self.options.size + self.failed
        print(f"seeds {self.options.seed} to {self.options.seed + files - 1}: {self.passed} programs agree, "
              f"{self.failed} files do not")
        return 1 if self.failed else 0

    def shrink(self):
        """The smallest program that fails as that of the seed does."""
        seed, files = self.options.seed, self.program(self.options.seed)
        found = self.fault(seed, files)
        if not found:
            print(f"seed {seed} agrees")
            return 0
        kind = kind_of(found)

        def fails(text):
            other = self.fault(seed, {**files, "program.model": text})
            return other is not None and kind_of(other) == kind

        for name in re.findall(r"`(\w+)`", found[1]) + re.findall(r"program_([a-z]+\d*)", found[0]):
            self.only = [f"--function={name}"]
            if fails(files["program.model"]):
                break
            self.only = []
        text = shrink.shrink(files["program.model"], fails, self.options.seconds)
        what, more = self.fault(seed, {**files, "program.model": text})
        print(f"{text}\n# seed {seed} {self.flags(seed, text)[0] + self.only}: {what}\n{more[:2000]}")
        return 1

    def close(self):
        if not self.options.keep:
            shutil.rmtree(self.folder)


def kind_of(found):
    """A failure without its names and numbers."""
    what, more = found
    line = next((x for x in more.splitlines() if "error" in x), "")
    plain = re.sub(r"-?\b\d[\w.+-]*", "#", re.sub(r"`[^`]*`", "`", what.split(":")[-1] + line.split("error", 1)[-1]))
    return plain.replace("central difference", "step").replace("complex step", "step")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--gradc", required=True)
    parser.add_argument("--cc", action="append", help="a C compiler; given twice, both in turn")
    parser.add_argument("--libs", default="", help="what the C source needs, as -llapack")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--programs", type=int, default=300)
    parser.add_argument("--size", type=int, default=10, help="functions of a file")
    parser.add_argument("--checkpoint", help="that of gradc, for all files")
    parser.add_argument("--features", default=",".join(generate.FEATURES))
    parser.add_argument("--keep", help="leave the last program here")
    parser.add_argument("--shrink", action="store_true", help="make the program of the seed smaller, while it fails")
    parser.add_argument("--seconds", type=int, default=120, help="for --shrink")
    options = parser.parse_args()
    options.features = tuple(options.features.split(","))
    options.cc = options.cc or ["cc"]
    fuzzer = Fuzzer(options)
    status = fuzzer.shrink() if options.shrink else fuzzer.all()
    fuzzer.close()
    sys.exit(status)


if __name__ == "__main__":
    main()
