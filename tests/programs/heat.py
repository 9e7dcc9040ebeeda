#!/usr/bin/python3
"""heat.py points: points of a grid, as data. heat.py compare POINTS RESULT TOLERANCE: are the values of the
heat equation's solution there?"""
import csv, math, sys

if sys.argv[1] == "points":
    print("x,t,kind")
    for i in range(11):
        for j in range(6):
            print("%g,%g,0" % (i / 10, j / 5))
    sys.exit(0)
points = list(csv.DictReader(open(sys.argv[2])))
values = [float(line) for line in open(sys.argv[3]).read().split()[1:]]
assert len(points) == len(values) > 0
worst = max(abs(math.exp(-0.1 * math.pi ** 2 * float(p["t"])) * math.sin(math.pi * float(p["x"])) - v)
            for p, v in zip(points, values))
if not worst <= float(sys.argv[4]):
    sys.exit("the worst error is %g" % worst)
