"""Programs that are very large: each gives a result or a message, in 2 GB, on a small stack, in time.

usage: sizes.py GRADC FOLDER
"""
import os
import resource
import subprocess
import sys
import time


def chain(n):
    return "param w = 1\nf0(x) = w * x\n" + "".join(
        f"f{k}(x) = f{k - 1}(x) * 0.5 + x\n" for k in range(1, n)) + f"loss(x, y) = (f{n - 1}(x) - y)^2\n"


def statements(n):
    return "param w = 1\nloss(x, y) {\n  a0 = w * x\n" + "".join(
        f"  a{k} = tanh(a{k - 1}) * w + {k % 5} * x\n" for k in range(1, n)) + f"  return (a{n - 1} - y)^2\n}}\n"


def loops(n):
    return "param w = 1\nloss(x, y) {\n  a = w * x\n" + "".join(
        f"  for t in 10 {{ a = tanh(a) * w + {k % 5} * x }}\n" for k in range(n)) + "  return (a - y)^2\n}\n"


def params(n):
    return "".join(f"param p{k} = 1\n" for k in range(n)) + "loss(x, y) = " + " + ".join(
        f"p{k} * x" for k in range(n)) + "\n"


def inner_sums(n):
    return "dim J = 8\nparam w[J] = 1\nloss(x[J], y) {\n  a0 = sum(w * x)\n" + "".join(
        f"  a{k} = tanh(a{k - 1}) + sum(w[j] * x[j] * {k % 7} for j)\n" for k in range(1, n)) + f"  return (a{n - 1} - y)^2\n}}\n"


def jacobians(n):
    return "dim J = 3\nparam w[J] = 1\nf(x[J]) {\n  a = w * x\n  s0 = 0\n" + "".join(
        f"  s{k} = s{k - 1} + sum(jacobian(tanh({k} * a), a))\n" for k in range(1, n)) + f"  return s{n - 1}\n}}\n"


def hessian(n):
    return "dim D\n" + "".join(f"param w{k}[D] = 1\n" for k in range(n)) + "f(x[D]) = " + " + ".join(
        f"sum(w{k} * x)^2" for k in range(n)) + "\n"


def pairs(n):
    """The work space is a sum of products of all sizes with all others."""
    lines, terms = [], []
    for i in range(n):
        for j in range(i):
            k = len(terms)
            lines.append(f"  a{k} = [sin(x{i}[i] * x{j}[j]) for i in D{i}, j in D{j}]\n  b{k} = softmax(a{k} @ x{j})\n")
            terms.append(f"sum(a{k}^2) * sum(b{k}^2) * b{k}[0]")
    return ("dim " + ", ".join(f"D{k}" for k in range(n)) + "\nf(" + ", ".join(f"x{k}[D{k}]" for k in range(n)) + ") {\n"
            + "".join(lines) + "  return " + " + ".join(terms) + "\n}\n")


