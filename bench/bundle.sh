#!/bin/sh
# The Jacobian blocks of bundle adjustment (the form of the ADBench suite) against the residuals alone in
# plain C (bundle_peer.c, -O3 -march=native -ffast-math), in one run and one thread. Prints a Markdown
# table of the medians of 9 rounds.
#
#     bench/bundle.sh [GRADC] [CC of the peer]
set -eu
here=$(cd "$(dirname "$0")" && pwd)
gradc=${1:-$here/../gradc}
cc=${2:-clang-19}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM

"$gradc" "$here/bundle.model" -c -O3 --function=residual --wrt=cam,X,w --derivatives=jacobian -march=native \
    -o "$work/bundle.o"
echo 'error(w) = 1 - w^2' > "$work/weight.model"
"$gradc" "$work/weight.model" -c --derivatives=jacobian -march=native -o "$work/weight.o"
$cc -c -O3 -march=native -ffast-math -o "$work/peer.o" "$here/bundle_peer.c"
cc -O2 -I"$work" -o "$work/bundle" "$here/bundle.c" "$work/bundle.o" "$work/weight.o" \
    "$work/peer.o" -lm
"$work/bundle"
