"""nets.py FOLDER: the losses mlp, convnet, autoencoder, factorisation, word2vec and bundle, compiled to FOLDER/NAME.so
with the sizes below, and their gradients are those of NumPy, written here apart from gradc, by complex steps."""
import ctypes
import sys

import numpy as np

FOLDER = sys.argv[1]
rng = np.random.default_rng(1)
work = (ctypes.c_double * 1000000)()
failed = False


def pointer(array):
    return array.ctypes.data_as(ctypes.c_void_p)


def compiled(name, function, params, *args):
    """The value and the gradient of a function."""
    found = getattr(ctypes.CDLL(f"{FOLDER}/{name}.so"), f"{name}_{function}_grad")
    found.restype = ctypes.c_double
    grad = np.full(len(params), np.nan)
    passed = [pointer(a) if isinstance(a, np.ndarray) else ctypes.c_int64(a) if isinstance(a, int) else
              ctypes.c_double(a) for a in args]
    return found(pointer(params), *passed, pointer(grad), work), grad


def check(name, reference, params, *args):
    global failed
    value, grad = compiled(name, "loss", params, *args)
    expected = reference(params, *args)
    steps = []
    for k in range(len(params)):
        moved = params.astype(complex)
        moved[k] += 1e-40j
        steps.append(reference(moved, *args).imag / 1e-40)
    scale = np.abs(steps).max()
    for what, error in (("value", abs(value - expected) / abs(expected)), ("gradient", np.abs(grad - steps).max() / scale)):
        if not error < 1e-12:
            print(f"{name}: the {what} is off by {error}")
            failed = True


def unpack(params, *shapes):
    parts, at = [], 0
    for shape in shapes:
        size = int(np.prod(shape))
        parts.append(params[at:at + size].reshape(shape))
        at += size
    assert at == len(params)
    return parts


def relu(z):
    return np.where(z.real > 0, z, 0)


def cross_entropy(scores, y):
    top = scores.real.max()
    return top + np.log(np.exp(scores - top).sum()) - scores[y]


def softplus(z):
    return np.log1p(np.exp(z))


def mlp(params, x, y):
    W1, b1, W2, b2 = unpack(params, (7, 5), 7, (4, 7), 4)
    return cross_entropy(W2 @ relu(W1 @ x + b1) + b2, y)


def convnet(params, x, y):
    F, a, W, b = unpack(params, (3, 3, 3), 3, (4, 3, 3, 3), 4)
    scores = b + 0j if params.dtype == complex else b.copy()
    for c in range(3):
        h = np.array([[a[c] + (F[c] * x[i:i + 3, j:j + 3]).sum() for j in range(6)] for i in range(6)])
        h = relu(h)
        for i in range(3):
            for j in range(3):
                pool = h[2 * i:2 * i + 2, 2 * j:2 * j + 2].ravel()
                scores = scores + W[:, c, i, j] * pool[pool.real.argmax()]
    return cross_entropy(scores, y)


def autoencoder(params, x):
    W, b, V, c = unpack(params, (3, 6), 3, (6, 3), 6)
    return ((V @ np.tanh(W @ x + b) + c - x) ** 2).sum() / 2


def factorisation(params, u, i, r):
    U, V, bu, bi, mu = unpack(params, (6, 2), (5, 2), 6, 5, 1)
    size = (U[u] ** 2).sum() + (V[i] ** 2).sum() + bu[u] ** 2 + bi[i] ** 2
    return (mu[0] + bu[u] + bi[i] + U[u] @ V[i] - r) ** 2 + 0.05 * size


def word2vec(params, word, context, neg):
    U, C = unpack(params, (9, 4), (9, 4))
    return softplus(-(U[word] @ C[context])) + sum(softplus(U[word] @ C[n]) for n in neg)


def turn(r, x):
    """Rodrigues, as a matrix."""
    angle = np.sqrt((r ** 2).sum())
    a, b, c = r / angle if angle else r
    K = np.array([[0, -c, b], [c, 0, -a], [-b, a, 0]])
    if angle == 0:
        return x + K @ x
    return x + np.sin(angle) * (K @ x) + (1 - np.cos(angle)) * (K @ (K @ x))


def project(c, point):
    p = turn(c[:3], point - c[3:6])
    q = p[:2] / p[2]
    s = (q ** 2).sum()
    return c[6] * q * (1 + c[9] * s + c[10] * s ** 2) + c[7:9]


def bundle(params, i, j, o, feat):
    cam, X, w = unpack(params, (3, 11), (4, 3), 5)
    return ((w[o] * (project(cam[i], X[j]) - feat)) ** 2).sum() / 2 + (1 - w[o] ** 2) ** 2 / 2


def main():
    for _ in range(5):
        check("mlp", mlp, rng.standard_normal(7 * 5 + 7 + 4 * 7 + 4), rng.standard_normal(5), int(rng.integers(4)))
        check("convnet", convnet, 0.3 * rng.standard_normal(27 + 3 + 108 + 4), rng.standard_normal((8, 8)), int(rng.integers(4)))
        check("autoencoder", autoencoder, rng.standard_normal(3 * 6 * 2 + 9), rng.standard_normal(6))
        check("factorisation", factorisation, rng.standard_normal(12 + 10 + 6 + 5 + 1), int(rng.integers(6)),
              int(rng.integers(5)), float(rng.uniform(1, 5)))
        words = rng.integers(9, size=5)
        words[-1] = words[-2]               # one word twice
        check("word2vec", word2vec, rng.standard_normal(72), int(words[0]), int(words[1]), words)
        params = rng.standard_normal(33 + 12 + 5)
        i, j, o = int(rng.integers(3)), int(rng.integers(4)), int(rng.integers(5))
        check("bundle", bundle, params, i, j, o, rng.standard_normal(2))
    params[11 * i:11 * i + 3] = 0           # a camera that is not turned
    value, grad = compiled("bundle", "loss", params, i, j, o, np.ones(2))
    near = params.copy()
    near[11 * i:11 * i + 3] = 1e-9
    value_near, grad_near = compiled("bundle", "loss", near, i, j, o, np.ones(2))
    if not (abs(value - bundle(params, i, j, o, np.ones(2))) < 1e-12 * value and
            np.abs(grad - grad_near).max() < 1e-6 * np.abs(grad).max()):
        print("bundle: without a turn", value, value_near, grad - grad_near)
        return True
    return failed


sys.exit(main())
