#!/bin/sh
# Epochs of SGD, and full-batch epochs on sufficient statistics, of gradc's trainers against an expert's C (sgd_peer.c,
# peer.c), one thread, processor time, medians of seven interleaved rounds. Prints a Markdown table; a ratio below 1
# means that gradc is faster. What is shuffled includes the shuffle.
#
#     bench/sgd.sh [GRADC] [ROWS]
set -eu
here=$(cd "$(dirname "$0")" && pwd)
gradc=${1:-$here/../gradc}
rows=${2:-1000000}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM

cc -O2 -o "$work/table" "$here/table.c" -lm
cc -O3 -march=native -ffast-math -o "$work/peer" "$here/peer.c" -lm
cc -O3 -march=native -ffast-math -o "$work/sgd_peer" "$here/sgd_peer.c" -lm
for kind in linear logistic; do
    "$work/table" $kind "$rows" 20 > "$work/$kind.csv"
    "$work/peer" convert 20 < "$work/$kind.csv" > "$work/$kind.bin"
    "$gradc" "$here/$kind.model" -march=native -o "$work/$kind"
done
export XDG_CACHE_HOME="$work/cache"
/usr/bin/env python3 "$here/sgd.py" "$work" "$rows"
