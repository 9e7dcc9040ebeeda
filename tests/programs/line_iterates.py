#!/usr/bin/python3
"""line_iterates.py TRAINER DATA OUTPUT: after 1, 2, … epochs the trainer's w is that of the textbook loop."""
import json, subprocess, sys

trainer, data, output = sys.argv[1:4]
rows = [(1.0, 2.0), (2.0, 4.0), (3.0, 6.0)]

def bgd(w):
    return w - 0.01 * (sum(2 * x * (w * x - y) for x, y in rows) / 3)

def sgd(w):
    for x, y in rows:
        w = w - 0.01 * (2 * x * (w * x - y))
    return w

for method, step in (("bgd", bgd), ("sgd", sgd)):
    w = 1.0
    for epoch in range(1, 41):
        w = step(w)
        subprocess.run([trainer, "train", data, "--method=" + method, "--order=file", "--rate=0.01",
                        "--epochs=%d" % epoch, "--quiet", "--format=json", "-o", output], check=True)
        found = json.load(open(output))["params"]["w"]
        if not abs(found - w) <= 1e-15 * abs(w):
            sys.exit("%s, epoch %d: w = %.17g, the textbook's loop has %.17g" % (method, epoch, found, w))
