#!/bin/sh
# The gradient of a mixture of normal densities (examples/gmm.model, the form of the ADBench suite) against
# the objective alone in plain C (gmm_peer.c, -O3 -march=native -ffast-math), in one run and one thread.
# Prints a Markdown table of the medians of 7 rounds.
#
#     bench/gmm.sh [GRADC] [CC of the peer]
set -eu
here=$(cd "$(dirname "$0")" && pwd)
gradc=${1:-$here/../gradc}
cc=${2:-clang-19}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM

"$gradc" "$here/../examples/gmm.model" -c --function=loss --batch -march=native -o "$work/gmm.o"
$cc -c -O3 -march=native -ffast-math -o "$work/peer.o" "$here/gmm_peer.c"
cc -O2 -I"$work" -o "$work/gmm" "$here/gmm.c" "$work/gmm.o" "$work/peer.o" -lm
"$work/gmm"
