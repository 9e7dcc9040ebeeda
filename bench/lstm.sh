#!/bin/sh
# The gradient of an LSTM of two layers over 1,024 steps (examples/lstm.model, the form of the ADBench
# suite) against the objective alone in plain C (lstm_peer.c, -O3 -march=native -ffast-math, vector exp),
# in one run and one thread. Prints a Markdown table of the medians of 15 rounds.
#
#     bench/lstm.sh [GRADC] [CC of the peer]
set -eu
here=$(cd "$(dirname "$0")" && pwd)
gradc=${1:-$here/../gradc}
cc=${2:-clang-19}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM

"$gradc" "$here/../examples/lstm.model" -c --function=loss -march=native -o "$work/lstm.o"
$cc -c -O3 -march=native -ffast-math -fveclib=libmvec -o "$work/peer.o" "$here/lstm_peer.c"
cc -O2 -I"$work" -o "$work/lstm" "$here/lstm.c" "$work/lstm.o" "$work/peer.o" -lmvec -lm
"$work/lstm"
