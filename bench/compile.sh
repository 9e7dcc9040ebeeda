#!/bin/sh
# How long gradc takes: the least of several runs for each example, in milliseconds, for checked C
# functions (-c), a trainer (linked) and C source. Prints a Markdown table.
#
#     bench/compile.sh [GRADC] [RUNS]
set -eu
here=$(cd "$(dirname "$0")" && pwd)
gradc=${1:-$here/../gradc}
runs=${2:-7}
case $gradc in /*) ;; *) gradc=$PWD/$gradc ;; esac
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM
cd "$work"

# The least wall time of a command, in milliseconds; `-` if it fails.
least() {
    best=
    k=0
    while [ "$k" -lt "$runs" ]; do
        start=$(date +%s%N)
        "$@" >/dev/null 2>&1 || { echo -; return; }
        ms=$((($(date +%s%N) - start) / 100000))
        if [ -z "$best" ] || [ "$ms" -lt "$best" ]; then best=$ms; fi
        k=$((k + 1))
    done
    echo "$((best / 10)).$((best % 10))"
}

echo "| model | -c, ms | trainer, ms | C source, ms |"
echo "| --- | --- | --- | --- |"
for model in "$here"/../examples/*.model; do
    name=$(basename "$model" .model)
    echo "| $name | $(least "$gradc" -c "$model") | $(least "$gradc" "$model" -o trainer) |" \
         "$(least "$gradc" --emit=c "$model") |"
done
