#!/bin/sh
# Does the time to compile grow with the length of a model? Prints, for statements of each kind, the
# milliseconds of models of 100 and of 2,000 statements and their ratio, which must stay below 20.
# usage: bench/growth.sh [GRADC]
set -e
gradc=${1:-gradc}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

model() { # of $2 statements of kind $1
    awk -v kind="$1" -v n="$2" 'BEGIN {
        array = kind == "array"
        print array ? "dim J = 8\nparam w[J] = 1" : "param w = 1"
        print kind == "call" ? "g(u, v) = tanh(u) * v + w" : ""
        print array ? "loss(x[J], y) {\n  a0[j] = w[j] * x[j]" : "loss(x, y) {\n  a0 = w * x"
        for (k = 1; k < n; k++) {
            if (kind == "scalar") printf "  a%d = tanh(a%d) * w + %d * x\n", k, k - 1, k % 5
            if (array) printf "  a%d[j] = tanh(a%d[j]) * w[j] + %d * x[j]\n", k, k - 1, k % 5
            if (kind == "call") printf "  a%d = g(a%d, %d * x)\n", k, k - 1, k % 5
            if (kind == "loop") printf "  for t in 10 { a0 = tanh(a0) * w + %d * x }\n", k % 5
        }
        last = kind == "loop" ? "a0" : "a" (n - 1)
        printf "  return (%s - y)^2\n}\n", array ? "sum(" last ")" : last
    }' > "$folder/$1_$2.model"
}

milliseconds() { # the least of three
    best=999999
    for round in 1 2 3; do
        start=$(date +%s%N)
        "$gradc" --no-cache "$folder/$1_$2.model" -c -o "$folder/out.o"
        took=$((($(date +%s%N) - start) / 1000000))
        [ $took -lt $best ] && best=$took
    done
    echo $best
}

worst=0
for kind in scalar array call loop; do
    model $kind 100
    model $kind 2000
    short=$(milliseconds $kind 100)
    long=$(milliseconds $kind 2000)
    echo "$kind: 100 statements: $short ms; 2000: $long ms; ratio $((long / short))"
    [ $((long / short)) -gt $worst ] && worst=$((long / short))
done
[ $worst -lt 20 ]
