#!/bin/sh
# Steps of SGD that look up rows of params: time of a step where the params have 10^3 … 10^6 rows, against
# hand-written C (sparse.c), one thread, in one run. Prints a Markdown table.
#
#     bench/sparse.sh [GRADC] [SAMPLES] [LARGEST]
#
# A step's time is the difference of runs that differ in the number of epochs, over their steps; the least of three.
# A look-up in many rows misses the caches: the hand-written steps show how much that is.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
gradc=${1:-$here/../gradc}
samples=${2:-500000}
largest=${3:-1000000}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM

cc -O3 -march=native -ffast-math -o "$work/peer" "$here/sparse.c" -lm

seconds() { # user and system time of a command
    { TIMEFORMAT='%U %S'; export TIMEFORMAT
      bash -c 'time "$@" > /dev/null' time "$@"; } 2>&1 | awk '{ print $1 + $2 }'
}

echo "| model | rows of a param | sgd, ns per step | hand-written C | ratio | minibatch of 32, ns per row |"
echo "| --- | --- | --- | --- | --- | --- |"
for kind in factorisation words; do
    model=$here/sparse.model
    [ $kind = words ] && model=$here/words.model
    "$gradc" "$model" -march=native -o "$work/$kind"
    for rows in 1000 10000 100000 1000000; do
        [ "$rows" -gt "$largest" ] && continue
        [ $kind = words ] && [ "$rows" -gt 100000 ] && continue # 1.6 GB for each copy
        "$work/peer" data $kind $rows "$samples" > "$work/data.csv"
        line="| $kind | $rows"
        for method in sgd minibatch; do
            least=999999
            for round in 1 2 3; do
                long=$(seconds "$work/$kind" train "$work/data.csv" --method=$method --order=file --rate=0.01 \
                    --epochs=7 --report=1000 --threads=1 --quiet)
                short=$(seconds "$work/$kind" train "$work/data.csv" --method=$method --order=file --rate=0.01 \
                    --epochs=2 --report=1000 --threads=1 --quiet)
                least=$(awk "BEGIN { t = ($long - $short) / 5 / $samples * 1e9; print (t < $least ? t : $least) }")
            done
            if [ $method = sgd ]; then
                peer=$("$work/peer" $kind $rows "$samples" 5 | awk '/^ns/ { print $2 }')
                line=$(awk "BEGIN { printf \"%s | %.0f | %.0f | %.2f\", \"$line\", $least, $peer, $least / $peer }")
            else
                line=$(awk "BEGIN { printf \"%s | %.0f |\", \"$line\", $least }")
            fi
        done
        echo "$line"
    done
done
