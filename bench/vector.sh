#!/bin/sh
# Full-batch gradients with exp and log in them, of gradc's C functions against hand-written C
# (vector_peer.c: an expert's with inline polynomials, and plain C with libm), in one run and one thread.
# Prints a Markdown table of the medians of 7 rounds; then one of the elementary functions alone.
#
#     bench/vector.sh [GRADC] [CC of the expert]
set -eu
here=$(cd "$(dirname "$0")" && pwd)
gradc=${1:-$here/../gradc}
cc=${2:-cc}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM

for model in curve logistic; do
    "$gradc" "$here/$model.model" -c --function=loss --batch -march=native -o "$work/$model.o"
done
$cc -c -O3 -march=native -ffast-math -o "$work/expert.o" "$here/vector_peer.c"
cc -c -O3 -march=native -DLIBM -o "$work/libm.o" "$here/vector_peer.c"
cc -O2 -I"$work" -o "$work/vector" "$here/vector.c" "$work/curve.o" "$work/logistic.o" \
    "$work/expert.o" "$work/libm.o" -lm
"$work/vector"
echo
"$gradc" "$here/functions.model" -c -march=native -o "$work/functions.o"
cc -O2 -I"$work" -o "$work/functions" "$here/functions.c" "$work/functions.o" -lm
"$work/functions"
