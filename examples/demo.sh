#!/bin/sh
# The first example, from its text to a trained w. `make demo` runs this; GRADC names the compiler.
set -eu
cd "$(dirname "$0")"
gradc=${GRADC:-gradc}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# Shows a command as one would type it, then runs it.
show() {
    printf '\n$ %s\n' "$1"
    shift
    "$@"
}

printf 'line.model: the mathematics of one sample\n\n'
sed 's/^/    /' line.model

printf '\nThe gradient, derived symbolically:\n'
show 'gradc --emit=text line.model' "$gradc" --emit=text line.model

printf '\nA trainer, compiled to machine code:\n'
show 'gradc line.model -o line' "$gradc" line.model -o "$folder/line"

printf '\nData: (1, 2), (2, 4), (3, 6), so w should go to 2.\n'
show './line train data/line.csv --method=bgd --rate=0.05 --epochs=100 -o line.safetensors' \
    "$folder/line" train data/line.csv --method=bgd --rate=0.05 --epochs=100 -o "$folder/line.safetensors"
show './line train data/line.csv --method=sgd --rate=0.02 --epochs=100' \
    "$folder/line" train data/line.csv --method=sgd --rate=0.02 --epochs=100 -o "$folder/sgd.safetensors"
show './line predict -m line.safetensors data/line.csv' \
    "$folder/line" predict -m "$folder/line.safetensors" data/line.csv

cat <<'END'

Next: examples/README.md lists models with data; `gradc -c` makes C functions of a model;
docs/language.md is the language, docs/trainer.md the trainer.
END
