#!/bin/sh
# How long gradc takes: the median of several runs for each example, in milliseconds, for checked C
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

# The median wall time of a command, in milliseconds; `-` if it fails.
median() {
    times=
    k=0
    while [ "$k" -lt "$runs" ]; do
        start=$(date +%s%N)
        "$@" >/dev/null 2>&1 || { echo -; return; }
        times="$times $((($(date +%s%N) - start) / 100000))"
        k=$((k + 1))
    done
    # shellcheck disable=SC2086 # words are numbers
    printf '%s\n' $times | sort -n | awk '{ t[NR] = $1 } END { printf "%.1f\n", t[int((NR + 1) / 2)] / 10 }'
}

echo "| model | -c, ms | trainer, ms | C source, ms |"
echo "| --- | --- | --- | --- |"
for model in "$here"/../examples/*.model; do
    name=$(basename "$model" .model)
    echo "| $name | $(median "$gradc" -c "$model") | $(median "$gradc" "$model" -o trainer) |" \
         "$(median "$gradc" --emit=c "$model") |"
done
