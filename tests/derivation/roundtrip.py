"""roundtrip.py GRADC MODELS FOLDER: gradients as programs of the model language give the same numbers.

`gradc --emit=model` of each model is compiled again; for the same arguments the values that f_grad
of the program returns are those of m_f_grad, one after the other.
"""
import ctypes
import pathlib
import re
import subprocess
import sys

import numpy as np

SIZES = {"-DD=3", "-DK=4", "-DH=2", "-DN=3", "-DT=5"}
PROTOTYPE = re.compile(r"^(double|void)\s+(\w+)\(([^)]*)\);", re.M)


def run(*words):
    return subprocess.run([str(w) for w in words], capture_output=True, text=True, check=False)


def functions(header):
    text = re.sub(r"/\*.*?\*/", "", header, flags=re.S)
    text = re.sub(r"[ \t]*\n[ \t]+", " ", text)
    return {name: (result, [f.strip() for f in formals.split(",") if f.strip() != "void"])
            for result, name, formals in PROTOTYPE.findall(text)}


def arguments(formals, rng):
    """Arrays, for outputs too: an output is what is not const."""
    made, outputs = [], []
    for formal in formals:
        if formal.startswith("size_t"):
            made.append(ctypes.c_size_t(5))
        elif formal.startswith("int64_t"):
            made.append(ctypes.c_int64(1))
        elif "int64_t *" in formal:
            made.append(np.ones(64, dtype=np.int64))
        elif "*" not in formal:
            made.append(ctypes.c_double(rng.uniform(0.2, 0.9)))
        elif formal.startswith("const"):
            made.append(rng.uniform(0.2, 0.9, 1 << 14))
        else:
            made.append(np.full(1 << 18, np.nan))
            if not formal.endswith("work"):
                outputs.append(made[-1])
    return made, outputs


def call(library, name, result, formals):
    made, outputs = arguments(formals, np.random.default_rng(1))
    function = getattr(library, name)
    function.restype = ctypes.c_double if result == "double" else None
    value = function(*[a.ctypes.data_as(ctypes.c_void_p) if isinstance(a, np.ndarray) else a for a in made])
    parts = [o[~np.isnan(o)] for o in outputs]
    return np.concatenate(([np.array([value])] if result == "double" else []) + parts)


def check(gradc, model, folder):
    sizes = [d for d in sorted(SIZES) if re.search(rf"\bdim\b[^\n]*\b{d[2]}\b(?!\s*=)", model.read_text())]
    program = folder / f"back_{model.stem}.model"
    made = run(gradc, "--emit=model", *sizes, "-o", program, model)
    if made.returncode != 0:
        yield made.stderr
        return
    libraries = []
    for file in (model, program):
        library = folder / f"{file.stem}.so"
        done = run(gradc, "--emit=shared", "-O0", *(sizes if file is model else []), "-o", library, file)
        if done.returncode != 0:
            yield f"{file.name}: {done.stderr}"
            return
        libraries.append((ctypes.CDLL(str(library)), functions(library.with_suffix(".h").read_text()), file.stem))
    (first, known, stem), (second, back, back_stem) = libraries
    compared = 0
    for name, (result, formals) in known.items():
        twin = name.replace(stem, back_stem, 1)
        if not name.endswith("_grad") or twin not in back:
            continue
        expected = call(first, name, result, formals)
        found = call(second, twin, *back[twin])
        compared += 1
        if expected.shape != found.shape or not np.allclose(expected, found, rtol=1e-11, atol=1e-12):
            yield f"{name}: {expected[:8]} and {found[:8]}"
    if compared == 0 and any(name.endswith("_grad") for name in known):
        yield "nothing was compared"


def main():
    gradc, folder = sys.argv[1], pathlib.Path(sys.argv[3]).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    wrong = []
    for model in sorted(pathlib.Path(sys.argv[2]).glob("*.model")):
        wrong += [f"{model.name}: {line}" for line in check(gradc, model, folder)]
    print("\n".join(wrong))
    sys.exit(1 if wrong else 0)


main()
