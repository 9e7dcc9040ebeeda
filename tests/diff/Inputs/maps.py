"""maps.py GRADC MODEL FOLDER: derivatives inside mapped functions against closed forms."""
import os
import sys

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "oracle"))
import native

gradc, cc, model, folder = sys.argv[1:5]
os.makedirs(folder, exist_ok=True)
ways = native.build(gradc, cc, os.path.abspath(model), folder)
rng = np.random.default_rng(5)
n, m = 4, 3
x, t, wide = rng.normal(size=n), rng.normal(size=m), rng.normal(size=(n, n))
same, tall, A = rng.normal(size=n), rng.normal(size=(m, n)), rng.normal(size=(n, n, n))
B, u = rng.normal(size=(m, n, n)), rng.normal(size=(m, n))


def inner(v, s):
    return s * np.exp(s * v) * v.sum() + np.exp(s * v).sum()


def product(a, v):
    return 2 * a * v


def second(v):  # of f = sum(v^3) sum(v)
    return 6 * np.diag(v) * v.sum() + 3 * v[:, None] ** 2 + 3 * v ** 2


def across(a):
    return (2 * a * a.T + (a.T) ** 2).sum(axis=1)


def pairs(v):  # of v[i]^2 v[j] T, T = sum(v) sum(v^2): the indices of T are those of the map
    e, total = np.eye(len(v)), v.sum() * (v ** 2).sum()
    slope = (v ** 2).sum() + 2 * v.sum() * v
    own = 2 * np.einsum("i,j,ik->ijk", v, v, e) + np.einsum("i,jk->ijk", v ** 2, e)
    return own * total + np.einsum("i,j,k->ijk", v ** 2, v, slope)


cases = {
    "inner": ([n], [x, 0.7], inner(x, 0.7)),
    "by_scale": ([n, m], [x, t], [inner(x, s) for s in t]),
    "same_size": ([n], [x, same], [inner(x, s) for s in same]),
    "both": ([n], [wide, same], [inner(v, s) for v, s in zip(wide, same)]),
    "rows": ([m, n], [tall, 0.7], [inner(v, 0.7) for v in tall]),
    "product": ([n], [wide, x], product(wide, x)),
    "products": ([m, n], [B, u], [product(a, v) for a, v in zip(B, u)]),
    "square": ([n], [A, wide], [product(a, v) for a, v in zip(A, wide)]),
    "across": ([n], [wide], across(wide)),
    "second": ([n], [x], second(x)),
    "pairs": ([n], [x], pairs(x)),
    "seconds": ([n], [wide], [second(v) for v in wide]),
}
bad = 0
for name, (sizes, arguments, wanted) in cases.items():
    wanted = np.ravel(wanted)
    given = [list(np.ravel(a)) if isinstance(a, np.ndarray) else a for a in arguments]
    for way, library in ways.items():
        found = np.array(library.call(f"maps_{name}", sizes + given, [len(wanted)])[1][0])
        if not np.abs(found - wanted).max() <= 1e-13 * np.abs(wanted).max():
            print(f"{name} from {way}:\n{found}\n{wanted}")
            bad += 1
sys.exit(bad > 0)
