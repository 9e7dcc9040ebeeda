#!/bin/sh
# How much more work a gradient is than its function, in floating-point operations, for each function of
# the examples that has one (of `gradc --report`; unknown sizes are 100). Prints a Markdown table, and the
# largest ratio and the median.
#
#     bench/work.sh [GRADC]
set -eu
here=$(cd "$(dirname "$0")" && pwd)
gradc=${1:-$here/../gradc}

for model in "$here"/../examples/*.model; do
    "$gradc" --report "$model" | sed "s/^/$(basename "$model" .model) /"
done | awk '
    BEGIN { print "| model | gradient | operations | ratio |"; print "| --- | --- | --- | --- |" }
    $2 ~ /_grad$/ && $4 ~ /^[0-9.]+$/ {
        print "| " $1 " | " $2 " | " $3 " | " $4 " |"
        ratio[++n] = $4 + 0
    }
    END {
        for (i = 2; i <= n; i++) for (j = i; j > 1 && ratio[j - 1] > ratio[j]; j--) {
            t = ratio[j]; ratio[j] = ratio[j - 1]; ratio[j - 1] = t
        }
        if (n > 0) printf "\n%d gradients: median %.2f, largest %.2f\n", n, ratio[int((n + 1) / 2)], ratio[n]
    }'
