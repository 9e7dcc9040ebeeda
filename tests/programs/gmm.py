#!/usr/bin/python3
"""gmm.py ADBENCH.so GRADBENCH.so LOSS.so: the objectives of the benchmarks, written as they are published, agree
with the compiled ones, and their gradients with complex steps."""
import ctypes, sys
import numpy as np
from math import lgamma, log, pi

adbench, gradbench, loss = map(ctypes.CDLL, sys.argv[1:])
work = (ctypes.c_double * 1000000)()
failed = False

def check(name, found, expected, tolerance):
    global failed
    scale = np.maximum(1, np.max(np.abs(expected)))
    if not np.all(np.abs(np.asarray(found) - expected) <= tolerance * scale):
        print("%s is\n%s, expected\n%s" % (name, found, expected))
        failed = True

def logsumexp(v):
    top = v.real.max()
    return top + np.log(np.exp(v - top).sum())

def published(flat, x, K, gamma, m, sign):
    n, D = x.shape
    size = D * (D + 1) // 2
    alpha, mu, icf = flat[:K], flat[K:K + K * D].reshape(K, D), flat[K + K * D:].reshape(K, size)
    Qs, sums = [], icf[:, :D].sum(1)
    for k in range(K):
        Q, at = np.diag(np.exp(icf[k, :D])), D
        for j in range(D):
            Q[j + 1:, j] = icf[k, at:at + D - j - 1]
            at += D - j - 1
        Qs.append(Q)
    total = 0
    for point in x:
        total = total + logsumexp(np.array([alpha[k] + sums[k] - ((Qs[k] @ (point - mu[k])) ** 2).sum() / 2
                                            for k in range(K)]))
    freedom = D + m + 1
    c = (freedom * D * (log(gamma) - log(2) / 2) - D * (D - 1) / 4 * log(pi)
         - sum(lgamma(freedom / 2 - j / 2) for j in range(D)))
    wishart = sum(gamma ** 2 / 2 * ((np.exp(icf[k, :D]) ** 2).sum() + (icf[k, D:] ** 2).sum()) - m * sums[k]
                  for k in range(K)) - K * c
    return -n * D / 2 * log(2 * pi) + total - n * logsumexp(alpha) + sign * wishart

def pointer(a):
    return a.ctypes.data_as(ctypes.c_void_p)

rng = np.random.default_rng(1)
for D, K, n in ((2, 5, 7), (4, 3, 10), (1, 1, 3), (10, 4, 20)):
    x = rng.standard_normal((n, D))
    flat = rng.standard_normal(K + K * D + K * D * (D + 1) // 2)
    sizes = [ctypes.c_size_t(v) for v in (D, K)]
    count = ctypes.c_size_t(n)
    grad = np.zeros(len(flat))
    for name, library, sign in (("adbench", adbench, 1), ("gradbench", gradbench, -1)):
        function = getattr(library, "gmm_%s_grad" % name)
        function.restype = ctypes.c_double
        value = function(*sizes, count, pointer(flat), pointer(x), pointer(grad), work)
        f = lambda v: published(v, x, K, 1, 0, sign)
        check(name, value, f(flat), 1e-13)
        check("gradient of " + name, grad, [f(flat + 1e-40j * e).imag / 1e-40 for e in np.eye(len(flat))], 1e-12)
    function = loss.gmm_loss_batch_grad
    function.restype = ctypes.c_double
    value = function(*sizes, pointer(flat), count, pointer(x), pointer(grad), work)
    f = lambda v: -published(v, x, K, 1, 0, -1) / n
    check("objective", value, f(flat), 1e-13)
    check("its gradient", grad, [f(flat + 1e-40j * e).imag / 1e-40 for e in np.eye(len(flat))], 1e-12)
sys.exit(failed)
