"""NIST's linear least squares, certified, with and without sufficient statistics: nist.py GRADC, in a folder
of its own. Statistics must not cost digits, however badly the columns are conditioned."""
import json
import subprocess
import sys

import numpy as np

GRADC = sys.argv[1]
NORRIS = """0.1 0.2 338.8 337.4 118.1 118.2 888.0 884.6 9.2 10.1 228.1 226.5 668.5 666.3 998.5 996.3 449.1 448.6
778.9 777.0 559.2 558.2 0.3 0.4 0.1 0.6 778.1 775.5 668.8 666.9 339.3 338.0 448.9 447.5 10.8 11.6 557.7 556.0
228.3 228.1 998.0 995.8 888.8 887.6 119.6 120.2 0.3 0.3 0.6 0.3 557.6 556.8 339.3 339.1 888.0 887.2 998.5 999.0
778.9 779.0 10.2 11.1 117.6 118.3 228.9 229.2 668.4 669.1 449.2 448.9 0.2 0.5"""
LONGLEY = """60323 83.0 234289 2356 1590 107608 1947 61122 88.5 259426 2325 1456 108632 1948
60171 88.2 258054 3682 1616 109773 1949 61187 89.5 284599 3351 1650 110929 1950
63221 96.2 328975 2099 3099 112075 1951 63639 98.1 346999 1932 3594 113270 1952
64989 99.0 365385 1870 3547 115094 1953 63761 100.0 363112 3578 3350 116219 1954
66019 101.2 397469 2904 3048 117388 1955 67857 104.6 419180 2822 2857 118734 1956
68169 108.4 442769 2936 2798 120445 1957 66513 110.8 444546 4681 2637 121950 1958
68655 112.6 482704 3813 2552 123366 1959 69564 114.2 502601 3931 2514 125368 1960
69331 115.7 518173 4806 2572 127852 1961 70551 116.9 554894 4007 2827 130081 1962"""
CERTIFIED = {
    "norris": [-0.262323073774029, 1.00211681802045],
    "longley": [-3482258.63459582, 15.0618722713733, -0.0358191792925910, -2.02022980381683, -1.03322686717359,
                -0.0511041056535807, 1829.15146461355],
}
# y, then the columns; steps are counted in the columns' own sizes
MODEL = "dim D\nparam b, w[D]\nloss(x[D], y) = (b + dot(w, x) - y)^2\n"


def digits(found, certified):
    return min(min(15, -np.log10(abs(f - c) / abs(c) + 1e-16)) for f, c in zip(found, certified))


def train(name, use, *options):
    out = subprocess.run(["./model", "train", name + ".csv", f"--statistics={use}", "-q", "-o", "-", "--format=json",
                          *options], check=True, capture_output=True, text=True).stdout
    params = json.loads(out)["params"]
    return [params["b"], *params["w"]]


def main():
    with open("m.model", "w", encoding="ascii") as file:
        file.write(MODEL)
    subprocess.run([GRADC, "m.model", "-o", "model"], check=True)
    for name, text, width in (("norris", NORRIS, 2), ("longley", LONGLEY, 7)):
        rows = np.array(text.split(), dtype=float).reshape(-1, width)
        with open(name + ".csv", "w", encoding="ascii") as file:
            file.write(",".join(f"x{k}" for k in range(width - 1)) + ",y\n")
            for row in rows:
                file.write(",".join(repr(float(v)) for v in (*row[1:], row[0])) + "\n")
        # from a start that is right to three digits: its scale is that of the columns
        start = np.array(CERTIFIED[name]) * 1.001
        with open(name + ".json", "w", encoding="ascii") as file:
            json.dump({"params": {"b": start[0], "w": list(start[1:])}}, file)
        for method in ("lbfgs", "cg", "bb"):
            options = [f"--method={method}", "--epochs=3000", "-m", name + ".json"]
            direct = digits(train(name, "no", *options), CERTIFIED[name])
            fast = digits(train(name, "yes", *options), CERTIFIED[name])
            assert fast >= direct - 1 and (name == "longley" or fast > 10), (name, method, direct, fast)
            print(f"ok {name} {method}: {direct:.1f} digits on the rows, {fast:.1f} on statistics")


main()
