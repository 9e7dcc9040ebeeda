#!/bin/sh
# Full-batch and SGD epochs of gradc's trainers against hand-written C of the same algorithms (peer.c), one
# thread, in one run. Prints a Markdown table; a ratio below 1 means that gradc is faster.
#
#     bench/epochs.sh [GRADC] [ROWS] [FEATURES]
#
# A trainer's epoch is the difference of two runs that differ in the number of epochs, so loading does not
# count; the least of several such pairs is taken, and the least epoch of the peer.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
gradc=${1:-$here/../gradc}
rows=${2:-1000000}
features=${3:-20}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM

cc -O2 -o "$work/table" "$here/table.c" -lm
cc -O3 -march=native -ffast-math -o "$work/peer" "$here/peer.c" -lm

seconds() { # user and system time of a command, in seconds
    { TIMEFORMAT='%U %S'; export TIMEFORMAT
      bash -c 'time "$@" > /dev/null' time "$@"; } 2>&1 | awk '{ print $1 + $2 }'
}

echo "| model | method | gradc, ms per epoch | hand-written C | ratio |"
echo "| --- | --- | --- | --- | --- |"
for kind in linear logistic; do
    "$work/table" $kind "$rows" "$features" > "$work/$kind.csv"
    "$work/peer" convert "$features" < "$work/$kind.csv" > "$work/$kind.bin"
    "$gradc" "$here/$kind.model" -march=native -o "$work/$kind"
    for method in bgd sgd; do
        rate=0.5
        [ $method = sgd ] && rate=0.01
        ours=999999 # on the rows: sufficient statistics are another algorithm (sgd.sh)
        for round in 1 2 3; do
            long=$(seconds "$work/$kind" train "$work/$kind.csv" --method=$method --order=file --statistics=no \
                --rate=$rate --epochs=60 --threads=1 --quiet)
            short=$(seconds "$work/$kind" train "$work/$kind.csv" --method=$method --order=file --statistics=no \
                --rate=$rate --epochs=10 --threads=1 --quiet)
            ours=$(awk "BEGIN { t = ($long - $short) / 50 * 1000; print (t < $ours ? t : $ours) }")
        done
        peer=$("$work/peer" $kind $method 30 $rate < "$work/$kind.bin" | awk '/^ns/ { print $2 / 1e6 }')
        awk "BEGIN { printf \"| %s | %s | %.2f | %.2f | %.2f |\n\", \"$kind\", \"$method\", $ours, $peer, $ours / $peer }"
    done
done
