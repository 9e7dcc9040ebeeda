#!/bin/sh
# Draws the pictures of docs/trainer.md: docs/img/make.sh GRADC, in the top folder of the tree.
set -eu
gradc=$(realpath "${1:-gradc}")
top=$(pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
for model in thurber softmax linreg; do
    "$gradc" "$top/examples/$model.model" -o "$model"
done
data=$top/examples/data
out=$top/docs/img
./thurber train "$data/thurber.csv" --method=lm -q --plot-fit="$out/fit.svg"
./softmax train "$data/iris.csv" --method=lbfgs -q --plot-confusion="$out/confusion.svg"
./linreg train "$data/diabetes.csv" --rate=0.05 --epochs=60 -q --validate=0.3 --plot="$out/curve.svg" \
    --plot-residuals="$out/residuals.svg"
