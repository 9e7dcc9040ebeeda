#!/bin/sh
# How long gradc takes, by the medians of several runs, in milliseconds: for each example, to a trainer,
# to the first call of one in memory (--run), both without and with the cache, and to C functions (-c).
# Each cell: wall time, then in brackets the processor time of gradc and what it runs, which other work on
# the machine disturbs less. Prints a Markdown table, with the median of each column.
#
#     bench/compile.sh [GRADC] [RUNS] [NAME…]
set -eu
here=$(cd "$(dirname "$0")" && pwd)
gradc=${1:-$here/../gradc}
runs=${2:-7}
case $gradc in /*) ;; *) gradc=$PWD/$gradc ;; esac
[ $# -lt 2 ] || shift
[ $# -lt 1 ] || shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM
cd "$work"
XDG_CACHE_HOME=$work/cache python3 - "$gradc" "$runs" "$here/../examples" "$@" <<'END'
import glob
import os
import resource
import statistics
import subprocess
import sys
import time

gradc, runs, folder, *names = sys.argv[1:]
names = names or sorted(os.path.basename(path)[:-6] for path in glob.glob(folder + "/*.model"))
columns = {
    "trainer": ["-o", "trainer", "--no-cache", "MODEL"],
    "trainer, cached": ["-o", "trainer", "MODEL"],
    "first call": ["--run", "--no-cache", "MODEL", "--", "--help"],
    "first call, cached": ["--run", "MODEL", "--", "--help"],
    "C functions": ["-c", "--no-cache", "MODEL"],
}


def processor():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def measure(words, model):
    """Wall and processor time; nothing if it fails."""
    command = [gradc, *(model if word == "MODEL" else word for word in words)]
    walls, works = [], []
    for run in range(-1, int(runs)):  # the first fills the cache
        wall, work = time.perf_counter(), processor()
        if subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode:
            return None
        if run >= 0:
            walls.append(1e3 * (time.perf_counter() - wall))
            works.append(1e3 * (processor() - work))
    return statistics.median(walls), statistics.median(works)


def show(cell):
    return f"{cell[0]:.1f} ({cell[1]:.1f})" if cell else "-"


print("| model |", " | ".join(columns), "|")
print("| --- |", " | ".join("---:" for _ in columns), "|")
table = {}
for name in names:
    table[name] = [measure(words, f"{folder}/{name}.model") for words in columns.values()]
    print(f"| {name} |", " | ".join(map(show, table[name])), "|", flush=True)
middle = []
for k in range(len(columns)):
    cells = [row[k] for row in table.values() if row[k]]
    middle.append(tuple(statistics.median(cell[i] for cell in cells) for i in (0, 1)) if cells else None)
print("| median |", " | ".join(map(show, middle)), "|")
END
