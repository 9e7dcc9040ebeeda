"""accuracy.py GRADC [f64|f32 [COUNT]]: measures the elementary functions of generated code against long double, at
each processor and level given below: the largest error in units in the last place must be under the
documented bound, special arguments must give what C's library gives, and all builds for processors with
FMA must give the same bits, and all without it."""
import ctypes
import os
import subprocess
import sys
import tempfile

import numpy as np

SINGLE = len(sys.argv) > 2 and sys.argv[2] == "f32"
REAL, WORD, C_REAL = (np.float32, np.uint32, ctypes.c_float) if SINGLE else (np.float64, np.uint64, ctypes.c_double)
BOUNDS = {"exp": 0.8, "expm1": 0.85, "log": 0.85, "log1p": 0.85, "tanh": 0.85, "cosh": 0.95}
BUILDS = [("x86-64", "-O2"), ("x86-64", "-O0"), ("x86-64-v2", "-O2"), ("x86-64-v3", "-O2"),
          ("x86-64-v3", "-O0"), ("x86-64-v3", "-O1"), ("x86-64-v3", "-O2 --strict"),
          ("native", "-O2"), ("native", "-O3"), ("x86-64-v4", "-O2")]
F32_RANGES = {
    "exp": [(-105, 90), (-1, 1), (-1e-3, 1e-3), (88.7, 88.8), (-105, -85), (-0.4, 0.4)],
    "expm1": [(-22, 90), (-2, 2), (-1e-3, 1e-3), (88.7, 88.8), (-0.4, 0.4)],
    "log": [(0, 10), (0.5, 2), (0.99, 1.01), (0, 1e-37), (0, 3e38), (0, 2e-38)],
    "log1p": [(-1, 10), (-0.5, 1), (-1e-3, 1e-3), (0, 3e38), (-1, -0.999), (0, 1e8)],
    "tanh": [(-10, 10), (-1, 1), (-1e-3, 1e-3), (0.5, 0.6), (0.5, 2)],
    "cosh": [(-90, 90), (-2, 2), (-1e-3, 1e-3), (-10, 10), (89.4, 89.5)],
}
F64_RANGES = {
    "exp": [(-746, 711), (-1, 1), (-1e-3, 1e-3), (709.7, 709.8), (-746, -708), (-0.4, 0.4)],
    "expm1": [(-40, 711), (-2, 2), (-1e-3, 1e-3), (709.7, 709.8), (-0.4, 0.4)],
    "log": [(0, 10), (0.5, 2), (0.99, 1.01), (0, 1e-300), (0, 1e308), (0, 2e-308)],
    "log1p": [(-1, 10), (-0.5, 1), (-1e-3, 1e-3), (0, 1e308), (-1, -0.999), (0, 1e17)],
    "tanh": [(-20, 20), (-1, 1), (-1e-3, 1e-3), (0.5, 0.6), (0.5, 2)],
    "cosh": [(-711, 711), (-2, 2), (-1e-3, 1e-3), (-10, 10), (710.4, 710.5)],
}
if SINGLE:
    BOUNDS |= {"tanh": 0.9, "cosh": 1.0}
RANGES = F32_RANGES if SINGLE else F64_RANGES


def arguments(name, count):
    rng = np.random.default_rng(7)
    parts = [rng.uniform(low, high, count) for low, high in RANGES[name]]
    signs = np.where(rng.random(count) < 0.5, -1.0, 1.0)
    with np.errstate(all="ignore"):
        parts.append(signs * 2.0 ** (rng.uniform(-149, 128, count) if SINGLE else rng.uniform(-1074, 1024, count)))
        parts.append(signs * 2.0 ** rng.uniform(-60, 10, count))
    with np.errstate(all="ignore"):
        return np.concatenate(parts).astype(REAL)


def reference(name, x):
    with np.errstate(all="ignore"):
        return getattr(np, name)(x.astype(np.longdouble))


