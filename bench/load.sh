#!/bin/sh
# Loading a CSV file of numbers: gradc's readers, one thread and two, against NumPy, pandas and `wc -l`, all in
# one run. Prints a Markdown table of GB/s (CPU time for one thread, wall time for two; medians).
#
#     bench/load.sh [BUILD] [ROWS] [FEATURES]
set -eu
here=$(cd "$(dirname "$0")" && pwd)
build=${1:-$here/..}
rows=${2:-1280000}
features=${3:-20}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM

cc -O2 -o "$work/table" "$here/table.c" -lm
cc -O2 -std=gnu11 -I"$here/.." -o "$work/load" "$here/load.c" "$build/libruntime.a" -lm -lpthread
"$work/table" linear "$rows" "$features" > "$work/table.csv"
bytes=$(wc -c < "$work/table.csv")
echo "$bytes bytes, $rows rows of $((features + 1)) numbers"
echo
echo "| reader | GB/s |"
echo "| --- | --- |"

for reader in avx512 avx2 portable careful; do
    GRADC_LOAD=$reader "$work/load" "$work/table.csv" 7 1 |
        awk -v r="$reader" '{ printf "| gradc, %s, one thread | %.2f |\n", r, $1 / $3 / 1e9 }'
done
"$work/load" "$work/table.csv" 7 2 | awk '{ printf "| gradc, two threads, wall time | %.2f |\n", $1 / $4 / 1e9 }'
"$work/load" "$work/table.csv" 7 1 | awk '{ printf "| gradc, one thread, wall time | %.2f |\n", $1 / $4 / 1e9 }'

cat > "$work/peers.py" << 'PYTHON'
import statistics
import subprocess
import sys
import resource
import time

path, size = sys.argv[1], int(sys.argv[2])


def report(name, function, rounds):
    times = []
    for _ in range(rounds):
        before = time.process_time() + sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2])
        function()
        times.append(time.process_time() + sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2]) - before)
    print(f"| {name} | {size / statistics.median(times) / 1e9:.2f} |", flush=True)


report("read() of the bytes alone", lambda: open(path, "rb", buffering=0).readinto(bytearray(size)), 7)
report("`wc -l`", lambda: subprocess.run(["wc", "-l", path], stdout=subprocess.DEVNULL, check=True), 7)
try:
    import pandas
    report("pandas.read_csv", lambda: pandas.read_csv(path), 3)
except ImportError:
    pass
try:
    import numpy
    report("numpy.loadtxt", lambda: numpy.loadtxt(path, delimiter=",", skiprows=1), 1)
except ImportError:
    pass
PYTHON
"${PYTHON:-python3}" "$work/peers.py" "$work/table.csv" "$bytes"
