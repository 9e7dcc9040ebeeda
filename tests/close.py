"""close.py A B REL: the texts A and B have the same words and, up to the relative REL, numbers.

`-` is standard input. Numbers are close too if they differ by less than REL / 1000 of the largest in A.
"""
import math
import re
import sys

NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|[-+]?\b(?:inf|nan)\b")


def read(name):
    """The words of a file, and its numbers."""
    if name == "-":
        text = sys.stdin.read()
    else:
        with open(name, encoding="utf-8") as f:
            text = f.read()
    return NUMBER.sub("#", text).split(), [float(x) for x in NUMBER.findall(text)]


def main():
    if len(sys.argv) != 4:
        sys.exit("usage: close.py A B REL")
    (words_a, a), (words_b, b) = read(sys.argv[1]), read(sys.argv[2])
    rel = float(sys.argv[3])
    if words_a != words_b:
        pair = next(((x, y) for x, y in zip(words_a, words_b) if x != y), None)
        sys.exit(f"the texts differ: {pair or (len(words_a), len(words_b))}")
    if len(a) != len(b):
        sys.exit(f"{len(a)} numbers against {len(b)}")
    if not a:
        sys.exit("there is no number to compare")
    largest = max([abs(x) for x in a if math.isfinite(x)], default=0.0)
    for k, (x, y) in enumerate(zip(a, b)):
        same = x == y or (math.isnan(x) and math.isnan(y))
        if not same and not abs(x - y) <= rel * max(abs(x), abs(y), largest / 1000):
            sys.exit(f"number {k + 1}: {x!r} against {y!r}")


main()
