"""revolve.py GRADC MODEL FOLDER: the gradients of revolve.model are the same bits whichever states are
kept, for all lengths and numbers of states, and work has the room that the header tells."""
import ctypes
import random
import subprocess
import sys

GRADC, MODEL, FOLDER = sys.argv[1:]
LENGTHS = range(1, 51)
D = 3
MANY = 1000000
PLANS = ["0"] + [f"{n},{c}" for n in (1, 3) for c in range(1, 8)] + ["1", "4", "60", "1000,50"]


def build(plan):
    path = f"{FOLDER}/revolve.{plan.replace(',', '.')}.so"
    words = [GRADC, "--strict", f"--checkpoint={plan}", "--emit=shared", MODEL, "-o", path]
    subprocess.run(words, check=True)
    return path


def numbers(count, seed):
    rng = random.Random(seed)
    return (ctypes.c_double * count)(*[rng.uniform(-1, 1) for _ in range(count)])


def gradient(library, name, arrays, count, t):
    """The value and the gradient, as text without loss."""
    function = getattr(library, f"revolve_{name}_grad")
    function.restype = ctypes.c_double
    size = getattr(library, f"revolve_{name}_grad_work", None)
    grad = (ctypes.c_double * count)()
    sizes = [ctypes.c_size_t(t)]
    work = []
    if size is not None:
        size.restype = ctypes.c_size_t
        entries = size(*sizes)
        guard = 8
        room = (ctypes.c_double * (entries + guard))(*([0.0] * entries + [3.5] * guard))
        work = [room]
    value = function(*sizes, *arrays, grad, *work)
    if work and list(work[0])[-guard:] != [3.5] * guard:
        return "written behind work"
    return [value.hex()] + [g.hex() for g in grad]


def arguments(name, t):
    """Its arguments, and the number of entries of its gradient."""
    scalar = [ctypes.c_double(0.7), ctypes.c_double(0.4)]
    if name == "chain":
        return [numbers(D, 1), numbers(D * D, 2)], D + D * D
    if name == "filtered":
        return [*scalar, numbers(t, 3)], 2 + t
    if name == "nested":
        return scalar, 2
    if name == "ended":
        return [numbers(D, 1), ctypes.c_double(0.9), numbers(t, 3)], D + 1 + t
    if name == "known_before":
        return [numbers(t, 3), numbers(D * t, 2)], (1 + D) * t
    if name == "carried_twice":
        return [numbers(D, 1), ctypes.c_double(0.6)], D + 1
    if name in ("delayed", "ended_at_once"):
        return [*scalar, numbers(t, 3)], 2 + t
    return [numbers(D, 1), numbers(t * D, 3)], D + t * D


def main():
    libraries = {plan: ctypes.CDLL(build(plan)) for plan in PLANS}
    failed = False
    for name in ("chain", "filtered", "nested", "delayed", "ended", "ended_at_once", "known_before", "carried_twice", "rows_of"):
        for t in LENGTHS:
            arrays, count = arguments(name, t)
            expected = gradient(libraries["0"], name, arrays, count, t)
            for plan in PLANS[1:]:
                if gradient(libraries[plan], name, arrays, count, t) != expected:
                    failed = True
                    print(f"{name}: T = {t}, --checkpoint={plan}: another gradient")
    for plan in ("3,7", "1000,50"):  # many steps in little memory
        found, expected = (
            gradient(libraries[p], "nested", *arguments("nested", MANY), MANY) for p in (plan, "0")
        )
        if found != expected:
            failed = True
            print(f"nested: T = {MANY}, --checkpoint={plan}: another gradient")
    return failed


sys.exit(main())
