"""The size of what is made of a program, not the time, without the passes of LLVM: of four times the statements, four times the lines
of IR, of derivative, of loops and of LLVM instructions, or little more.

usage: growth.py GRADC FOLDER
"""
import os
import subprocess
import sys

SHORT, LONG = 40, 160
LONGER = 5  # times that, of statements in a row: such functions are cut, the short ones and the long ones
STAGES = ["ir", "opt", "loop", "llvm"]
MOST = {"ir": 1.15, "opt": 1.15, "loop": 1.15, "llvm": 1.3}  # times LONG / SHORT


def block(head, first, line, end, n):
    """A function of n statements: `line` gets its number k and that of the one before."""
    body = "".join("  " + line.format(k=k, p=k - 1, c=k % 5) + "\n" for k in range(1, n))
    return f"{head} {{\n  {first}\n{body}  return {end.format(last=n - 1)}\n}}\n"


def scalar(n):
    return "param w = 1\n" + block("loss(x, y)", "a0 = w * x", "a{k} = tanh(a{p}) * w + {k} * x", "(a{last} - y)^2", n)


def array(n):
    return "dim J = 8\nparam w[J] = 1\n" + block(
        "loss(x[J], y)", "a0 = w * x", "a{k}[j] = tanh(a{p}[j]) * w[j] + {k} * x[j]", "(sum(a{last}) - y)^2", n)


def inner_sums(n):
    return "dim J = 8\nparam w[J] = 1\n" + block(
        "loss(x[J], y)", "a0 = sum(w * x)", "a{k} = sum(tanh(w[j] * x[j] * a{p} + {k}) for j)", "(a{last} - y)^2", n)


def layers(n):
    return "dim J = 4\nparam W[J, J] = 0.1\n" + block(
        "loss(x[J], y)", "a0 = x", "a{k}[i] = tanh(sum(W[i, j] * a{p}[j] for j) + {k})", "(sum(a{last}) - y)^2", n)


def loops(n):
    return "param w = 1\n" + block(
        "loss(x, y)", "a = w * x", "for t in 10 {{ a = tanh(a) * w + {k} * x }}", "(a - y)^2", n)


def arrays_in_loops(n):
    return "dim T = 9\nparam w[T] = 1\n" + block(
        "loss(x[T], y)", "a0 = w * x",
        "a{k} = a{p}; for t in 1..T {{ a{k}[t] = w[t] * a{k}[t - 1] + sin(a{k}[t]) }}", "(sum(a{last}) - y)^2", n)


def derivatives(n):
    return "param w = 1\n" + block(
        "loss(x, y)", "a0 = w * x", "a{k} = w * a{p} + deriv(sin({k} * w * x), w)", "(a{last} - y)^2", n)


def jacobians(n):
    return "dim J = 3\nparam w[J] = 1\n" + block(
        "loss(x[J], y)", "b = w * x; a0 = 0", "a{k} = a{p} + sum(jacobian(tanh({k} * b), b))", "(a{last} - y)^2", n)


def matrices(n):
    return "dim J = 3\nparam w[J] = 1\ndata A[J, J]\n" + block(
        "loss(x[J], y)", "a0 = w * x", "a{k} = solve(A + {k} * A', a{p})", "(sum(a{last}) - y)^2", n)


def nested(n):
    return "param w = 1\nf0(x) = sin(w * x)\n" + "".join(
        f"f{k}(x) = f{k - 1}(x) * w + {k}\n" for k in range(1, n)) + f"loss(x, y) = (f{n - 1}(x) - y)^2\n"


def functions(n):
    return "param w = 1\n" + "".join(f"f{k}(x) = sin(w * x) + {k}\n" for k in range(n)) + block(
        "loss(x, y)", "a0 = x", "a{k} = f{k}(a{p})", "(a{last} - y)^2", n)


def params(n):
    return "".join(f"param p{k} = 1\n" for k in range(n)) + "loss(x, y) = (" + " + ".join(
        f"sin(p{k} * x)" for k in range(n)) + " - y)^2\n"


SHAPES = [scalar, array, inner_sums, layers, loops, arrays_in_loops, derivatives, jacobians, matrices, nested,
          functions, params]


def lines(gradc, folder, shape, n, stage):
    path = os.path.join(folder, f"{shape.__name__}.model")
    with open(path, "w") as f:
        f.write(shape(n))
    done = subprocess.run([gradc, "-O0", f"--dump={stage}", path, "-o", "-"], capture_output=True, text=True, timeout=100)
    if done.returncode:
        sys.exit(f"{shape.__name__}, {n} statements: {done.stderr[:500]}")
    return done.stdout.count("\n")


def main():
    gradc, folder = sys.argv[1:3]
    wrong = 0
    for shape in SHAPES:
        for stage in STAGES:
            times = LONGER if stage == "llvm" and shape in (scalar, array, derivatives) else 1
            short, long = (lines(gradc, folder, shape, n * times, stage) for n in (SHORT, LONG))
            ratio = long / short
            print(f"{shape.__name__}, {stage}: {short} lines; {long}: {ratio:.2f}")
            if ratio > MOST[stage] * LONG / SHORT:
                print("  too many")
                wrong += 1
    sys.exit(wrong != 0)


main()
