#!/bin/sh
# Does the time to compile grow with the length of a model? Prints the milliseconds of models of 100 and of
# 2,000 statements and their ratio, which must stay below 20.
# usage: bench/growth.sh [GRADC]
set -e
gradc=${1:-gradc}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

model() { # of $1 statements
    awk -v n="$1" 'BEGIN {
        print "param w = 1\nloss(x, y) {\n  a0 = w * x"
        for (k = 1; k < n; k++) printf "  a%d = tanh(a%d) * w + %d * x\n", k, k - 1, k % 5
        printf "  return (a%d - y)^2\n}\n", n - 1
    }' > "$folder/of_$1.model"
}

milliseconds() { # the least of three
    best=999999
    for round in 1 2 3; do
        start=$(date +%s%N)
        "$gradc" --no-cache "$folder/of_$1.model" -c -o "$folder/out.o"
        took=$((($(date +%s%N) - start) / 1000000))
        [ $took -lt $best ] && best=$took
    done
    echo $best
}

model 100
model 2000
short=$(milliseconds 100)
long=$(milliseconds 2000)
echo "100 statements: $short ms; 2000: $long ms; ratio $((long / short))"
[ $((long / short)) -lt 20 ]
