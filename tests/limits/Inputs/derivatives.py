"""Many derivatives in one function: those beside each other are right, and each takes time for what it needs alone.

usage: derivatives.py GRADC FOLDER
"""
import os
import resource
import subprocess
import sys

FEW, MANY, MOST = 100, 2000, 60  # in proportion it is 20, with squares it was 300

MIXED = [
    "  r{k} = sum(jacobian([x[0] * x[1] + {k}, sin(x[2] * {k})], x))",
    "  s{k} = {k} * x; g{k} = sum(s{k}^2) * x[0]; r{k} = sum(grad(g{k}, x)) + deriv(deriv(sin({k} * c), c), c)",
    "  z{k} = c; for t in 4 {{ z{k} = sin({k} * z{k} + x[0] * c) }}\n  r{k} = deriv(z{k}, c) + sum(grad(z{k}, x))",
    "  e{k} = sum(exp(x) * c); h{k} = grad(e{k}, x); r{k} = sum(dirderiv(h{k}, x, h{k}))",
]


def program(lines, count):
    body = "\n".join(lines[k % len(lines)].format(k=k + 1) for k in range(count))
    return f"f(x[3], c) {{\n{body}\n  return {' + '.join(f'r{k + 1}' for k in range(count))}\n}}\n"


def seconds(gradc, path, text):
    with open(path, "w") as f:
        f.write(text)
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    subprocess.run([gradc, "--emit=c", path, "-o", path + ".c"], check=True)
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before


def main():
    gradc, folder = sys.argv[1:3]
    path = os.path.join(folder, "mixed.model")
    with open(path, "w") as f:
        f.write(program(MIXED, 120))
    checked = subprocess.run([gradc, "--check", path], capture_output=True, text=True, check=False)
    if checked.returncode != 0:
        sys.exit(checked.stdout + checked.stderr)
    few, many = (seconds(gradc, os.path.join(folder, "many.model"), program(MIXED[:1], n)) for n in (FEW, MANY))
    if many > MOST * few:
        sys.exit(f"{FEW} derivatives: {few:.2f} s, {MANY}: {many:.2f} s")


main()
