"""Under --strict machine code at -O0 and -O3, C without contraction and loops by hand give the same bits.

usage: bits.py HAND LIBRARY…    libraries of sums.model, then of batch.model for each way
"""
import ctypes
import random
import struct
import sys

P = ctypes.POINTER(ctypes.c_double)
random.seed(7)


def array(count):
    return (ctypes.c_double * max(count, 1))(*[random.choice((1, -1, 1e8, 1e-8)) * random.uniform(0.1, 2)
                                               for _ in range(max(count, 1))])


def bits(value):
    return struct.pack("d", value).hex()


def call(library, name, sizes, arguments, extra=()):
    f = getattr(library, name)
    f.restype = ctypes.c_double
    if hasattr(library, name + "_work"):
        needs = getattr(library, name + "_work")
        needs.restype = ctypes.c_size_t
        extra = (*extra, array(needs(*[ctypes.c_size_t(s) for s in sizes])))
    return f(*[ctypes.c_size_t(s) for s in sizes], *[ctypes.c_double(a) if isinstance(a, float) else a
                                                     for a in arguments], *extra)


# name, sizes, arguments: "n" an array of n, "nm" a matrix, "1" a number
ROWS = [("total", "n", ["n"]), ("affine", "n", ["n"]), ("dots", "n", ["n", "n"]), ("squares", "n", ["n"]),
        ("nested", "nm", ["nm", "m"]), ("flat", "nm", ["nm"]), ("across", "nm", ["nm"]), ("factored", "n", ["1", "1", "n"]),
        ("chain", "4", ["4"]), ("recurrence", "n", ["n", "1"]), ("filter", "n", ["n", "1"]),
        ("matrix", "n", ["nn", "nn"]), ("form", "n", ["nn", "n"]), ("poly", "n", ["n"]), ("root", "n", ["n"]),
        ("lower", "n", ["nn"]), ("tops", "n", ["n"])]


def extent(shape, size):
    count = 1
    for letter in shape:
        count *= size[letter] if letter in size else int(letter)
    return count


def functions(hand, libraries):
    wrong = 0
    for name, sizes, shapes in ROWS:
        for n, m in ((1, 1), (2, 3), (7, 5), (64, 33), (257, 16)):
            size = {"n": n, "m": m, "1": 1, "4": 4}
            arguments = [random.uniform(-0.9, 0.9) if s == "1" else array(extent(s, size)) for s in shapes]
            given = [size[s] for s in sizes]
            if name == "factored":
                expected = hand.hand_factored(ctypes.c_double(arguments[0]), ctypes.c_double(arguments[1]),
                                              ctypes.c_size_t(n), arguments[2])
            else:
                expected = call(hand, "hand_" + name, given, arguments)
            gradients = set()
            for library in libraries:
                value = call(library, "sums_" + name, given, arguments)
                if bits(value) != bits(expected):
                    print(f"{name}, n = {n}: {library._name} gives {value!r}, by hand {expected!r}")
                    wrong += 1
                total = sum(extent(s, size) for s in shapes)
                gradient = (ctypes.c_double * total)()
                call(library, f"sums_{name}_grad", given, arguments, (gradient,))
                gradients.add(bytes(gradient))
            if len(gradients) != 1:
                print(f"{name}, n = {n}: {len(gradients)} gradients")
                wrong += 1
    return wrong


def batches(hand, libraries):
    wrong = 0
    for D, m in ((1, 1), (3, 2), (5, 70), (33, 200)):
        params, x, y = array(D + 1), array(D * m), array(m)
        gradient = array(D + 1)
        expected = hand.hand_batch(ctypes.c_size_t(D), params, x, y, ctypes.c_size_t(m), gradient)
        found = set()
        for library in libraries:
            value = library.batch_loss_batch(ctypes.c_size_t(D), params, ctypes.c_size_t(m), x, y)
            if bits(value) != bits(expected):
                print(f"batch of {m}: {library._name} gives {value!r}, by hand {expected!r}")
                wrong += 1
            again = library.batch_loss_batch_grad(ctypes.c_size_t(D), params, ctypes.c_size_t(m), x, y, gradient)
            found.add(bits(again) + bytes(gradient).hex())
        if len(found) != 1:
            print(f"batch of {m}: {len(found)} gradients")
            wrong += 1
    return wrong


def main():
    hand = ctypes.CDLL(sys.argv[1])
    hand.hand_factored.restype = hand.hand_batch.restype = ctypes.c_double
    libraries = [ctypes.CDLL(path) for path in sys.argv[2:]]
    half = len(libraries) // 2
    for library in libraries[half:]:
        library.batch_loss_batch.restype = library.batch_loss_batch_grad.restype = ctypes.c_double
    wrong = functions(hand, libraries[:half]) + batches(hand, libraries[half:])
    print(f"{wrong} wrong")
    sys.exit(wrong != 0)


main()
