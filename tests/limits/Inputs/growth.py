"""The size of what is made of a program, not the time, without the passes of LLVM: of four times the statements, four times the lines
of IR, of derivative, of loops and of LLVM instructions, or little more.

usage: growth.py GRADC FOLDER
"""
import functools
import os
import subprocess
import sys

SHORT, LONG = 40, 160
LONGER = 5  # times that, of statements in a row: such functions are cut, the short ones and the long ones
STAGES = ["ir", "opt", "loop", "llvm"]
MOST = {"ir": 1.15, "opt": 1.15, "loop": 1.15, "llvm": 1.3}  # times LONG / SHORT


HEAD = "param w = 1\n"
VECTORS = "dim J = {J}\nparam w[J] = 1\n"
# each shape: what stands before the loss, its arguments, the first statement, the others, what is compared with y. A statement
# gets its number k and that of the one before, p; the last is `last`
BLOCKS = {
    "scalar": (HEAD, "x", "a0 = w * x", "a{k} = tanh(a{p}) * w + {k} * x", "a{last}"),
    "array": (VECTORS.format(J=8), "x[J]", "a0 = w * x", "a{k}[j] = tanh(a{p}[j]) * w[j] + {k} * x[j]", "sum(a{last})"),
    "inner_sums": (VECTORS.format(J=8), "x[J]", "a0 = sum(w * x)", "a{k} = sum(tanh(w[j] * x[j] * a{p} + {k}) for j)", "a{last}"),
    "layers": ("dim J = 4\nparam W[J, J] = 0.1\n", "x[J]", "a0 = x",
               "a{k}[i] = tanh(sum(W[i, j] * a{p}[j] for j) + {k})", "sum(a{last})"),
    "loops": (HEAD, "x", "a = w * x", "for t in 10 {{ a = tanh(a) * w + {k} * x }}", "a"),
    "arrays_in_loops": ("dim T = 9\nparam w[T] = 1\n", "x[T]", "a0 = w * x",
                        "a{k} = a{p}; for t in 1..T {{ a{k}[t] = w[t] * a{k}[t - 1] + sin(a{k}[t]) }}", "sum(a{last})"),
    "derivatives": (HEAD, "x", "a0 = w * x", "a{k} = w * a{p} + deriv(sin({k} * w * x), w)", "a{last}"),
    "jacobians": (VECTORS.format(J=3), "x[J]", "b = w * x; a0 = 0", "a{k} = a{p} + sum(jacobian(tanh({k} * b), b))", "a{last}"),
    "matrices": (VECTORS.format(J=3) + "data A[J, J]\n", "x[J]", "a0 = w * x", "a{k} = solve(A + {k} * A', a{p})", "sum(a{last})"),
}


def block(shape, n, head=""):
    """A model whose loss has n statements, and `head` before it."""
    before, arguments, first, line, end = shape
    body = "".join("  " + line.format(k=k, p=k - 1) + "\n" for k in range(1, n))
    return f"{before}{head}loss({arguments}, y) {{\n  {first}\n{body}  return ({end.format(last=n - 1)} - y)^2\n}}\n"


def nested(n):
    return HEAD + "f0(x) = sin(w * x)\n" + "".join(
        f"f{k}(x) = f{k - 1}(x) * w + {k}\n" for k in range(1, n)) + f"loss(x, y) = (f{n - 1}(x) - y)^2\n"


def functions(n):
    return block((HEAD, "x", "a0 = x", "a{k} = f{k}(a{p})", "a{last}"), n, "".join(f"f{k}(x) = sin(w * x) + {k}\n" for k in range(n)))


def params(n):
    return "".join(f"param p{k} = 1\n" for k in range(n)) + "loss(x, y) = (" + " + ".join(
        f"sin(p{k} * x)" for k in range(n)) + " - y)^2\n"


SHAPES = {**{name: functools.partial(block, shape) for name, shape in BLOCKS.items()}, "nested": nested, "functions": functions, "params": params}


def lines(gradc, folder, shape, n, stage):
    path = os.path.join(folder, f"{shape}.model")
    with open(path, "w") as f:
        f.write(SHAPES[shape](n))
    done = subprocess.run([gradc, "-O0", f"--dump={stage}", path, "-o", "-"], capture_output=True, text=True, timeout=100)
    if done.returncode:
        sys.exit(f"{shape}, {n} statements: {done.stderr[:500]}")
    return done.stdout.count("\n")


def main():
    gradc, folder = sys.argv[1:3]
    wrong = 0
    for shape in SHAPES:
        for stage in STAGES:
            times = LONGER if stage == "llvm" and shape in ("scalar", "array", "derivatives") else 1
            short, long = (lines(gradc, folder, shape, n * times, stage) for n in (SHORT, LONG))
            ratio = long / short
            print(f"{shape}, {stage}: {short} lines; {long}: {ratio:.2f}")
            if ratio > MOST[stage] * LONG / SHORT:
                print("  too many")
                wrong += 1
    sys.exit(wrong != 0)


main()