# name, text, options, exit status, what the message says
SIZES = [
    ("sum", "f(x, y) = " + " + ".join("xy"[k % 2] for k in range(100000)) + "\n", ["--emit=c"], 0, ""),
    ("list", "f(x) = sum([" + ", ".join(f"x * {k}" for k in range(2000)) + "])\n", ["-c"], 0, ""),
    ("long-list", "f(x) = sum([" + ", ".join("x" for _ in range(100000)) + "])\n", ["-c"], 1,
     "an array of 100000 elements is written out"),
    ("brackets", "f(x) = " + "(" * 10000 + "x" + ")" * 10000 + "\n", ["-c"], 1, "nested too deeply"),
    ("calls-inside", "f(x) = " + "sin(" * 10000 + "x" + ")" * 10000 + "\n", ["-c"], 1, "nested too deeply"),
    ("squares", "f(x) = " + "[" * 10000 + "x" + "]" * 10000 + "\n", ["-c"], 1, "nested too deeply"),
    ("nested", "f(x) = " + "sin(" * 900 + "x" + ")" * 900 + "\n", ["-c"], 0, ""),
    ("minus", "f(x) = " + "-" * 100000 + "x\n", ["-c"], 1, ""),
    ("powers", "f(x) = " + "^".join(["x"] * 100000) + "\n", ["-c"], 1, ""),
    ("conditions", "f(x) = if " + " and ".join(f"x > {k}" for k in range(20000)) + " then x else 0\n",
     ["--emit=c"], 0, ""),
    ("choices", "f(x) = " + " else ".join(f"if x > {k} then {k}" for k in range(900)) + " else 0\n", ["-c"], 0,
     ""),
    ("line", "f(x) = x" + " " * 1000000 + "+ 1\n", ["-c"], 0, ""),
    ("comment", "# " + "x" * 1000000 + "\nf(x) = x\n", ["-c"], 0, ""),
    ("name", "f(" + "x" * 1000000 + ") = 1\n", ["--dump=model"], None, ""),
    ("number", "f(x) = x * 0." + "1" * 1000000 + "\n", ["-c"], 0, ""),
    ("chain", chain(500), ["-c"], 0, ""),
    ("long-chain", chain(3000), ["-c"], 1, "at the end of a chain of 1000 calls"),
    ("statements", statements(2000), ["-c"], 0, ""),
    ("params", params(3000), ["-c"], 0, ""),
    ("many-params", params(20000), ["-c"], 0, ""),
    ("products", "param w = 1\nloss(x, y) = (" + " + ".join(f"w*{k}*x" for k in range(1, 20001)) + " - y)^2\n",
     ["--emit=c"], 0, ""),
    ("functions", "param w = 1\n" + "".join(f"f{k}(x) = sin(x * {k}) + w\n" for k in range(20000))
     + "loss(x, y) = (w * x - y)^2\n", ["-c"], 0, ""),
    ("longer-chain", chain(20000), ["-c"], 1, "at the end of a chain of 1000 calls"),
    ("loops", loops(500), ["--emit=c"], 0, ""),
    ("sines", "param w = 1\nloss(x, y) = (" + " + ".join(f"sin({k} * w * x)" for k in range(1, 5001)) + " - y)^2\n",
     ["-c"], 0, ""),
    ("pieces", "param w = 1\nloss(x, y) = (" + " + ".join(f"sin({k} * w * x)" for k in range(1, 501)) + " - y)^2\n",
     ["--check"], 0, ""),
    ("terms", "param w = 1\nloss(x, y) = (" + "\n + ".join(f"{k % 9} * x * w^{k % 3}" for k in range(50000))
     + " - y)^2\n", ["-c"], 0, ""),
    ("inner-sums", inner_sums(2000), ["-c"], 0, ""),
    ("jacobians", jacobians(500), ["-c"], 0, ""),
    ("hessian", hessian(40), ["-c", "--derivatives=hessian"], 0, ""),
    ("checked-loops", loops(60), ["--check"], 0, ""),
    ("pairs", pairs(12), ["-c"], 0, ""),
    ("many-pairs", pairs(20), ["--emit=c", "--derivatives=grad"], 0, ""),
    ("declared", "".join(f"param p{k} = 1\n" for k in range(50000)) + "loss(x, y) = (p0 * x - y)^2\n",
     ["-c", "-Wno-unused-param"], 0, ""),
    ("empty", "", ["-c"], 1, ""),
    ("no-end", "f(x) = x", ["-c"], 0, ""),
    ("zero-bytes", "f(x) = x\0\0 + 1\n", ["-c"], 1, ""),
    ("only-zeros", "\0" * 100000, ["-c"], 1, ""),
    ("lines", "\n" * 1000000 + "f(x) = x\n", ["-c"], 0, ""),
    ("comments", "# a line\n" * 1000000 + "f(x) = x\n", ["-c"], 0, ""),
    ("functions-of-lines", "".join(f"const c{k} = {k}\n" for k in range(100000)) + "f(x) = x * c7\n", ["-c"], 0, ""),
    ("huge-dim", "dim D = 1000000000000\nparam w[D] = 0\nloss(x[D], y) = (sum(w * x) - y)^2\n", ["-c"], 1, "cannot be 1000000000000"),
    ("huge-matrix", "dim D = 1000000000000\nparam W[D, D] = 0\nf(x[D]) = sum(W @ x)\n", ["-c"], None, ""),
    ("too-huge", "dim D = 100000000000000000000\nf(x[D]) = sum(x)\n", ["-c"], 1, ""),
    ("rank-five", "param w[2, 2, 2, 2, 2] = 0\nf(x) = x * sum(w)\n", ["-c"], None, ""),
    ("nested-loops", "f(x) {\n  a = x\n" + "".join(f"for t{k} in 2 {{\n" for k in range(30)) + "a = a * x\n" + "}\n" * 30
     + "  return a\n}\n", ["-c"], None, ""),
    ("deep-loops", "f(x) {\n  a = x\n" + "".join(f"for t{k} in 2 {{\n" for k in range(5000)) + "a = a * x\n" + "}\n" * 5000
     + "  return a\n}\n", ["-c"], 1, ""),
    ("deep-functions", "".join(f"f{k}(x) {{\n" for k in range(5000)) + "return x\n" + "}\n" * 5000, ["-c"], 1, ""),
    ("deep-choices", "f(x) = " + "(if x > 0 then " * 5000 + "x" + " else 1)" * 5000 + "\n", ["-c"], 1,
     "nested too deeply"),
    ("deep-sums", "f(x) = " + "sum(" * 5000 + "x" + " for i in 2)" * 5000 + "\n", ["-c"], 1, "nested too deeply"),
    ("many-indices", "f(x) = " + "".join(f"sum(" for k in range(70)) + "x * i0"
     + "".join(f" for i{k} in 2)" for k in range(70)) + "\n", ["-c"], None, ""),
    ("open", "f(x) = " + "(" * 100000, ["-c"], 1, ""),
    ("closed", "f(x) = x" + ")" * 100000 + "\n", ["-c"], 1, ""),
    ("operators", "f(x) = " + "+ * / " * 100000 + "\n", ["-c"], 1, ""),
    ("quotes", 'import "' + "a" * 1000000 + '"\n', ["-c"], 1, ""),
    ("exponent", "f(x) = x * 1e" + "9" * 100000 + "\n", ["-c"], None, ""),
    ("whole", "f(x) = x[" + "9" * 100000 + "]\n", ["-c"], 1, ""),
    ("compiled-loops", loops(1000), ["-c"], 0, ""),
]


def limits():
    resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
    resource.setrlimit(resource.RLIMIT_STACK, (256 << 10, 256 << 10))


def main():
    gradc, folder = sys.argv[1:3]
    wrong = 0
    for name, text, options, status, message in SIZES:
        model = os.path.join(folder, name + ".model")
        with open(model, "w") as f:
            f.write(text)
        start = time.monotonic()
        try:
            done = subprocess.run([gradc, *options, model, *(["-o", os.path.join(folder, "out.o")] if "--check" not in options else [])],
                                  capture_output=True, text=True, errors="replace", timeout=120,
                                  preexec_fn=limits)
        except subprocess.TimeoutExpired:
            print(f"{name}: more than 120 s")
            wrong += 1
            continue
        good = done.returncode in (0, 1) if status is None else done.returncode == status
        if not good or message not in done.stderr or "internal error" in done.stderr:
            print(f"{name}: status {done.returncode}: {done.stderr[:300]}")
            wrong += 1
        print(f"{name}: {time.monotonic() - start:.1f} s")
    sys.exit(wrong != 0)


main()
