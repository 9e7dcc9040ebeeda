"""exact.py GRADC CC MODEL [--flags='…'] [--sizes N]: C functions touch what their header says and no more.

Each array is as long as the header tells and lies against a page that cannot be touched, once its end and once
its beginning; inputs cannot be written; outputs begin as NaNs of one pattern, scratch memory as that or another. The functions are
called with numbers of samples about the edges of blocks and with small sizes, as a C compiler made them and as LLVM
did. Whatever the place of the arrays and what was in them, all of the outputs are written, and with the same numbers."""
import argparse
import array
import ctypes
import math
import mmap
import os
import pickle
import random
import re
import signal
import struct
import subprocess
import sys
import tempfile

PAGE = mmap.PAGESIZE
LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.mmap.restype = ctypes.c_void_p
LIBC.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t] + [ctypes.c_int] * 3 + [ctypes.c_long]
LIBC.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
LIBC.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
MARK = {8: struct.pack("<Q", 0x7ff8dead00c0ffee), 4: struct.pack("<I", 0x7fc0dead)}
OTHER = {8: struct.pack("<d", 1.25), 4: struct.pack("<f", 1.25)}
SAMPLES = (1, 2, 3, 4, 65, 0, 7, 64, 63, 5, 8, 67, 31, 9, 129, 127)
EXTENTS = (1, 1, 2, 2, 3, 3, 4, 5, 6, 7, 8, 9, 11, 15, 16, 17, 33)
ROOM = 1 << 22  # bytes of an array; sizes that need more are left out
FUNCTION = re.compile(r"/\* (?P<says>(?:(?!\*/).)*)\*/\n"
                      r"(?P<result>double|float|void|size_t) (?P<name>\w+)\((?P<formals>[^;]*)\);", re.S)


class Unfit(Exception):
    """These sizes are not for this function."""


def read_header(path):
    """{name: (result, [(type, is const, name, what the comment says)])}"""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    functions = {}
    for found in FUNCTION.finditer(text):
        says = dict(re.findall(r"\n \*   (\w+) +([^\n]*?) ?(?=\n|$)", found["says"]))
        formals = []
        for formal in [] if found["formals"].strip() == "void" else found["formals"].split(","):
            constant, kind, star, name = re.match(r"(const )?(\w+) (\*?)(\w+)$", " ".join(formal.split())).groups()
            formals.append((kind + star, bool(constant), name, says.get(name, "")))
        functions[found["name"]] = found["result"], formals
    return functions


def dims_of(gradc, model, flags):
    """The sizes that the model fixes."""
    done = subprocess.run([gradc, "--dump=model", *flags, "-c", model, "-o", os.devnull], capture_output=True, text=True,
                          check=False)
    return {name: int(value) for name, value in re.findall(r"^dim (\w+) = (\d+)$", done.stdout, re.M)}


def items_of(shapes):
    """"a[K, 3], b" in parts: ["a[K, 3]", "b"]"""
    parts, depth, last = [], 0, 0
    for k, c in enumerate(shapes):
        depth += c in "[(" and 1 or c in "])" and -1 or 0
        if c == "," and depth == 0:
            parts.append(shapes[last:k])
            last = k + 1
    return [part.strip() for part in parts + [shapes[last:]]]


class Call:
    """One function at one set of sizes."""

    def __init__(self, formals, fixed, samples, seed):
        self.random = random.Random(seed)
        self.dims, self.lengths, self.samples = dict(fixed), None, samples
        self.formals, self.nudge = formals, None
        for kind, _, name, says in formals:
            if kind == "size_t" and says == "a size":
                self.dims[name] = self.random.choice(EXTENTS)
            elif kind == "size_t":
                self.dims[name] = samples
            elif kind == "size_t*":
                self.lengths = name, [self.random.choice((1, 2, 3, 5, 8)) for _ in range(samples)]

    def size(self, text):
        try:
            size = eval(text, {"__builtins__": {}}, self.dims)  # pylint: disable=eval-used
        except (NameError, SyntaxError, ZeroDivisionError) as problem:
            raise Unfit(f"{text}: {problem}") from problem
        if size < 0:
            raise Unfit(text)
        return size

    def entries(self, item):
        """Of "a[K, D] in C"."""
        found = re.match(r"[^\[]*\[(.*)\]", item)
        count = 1
        for axis in items_of(found[1]) if found else []:
            if self.lengths and axis == self.lengths[0]:
                count = count // max(self.samples, 1) * sum(self.lengths[1])
            else:
                count *= self.size(axis)
        return count

    def count(self, says, value=1):
        """The entries of an array."""
        if says.startswith("the rows of each sample"):
            return self.samples
        matrix = re.match(r"overwritten: (.*) by (.*), row-major", says)
        if matrix:
            rows = value if matrix[1] == "entries of the value" else self.size(matrix[1])
            return rows * self.size(matrix[2])
        says = re.sub(r"^(overwritten(: |, laid out as )|a direction, laid out as )", "", says)
        says = re.sub(r", whole numbers|; updated| in \w+: 0, 1, …$", "", says)
        return sum(self.entries(item) for item in items_of(says)) if says and says != "overwritten" else 0

    def numbers(self, kind, says, count):
        """What an input holds."""
        if kind == "int64_t*":
            classes = re.search(r" in (.*): 0, 1, …", says)
            limit = self.size(classes[1]) if classes else 2
            if limit == 0:
                raise Unfit("no class")
            return array.array("q", [self.random.randrange(limit) for _ in range(count)]).tobytes()
        if kind == "size_t*":
            return array.array("Q", self.lengths[1]).tobytes()
        return array.array("d" if kind == "double*" else "f", [self.random.gauss(0, 1) for _ in range(count)]).tobytes()


