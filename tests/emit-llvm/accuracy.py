"""accuracy.py GRADC [COUNT]: measures the elementary functions of generated code against long double, at
each processor and level given below: the largest error in units in the last place must be under the
documented bound, special arguments must give what C's library gives, and all builds for processors with
FMA must give the same bits, and all without it."""
import ctypes
import os
import subprocess
import sys
import tempfile

import numpy as np

BOUNDS = {"exp": 0.8, "expm1": 0.85, "log": 0.85, "log1p": 0.85, "tanh": 0.85, "cosh": 0.95}
BUILDS = [("x86-64", "-O2"), ("x86-64", "-O0"), ("x86-64-v2", "-O2"), ("x86-64-v3", "-O2"),
          ("x86-64-v3", "-O0"), ("x86-64-v3", "-O1"), ("x86-64-v3", "-O2 --strict"),
          ("native", "-O2"), ("native", "-O3"), ("x86-64-v4", "-O2")]
RANGES = {
    "exp": [(-746, 711), (-1, 1), (-1e-3, 1e-3), (709.7, 709.8), (-746, -708), (-0.4, 0.4)],
    "expm1": [(-40, 711), (-2, 2), (-1e-3, 1e-3), (709.7, 709.8), (-0.4, 0.4)],
    "log": [(0, 10), (0.5, 2), (0.99, 1.01), (0, 1e-300), (0, 1e308), (0, 2e-308)],
    "log1p": [(-1, 10), (-0.5, 1), (-1e-3, 1e-3), (0, 1e308), (-1, -0.999), (0, 1e17)],
    "tanh": [(-20, 20), (-1, 1), (-1e-3, 1e-3), (0.5, 0.6), (0.5, 2)],
    "cosh": [(-711, 711), (-2, 2), (-1e-3, 1e-3), (-10, 10), (710.4, 710.5)],
}


def arguments(name, count):
    rng = np.random.default_rng(7)
    parts = [rng.uniform(low, high, count) for low, high in RANGES[name]]
    signs = np.where(rng.random(count) < 0.5, -1.0, 1.0)
    with np.errstate(all="ignore"):
        parts.append(signs * 2.0 ** rng.uniform(-1074, 1024, count))
        parts.append(signs * 2.0 ** rng.uniform(-60, 10, count))
    return np.concatenate(parts)


def reference(name, x):
    with np.errstate(all="ignore"):
        return getattr(np, name)(x.astype(np.longdouble))


def error(got, exact):
    """In units in the last place of a double of the size of `exact`; 0 where both are no numbers."""
    with np.errstate(all="ignore"):
        rounded = exact.astype(np.float64)
        ulp = np.spacing(np.abs(np.where(np.isfinite(rounded), rounded, 1))).astype(np.longdouble)
        off = np.abs((got.astype(np.longdouble) - exact) / ulp)
    same = (got == rounded) & ~np.isfinite(rounded) | np.isnan(got) & np.isnan(rounded)
    return np.where(same, 0, np.where(np.isfinite(rounded) & np.isfinite(got), off, np.inf))


def call(library, name, x):
    y = np.empty_like(x)
    pointer = ctypes.POINTER(ctypes.c_double)
    function = getattr(library, "accuracy_f_" + name)
    function.restype = None
    function(ctypes.c_size_t(len(x)), x.ctypes.data_as(pointer), y.ctypes.data_as(pointer))
    return y


def single(library, name, x):
    function = getattr(library, "accuracy_one_" + name)
    function.restype = ctypes.c_double
    return np.array([function(ctypes.c_double(v)) for v in x])


def edges(library, name):
    special = [0.0, -0.0, np.inf, -np.inf, np.nan, 1.0, -1.0, 5e-324, -5e-324, 1e-310, -1e-310,
               2.2250738585072014e-308, 1.7976931348623157e308, -1.7976931348623157e308, 1e22, -1e22]
    x = np.array(special)
    got = call(library, name, x)
    with np.errstate(all="ignore"):
        want = getattr(np, name)(x)
    payload = np.array([0x7ff8000000abcdef], dtype=np.uint64).view(np.float64)
    problems = []
    for value, g, w in zip(x, got, want):
        if not (np.isnan(g) and np.isnan(w) or g == w or abs(g - w) <= np.spacing(abs(w))):
            problems.append(f"{name}({value!r}) is {g!r}, C's library gives {w!r}")
        elif g == 0 and np.signbit(g) != np.signbit(w):
            problems.append(f"{name}({value!r}) is {g!r}: wrong sign")
    if int(call(library, name, payload).view(np.uint64)[0]) % 2**63 != 0x7ff8000000abcdef:
        problems.append(f"{name}(NaN) loses its payload")
    return problems


def build(gradc, directory, march, options):
    model = os.path.join(directory, "accuracy.model")
    with open(model, "w", encoding="utf-8") as file:
        file.write("dim N\n")
        for name in BOUNDS:
            file.write(f"f_{name}(x[N]) = {name}(x)\none_{name}(x) = {name}(x)\n")
    output = os.path.join(directory, f"{march}{options.replace(' ', '')}.so")
    subprocess.run([gradc, model, "--emit=shared", f"-march={march}", *options.split(), "-o", output], check=True)
    return ctypes.CDLL(output)


def supported(march):
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        flags = next((line for line in file if line.startswith("flags")), "").split()
    needs = {"x86-64-v3": ["avx2", "fma", "bmi2"], "x86-64-v4": ["avx512f", "avx512dq", "avx512vl"]}
    return all(flag in flags for flag in needs.get(march, [])), "fma" in flags


def main():
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 20000
    problems, first = [], {}
    with tempfile.TemporaryDirectory() as directory:
        for march, options in BUILDS:
            runs, native_fma = supported(march)
            if not runs:
                continue
            fused = march in ("x86-64-v3", "x86-64-v4") or march == "native" and native_fma
            library = build(sys.argv[1], directory, march, options)
            for name, bound in BOUNDS.items():
                x = arguments(name, count)
                got = call(library, name, x)
                bits = got.view(np.uint64)
                known = first.setdefault((name, fused), bits)
                if known is bits:
                    off = error(got, reference(name, x))
                    worst = int(np.argmax(off))
                    print(f"{name:6} {'fma' if fused else 'no fma':7} {off[worst]:.3f} ulp at {x[worst]!r}")
                    if off[worst] > bound:
                        problems.append(f"{name} for {march}: {off[worst]} ulp at {x[worst]!r}: {got[worst]!r}")
                elif not np.array_equal(known, bits):
                    at = int(np.argmax(known != bits))
                    problems.append(f"{name} for {march} {options}: other bits at {x[at]!r}")
                some = np.ascontiguousarray(x[:: max(1, len(x) // 500)])
                if not np.array_equal(single(library, name, some).view(np.uint64), call(library, name, some).view(np.uint64)):
                    problems.append(f"{name} for {march} {options}: other bits alone than in a vector")
                problems += [f"{march} {options}: {p}" for p in edges(library, name)]
    print("\n".join(problems) if problems else "all within their bounds")
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
