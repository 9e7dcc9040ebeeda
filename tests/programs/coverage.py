#!/usr/bin/python3
"""coverage.py PREDICTIONS.csv DATA.csv SHARE TOLERANCE: SHARE of the last column of DATA lies below the predictions."""
import csv, sys

predicted = [float(r[0]) for r in list(csv.reader(open(sys.argv[1])))[1:]]
actual = [float(r[-1]) for r in list(csv.reader(open(sys.argv[2])))[1:]]
if len(predicted) != len(actual):
    sys.exit("%d predictions for %d rows" % (len(predicted), len(actual)))
share = sum(a <= p for a, p in zip(actual, predicted)) / len(actual)
print(share)
sys.exit(0 if abs(share - float(sys.argv[3])) <= float(sys.argv[4]) else 1)
