#!/bin/sh
# Gradients of batches of a multilayer perceptron and of softmax regression against C written with a BLAS
# (OpenBLAS, if it is installed; else plain loops), in one process, one thread. Prints a Markdown table of
# medians; a ratio below 1 means that gradc is faster.
#
#     bench/layers.sh [GRADC]
set -eu
here=$(cd "$(dirname "$0")" && pwd)
gradc=${1:-$here/../gradc}
case $gradc in /*) ;; *) gradc=$PWD/$gradc ;; esac
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM
export OPENBLAS_NUM_THREADS=1

blas= peer="plain C"
echo 'int main(void) { return 0; }' > "$work/try.c"
if cc "$work/try.c" -o "$work/try" ${OPENBLAS_LIB:--lopenblas} 2>/dev/null; then
    blas="-DUSE_BLAS ${OPENBLAS_LIB:--lopenblas}" peer="OpenBLAS"
fi

row() { # model, features, batch, runs
    "$gradc" --precision="$precision" -c -march=native "$here/$1.model" -o "$work/$1.o"
    # shellcheck disable=SC2086 # several options
    cc -O3 -march=native -ffast-math -DMODEL_"$1" $single -I"$work" "$here/layers.c" "$work/$1.o" $blas -lm -o "$work/$1"
    # shellcheck disable=SC2046 # four words
    set -- "$1" "$2" "$3" $("$work/$1" "$2" "$3" "$4")
    echo "| $1, $2 features, batches of $3 | $4 | $5 | $6 |"
}

for precision in f64 f32; do
    test $precision = f32 && single=-DSINGLE || single=
    echo "| gradient, $precision | gradc, ns a sample | $peer, ns a sample | ratio |"
    echo "| --- | --- | --- | --- |"
    row mlp 64 32 200
    row mlp 64 64 100
    row mlp 784 64 10
    row softmax 784 64 100
    row softmax 784 6400 1
    row softmax 20 64 500
    echo
done