class Memory:
    """Arrays between pages that cannot be touched."""

    def __init__(self, at_end):
        self.at_end, self.maps = at_end, []

    def place(self, content, readonly, align=1):
        size = len(content)
        if size > ROOM:
            raise Unfit(f"{size} bytes")
        pages = -(-size // PAGE) * PAGE
        base = LIBC.mmap(None, pages + 2 * PAGE, mmap.PROT_READ | mmap.PROT_WRITE, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, -1, 0)
        self.maps.append((base, pages + 2 * PAGE))
        address = base + PAGE + ((pages - size) // align * align if self.at_end else 0)
        ctypes.memmove(address, content, size)
        LIBC.mprotect(base, PAGE, 0)
        LIBC.mprotect(base + PAGE + pages, PAGE, 0)
        if readonly and pages:
            LIBC.mprotect(base + PAGE, pages, mmap.PROT_READ)
        return address

    def close(self):
        for base, size in self.maps:
            LIBC.munmap(base, size)


def work_size(library, functions, name, call):
    """The entries of scratch memory, which another function tells."""
    function = getattr(library, name + "_work")
    function.restype = ctypes.c_size_t
    words = []
    for kind, _, formal, _ in functions[name + "_work"][1]:
        if kind == "size_t*":
            words.append((ctypes.c_size_t * max(1, call.samples))(*call.lengths[1]))
        else:
            words.append(ctypes.c_size_t(call.dims[formal]))
    return function(*words)


def perform(library, functions, name, call, at_end):
    """All that the function gives: {argument: bytes}."""
    result, formals = functions[name]
    memory, words, outputs, value = Memory(at_end), [], [], 1
    call.random.seed(len(name))
    for kind, constant, formal, says in formals:
        entry = 4 if kind == "float*" else 8
        if kind in ("double", "float"):
            words.append((ctypes.c_double if kind == "double" else ctypes.c_float)(call.random.random()))
        elif kind == "int64_t":
            words.append(ctypes.c_int64(call.random.randrange(2)))
        elif kind == "uint64_t":
            words.append(ctypes.c_uint64(7))
        elif kind == "size_t":
            words.append(ctypes.c_size_t(call.dims[formal]))
        elif constant:
            content = call.numbers(kind, says, call.count(says))
            if call.nudge and call.nudge[0][0] == formal:
                entries = array.array("d", content)
                entries[call.nudge[0][1]] += call.nudge[1]
                content = entries.tobytes()
            words.append(ctypes.c_void_p(memory.place(content, True)))
        elif formal == "work":
            size = work_size(library, functions, name, call)
            found = MARK[entry] if at_end else OTHER[entry]
            words.append(ctypes.c_void_p(memory.place(found * size, False, 8)))
        else:
            count = call.count(says, value)
            value = count if formal == "value" else value
            outputs.append((formal, memory.place(MARK[entry] * count, False), count * entry, entry))
            words.append(ctypes.c_void_p(outputs[-1][1]))
    function = getattr(library, name)
    function.restype = {"double": ctypes.c_double, "float": ctypes.c_float, "void": None, "size_t": ctypes.c_size_t}[result]
    returned = function(*words)
    given = {}
    for formal, address, size, entry in outputs:
        content = ctypes.string_at(address, size)
        if any(content[k:k + entry] == MARK[entry] for k in range(0, size, entry)):
            raise AssertionError(f"`{formal}` is not all written")
        given[formal] = array.array("d" if entry == 8 else "f", content).tolist()
    if result in ("double", "float"):
        given["the value"] = [returned]
    memory.close()
    return given


def slope(library, functions, name, call, gradient):
    """The gradient beside central differences of the value."""
    def nudge(place, step):
        call.nudge = place, step
        return perform(library, functions, name, call, True)["the value"][0]

    call.nudge = None
    inputs = [(formal, call.count(says)) for kind, constant, formal, says in functions[name][1] if kind == "double*" and constant]
    wanted, step = [], 2.0 ** -17
    for formal, count in inputs:
        for k in range(count):
            wanted.append((nudge((formal, k), step) - nudge((formal, k), -step)) / (2 * step))
    call.nudge = None
    return differ({"grad": gradient}, {"grad": wanted}, 1e-4)


def differ(a, b, tolerance):
    """The first argument and entry that are not the same."""
    for name, numbers in a.items():
        scale = max([abs(x) for x in numbers + b[name] if math.isfinite(x)] + [1e-3])
        for k, (x, y) in enumerate(zip(numbers, b[name])):
            if not (x == y or math.isnan(x) and math.isnan(y) or abs(x - y) <= tolerance * scale < math.inf):
                return f"`{name}` entry {k} of {len(numbers)} is {x!r} and {y!r}"
    return None


def run_all(path, functions, fixed, options, tell):
    """{(function, samples, sizes): what it gives}; tells before each call which it is."""
    library = ctypes.CDLL(path)
    given, faults = {}, []
    for name, (_, formals) in functions.items():
        if name.endswith(("_work", "_count")):
            continue
        batch = any(kind.startswith("size_t") and says != "a size" for kind, _, _, says in formals)
        sized = any(says == "a size" for _, _, _, says in formals)
        for turn in range(options.sizes if batch or sized else 1):
            samples = SAMPLES[turn % len(SAMPLES)] if batch else 1
            call = Call(formals, fixed, samples, f"{name} {turn}")
            place = f"{name} m={samples} {call.dims}"
            tell(place)
            try:
                ends = [perform(library, functions, name, call, at_end) for at_end in (True, False)]
            except Unfit:
                continue
            except AssertionError as problem:
                faults.append(f"{place}: {problem}")
                continue
            wrong = differ(ends[0], ends[1], 0)
            if wrong:
                faults.append(f"{place}: {wrong}, by where arrays lie")
            given[place] = ends[0]
            if options.differences and name.endswith("_grad"):
                wrong = slope(library, functions, name, call, ends[0]["grad"])
                if wrong:
                    faults.append(f"{place}: {wrong}, by differences")
    return given, faults


def in_child(path, functions, fixed, options):
    """run_all in a process of its own, which may end by a touch of a page."""
    said = mmap.mmap(-1, PAGE)
    inward, outward = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(inward)

        def tell(place):
            text = place.encode()[:PAGE - 1] + b"\0"
            said[:len(text)] = text

        with os.fdopen(outward, "wb") as file:
            pickle.dump(run_all(path, functions, fixed, options, tell), file)
        os._exit(0)
    os.close(outward)
    with os.fdopen(inward, "rb") as file:
        content = file.read()
    _, status = os.waitpid(child, 0)
    if status:
        end = signal.Signals(os.WTERMSIG(status)).name if os.WIFSIGNALED(status) else f"status {status >> 8}"
        return {}, [f"{bytes(said).split(bytes(1))[0].decode()}: {end}"]
    return pickle.loads(content)


def check(options, model, flags, folder):
    """What is wrong with the C functions of a model."""
    fixed = dims_of(options.gradc, model, [f for f in flags if f.startswith("-D")])
    made = {}
    for name, words in {"C": ["--emit=c", "-o", f"{folder}/c.c"], "O0": ["--emit=shared", "-O0", "-o", f"{folder}/O0.so"],
                        "O3": ["--emit=shared", "-O3", "-march=native", "-o", f"{folder}/O3.so"]}.items():
        done = subprocess.run([options.gradc, *words, *flags, model], capture_output=True, text=True, check=False)
        if done.returncode == 0 and name == "C":
            done = subprocess.run([*options.cc.split(), "-std=c99", "-O1", "-shared", "-fPIC", f"{folder}/c.c", "-o",
                                   f"{folder}/C.so", "-lm", *options.libs.split()], capture_output=True, text=True, check=False)
        if done.returncode:
            return [f"{name} does not compile: {done.stderr}"]
        functions = read_header(f"{folder}/{name.lower() if name == 'C' else name}.h")
        made[name], faults = in_child(f"{folder}/{name}.so", functions, fixed, options)
        if faults:
            return [f"{name}: {fault}" for fault in faults]
    options.calls += len(made["C"])
    tolerance = 1e-2 if "--precision=f32" in flags else 1e-7
    found = []
    for name in ("O0", "O3"):
        for place, given in made["C"].items():
            wrong = differ(given, made[name][place], tolerance)
            if wrong:
                found.append(f"{place}: {wrong}, by C and by LLVM -{name}")
    return found


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--gradc", required=True)
    parser.add_argument("--cc", default="cc")
    parser.add_argument("--libs", default="")
    parser.add_argument("--flags", action="append", help="of gradc; given more than once, all in turn")
    parser.add_argument("--sizes", type=int, default=16)
    parser.add_argument("--differences", action="store_true", help="of gradients by all arguments, too")
    parser.add_argument("models", nargs="+")
    options = parser.parse_args()
    options.calls = failed = 0
    for model in options.models:
        for flags in options.flags or [""]:
            with tempfile.TemporaryDirectory() as folder:
                for fault in check(options, model, flags.split(), folder):
                    failed += 1
                    print(f"{os.path.basename(model)} {flags}: {fault}", flush=True)
    print(f"{options.calls} calls, {failed} faults")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
