#!/usr/bin/python3
"""agree.py MODEL.json… : two files after another have the same params, to 1e-12."""
import json, sys

def flat(value):
    return [x for item in value for x in flat(item)] if isinstance(value, list) else [value]

files = [json.load(open(name))["params"] for name in sys.argv[1:]]
for first, second in zip(files[::2], files[1::2]):
    for name in first:
        for a, b in zip(flat(first[name]), flat(second[name])):
            if not abs(a - b) <= 1e-12 * max(1, abs(b)):
                sys.exit("%s: %r and %r" % (name, a, b))
