#!/usr/bin/python3
"""labels.py DATA.csv RESULT.json: the classes of `u` are its texts, in the order of their bytes."""
import csv, json, sys

texts = sorted({row["u"] for row in csv.DictReader(open(sys.argv[1]))}, key=str.encode)
found = json.load(open(sys.argv[2]))
if found["classes"]["u"] != texts or len(found["params"]["U"]) != len(texts):
    sys.exit("%d classes, expected %d" % (len(found["classes"]["u"]), len(texts)))
