#!/bin/sh
# Does the time to compile grow with the length of a model? Prints, for statements of each kind, the
# milliseconds of models of 100 and of 2,000 statements and their ratio, which must stay below 20. (Of statements with a
# derivative in each it may be more: each looks through the whole program.)
#
#     bench/growth.sh [GRADC]
set -eu
here=$(cd "$(dirname "$0")" && pwd)
gradc=${1:-$here/../gradc}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

model() { # of $2 statements of kind $1
    awk -v kind="$1" -v n="$2" 'BEGIN {
        array = kind == "array"
        print array ? "dim J = 8\nparam w[J] = 1" : "param w = 1"
        if (kind == "call") print "g(u, v) = tanh(u) * v + w"
        if (kind == "matrix") print "data A[3, 3]"
        for (k = 1; k < n && kind == "nested"; k++)
            printf "g%d(u) = %s * w + %d\n", k, k % 50 == 1 ? "u" : "g" (k - 1) "(u)", k % 5
        print array ? "loss(x[J], y) {\n  a0[j] = w[j] * x[j]" : "loss(x, y) {\n  a0 = w * x"
        if (kind == "matrix") print "  a0 = [x, w, x * w]"
        for (k = 1; k < n; k++) {
            if (kind == "scalar") printf "  a%d = tanh(a%d) * w + %d * x\n", k, k - 1, k % 5
            if (array) printf "  a%d[j] = tanh(a%d[j]) * w[j] + %d * x[j]\n", k, k - 1, k % 5
            if (kind == "call") printf "  a%d = g(a%d, %d * x)\n", k, k - 1, k % 5
            if (kind == "inner") printf "  a%d = sum(tanh(w * a%d) * %d for j in 8)\n", k, k - 1, k
            if (kind == "derivative") printf "  a%d = w * a%d + deriv(sin(%d * w * x), w)\n", k, k - 1, k
            if (kind == "matrix") printf "  a%d = solve(A + %d * A'"'"', a%d)\n", k, k, k - 1
            if (kind == "nested" && k % 50 == 0) printf "  a0 += g%d(x)\n", k
            if (kind == "loop") printf "  for t in 10 { a0 = tanh(a0) * w + %d * x }\n", k % 5
        }
        last = kind == "loop" || kind == "nested" ? "a0" : "a" (n - 1)
        printf "  return (%s - y)^2\n}\n", array || kind == "matrix" ? "sum(" last ")" : last
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
for kind in scalar array call loop inner derivative matrix nested; do
    model $kind 100
    model $kind 2000
    short=$(milliseconds $kind 100)
    long=$(milliseconds $kind 2000)
    echo "$kind: 100 statements: $short ms; 2000: $long ms; ratio $((long / short))"
    [ $kind != derivative ] && [ $((long / short)) -gt $worst ] && worst=$((long / short))
done
[ $worst -lt 20 ]
