#!/usr/bin/python3
"""expect.py RESULT.json TOLERANCE name=v,v,… …: the parameters of a trainer's JSON result are the values given,
each to TOLERANCE relative to the largest value of its parameter (at least 1)."""
import json, sys

def flat(v):
    return [x for e in v for x in flat(e)] if isinstance(v, list) else [v]

params = json.load(open(sys.argv[1]))["params"]
tolerance = float(sys.argv[2])
bad = 0
for spec in sys.argv[3:]:
    name, values = spec.split("=")
    expected = [float(v) for v in values.split(",")]
    found = flat(params[name])
    if len(found) != len(expected):
        sys.exit("%s has %d values, expected %d" % (name, len(found), len(expected)))
    scale = max([1.0] + [abs(v) for v in expected])
    for k, (f, e) in enumerate(zip(found, expected)):
        if not abs(f - e) <= tolerance * scale:
            print("%s[%d] = %.17g, expected %.17g" % (name, k, f, e))
            bad += 1
sys.exit(1 if bad else 0)