def error(got, exact):
    """In units in the last place of a real of the size of `exact`; 0 where both are no numbers."""
    with np.errstate(all="ignore"):
        rounded = exact.astype(REAL)
        ulp = np.spacing(np.abs(np.where(np.isfinite(rounded), rounded, 1))).astype(np.longdouble)
        off = np.abs((got.astype(np.longdouble) - exact) / ulp)
    same = (got == rounded) & ~np.isfinite(rounded) | np.isnan(got) & np.isnan(rounded)
    return np.where(same, 0, np.where(np.isfinite(rounded) & np.isfinite(got), off, np.inf))


def call(library, name, x):
    y = np.empty_like(x)
    pointer = ctypes.POINTER(C_REAL)
    function = getattr(library, "accuracy_f_" + name)
    function.restype = None
    function(ctypes.c_size_t(len(x)), x.ctypes.data_as(pointer), y.ctypes.data_as(pointer))
    return y


def single(library, name, x):
    function = getattr(library, "accuracy_one_" + name)
    function.restype = C_REAL
    return np.array([function(C_REAL(v)) for v in x], dtype=REAL)


def edges(library, name):
    special = [0.0, -0.0, np.inf, -np.inf, np.nan, 1.0, -1.0, 5e-324, -5e-324, 1e-310, -1e-310,
               2.2250738585072014e-308, 1.7976931348623157e308, -1.7976931348623157e308, 1e22, -1e22]
    if SINGLE:
        special = [0.0, -0.0, np.inf, -np.inf, np.nan, 1.0, -1.0, 1e-45, -1e-45, 1e-39, -1e-39,
                   1.1754944e-38, 3.4028235e38, -3.4028235e38, 1e9, -1e9]
    x = np.array(special, dtype=REAL)
    got = call(library, name, x)
    with np.errstate(all="ignore"):
        want = getattr(np, name)(x)
    payload = np.array([0x7fc0abcd if SINGLE else 0x7ff8000000abcdef], dtype=WORD)
    found = call(library, name, payload.view(REAL)).view(WORD)
    problems = []
    for value, g, w in zip(x, got, want):
        if not (np.isnan(g) and np.isnan(w) or g == w or abs(g - w) <= np.spacing(abs(w))):
            problems.append(f"{name}({value!r}) is {g!r}, C's library gives {w!r}")
        elif g == 0 and np.signbit(g) != np.signbit(w):
            problems.append(f"{name}({value!r}) is {g!r}: wrong sign")
    sign = 2 ** (8 * payload.itemsize - 1)
    if int(found[0]) % sign != int(payload[0]):
        problems.append(f"{name}(NaN) loses its payload")
    return problems


def build(gradc, directory, march, options):
    model = os.path.join(directory, "accuracy.model")
    with open(model, "w", encoding="utf-8") as file:
        file.write("dim N\n")
        for name in BOUNDS:
            file.write(f"f_{name}(x[N]) = {name}(x)\none_{name}(x) = {name}(x)\n")
    output = os.path.join(directory, f"{march}{options.replace(' ', '')}.so")
    subprocess.run([gradc, model, "--emit=shared", f"--precision={'f32' if SINGLE else 'f64'}", f"-march={march}",
                    *options.split(), "-o", output], check=True)
    return ctypes.CDLL(output)


def supported(march):
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        flags = next((line for line in file if line.startswith("flags")), "").split()
    needs = {"x86-64-v3": ["avx2", "fma", "bmi2"], "x86-64-v4": ["avx512f", "avx512dq", "avx512vl"]}
    return all(flag in flags for flag in needs.get(march, [])), "fma" in flags


def main():
    count = int(sys.argv[3]) if len(sys.argv) > 3 else 20000
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
                bits = got.view(WORD)
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
                if not np.array_equal(single(library, name, some).view(WORD), call(library, name, some).view(WORD)):
                    problems.append(f"{name} for {march} {options}: other bits alone than in a vector")
                problems += [f"{march} {options}: {p}" for p in edges(library, name)]
    print("\n".join(problems) if problems else "all within their bounds")
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
