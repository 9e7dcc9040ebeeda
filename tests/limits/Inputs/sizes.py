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
            done = subprocess.run([gradc, *options, model, "-o", os.path.join(folder, "out.o")],
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
