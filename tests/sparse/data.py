#!/usr/bin/python3
"""data.py NAME: rows for the model NAME; many of them have one entry twice."""
import random, sys

rng = random.Random(1)

def pick(size, count):
    return [rng.randrange(size) for _ in range(count)]

rows = {
    "factorisation": lambda k: (["u", "i", "r"], pick(5, 1) + pick(7, 1) if k > 7 else [k % 5, k % 7]),
    "skipgram": lambda k: (["word", "context"] + ["neg%d" % i for i in range(5)], pick(8, 7) if k > 8 else [k % 8] * 7),
    "pairs": lambda k: (["a", "b", "r"], pick(6, 2) if k % 3 else [k % 6] * 2),
    "many": lambda k: (["u", "i", "r"], [rng.choice([3, 8, 1999]), pick(900, 1)[0]]),
    "bags": lambda k: (["w0", "w1", "w2", "w3", "y"], pick(1500, 2) + [7, rng.choice([7, 1499])]),
    "words": lambda k: (["w0", "w1", "w2", "w3", "y"], pick(6, 4) if k % 5 else [5 - k % 6] * 4),
}[sys.argv[1]]
for k in range(60):
    header, row = rows(k)
    if k == 0:
        print(",".join(header))
    print(",".join(map(str, row + ([round(rng.gauss(0, 1), 3)] if len(row) < len(header) else []))))
