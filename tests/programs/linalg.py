"""linalg.py LIBRARY: the functions of linalg.model, compiled: values, gradients and products with
Hessians against NumPy, at random matrices of sizes 1, 2 and 7."""
import ctypes
import math
import sys

import numpy as np

library = ctypes.CDLL(sys.argv[1])
rng = np.random.default_rng(11)
failed = False
work = np.zeros(200000)


def call(name, *args):
    function = getattr(library, "linalg_" + name)
    function.restype = ctypes.c_double
    pointer = ctypes.POINTER(ctypes.c_double)
    return function(*[ctypes.c_size_t(a) if isinstance(a, int) else a.ctypes.data_as(pointer) for a in args])


def check(what, found, expected, tolerance):
    global failed
    error = np.max(np.abs(np.asarray(found) - expected)) / max(1, np.max(np.abs(expected)))
    if not error <= tolerance:
        print(f"{what}: {found} is not {expected}: error {error:.1e}")
        failed = True


def array(name, expected, *args):
    found = np.zeros(np.shape(expected))
    call(name, *args, found, work)
    check(name, found, expected, 1e-11)


def slope(A):
    """The derivative of `total` by its argument."""
    if A.ndim == 1:
        return np.sin(1 + np.arange(len(A))) + A / 2
    i, j = np.indices(A.shape)
    return np.sin(1 + i + 2 * j) + A / 2


def total(A):
    return (np.sin(1 + np.indices(A.shape)[0] + 2 * np.indices(A.shape)[1]) * A + A**2 / 4).sum()


def vector_total(v):
    return (np.sin(1 + np.arange(len(v))) * v + v**2 / 4).sum()


def number(name, expected, gradients, sizes, args):
    """Value, gradients (None: not known in closed form), and products with the Hessian."""
    check(name, call(name, *sizes, *args, work), expected, 1e-11)
    count = sum(a.size for a in args)

    def gradient(at):
        grad = np.zeros(count)
        call(name + "_grad", *sizes, *at, grad, work)
        return grad

    grad = gradient(args)
    start = 0
    for k, (a, g) in enumerate(zip(args, gradients)):
        if g is not None:
            check(f"{name}: gradient {k}", grad[start:start + a.size].reshape(a.shape), g, 1e-10)
        start += a.size
    # the gradient itself, in a random direction, against the values
    direction = [rng.normal(size=a.shape) for a in args]
    h = 1e-5

    def moved(by):
        return [a + by * d for a, d in zip(args, direction)]

    flat = np.concatenate([d.ravel() for d in direction])
    value = [call(name, *sizes, *moved(by), work) for by in (h, -h)]
    check(name + ": slope", grad @ flat, (value[0] - value[1]) / (2 * h), 1e-6)
    hv = np.zeros(count)
    call(name + "_hvp", *sizes, *args, flat, hv, work)
    check(name + ": hvp", hv, (gradient(moved(h)) - gradient(moved(-h))) / (2 * h), 1e-6)


def lower(A):
    """The adjoint of a symmetric matrix of which the lower triangle is read."""
    return np.tril(A + A.T) - np.diag(np.diag(A))


for n in (1, 2, 7):
    k = 3
    A = rng.normal(size=(n, n)) + 2 * np.eye(n)
    b, B = rng.normal(size=n), rng.normal(size=(n, k))
    P = A @ A.T + np.eye(n)
    junk = np.tril(P) + np.triu(rng.normal(size=(n, n)), 1)  # above the diagonal nothing is read
    L, U = np.tril(A), np.triu(A)
    F = L @ L.T
    solve, inv = np.linalg.solve, np.linalg.inv
    for form, size, right in (("v", (n,), b), ("m", (n, k), B)):
        array("solve_" + form, solve(A, right), *size, A, right)
        array("lower_" + form, solve(L, right), *size, A, right)
        array("upper_" + form, solve(U, right), *size, A, right)
        array("factor_" + form, solve(F, right), *size, A, right)
        array("spd_" + form, solve(P, right), *size, junk, right)
    array("inverse", inv(A), n, A)
    array("inverse_spd", inv(P), n, junk)
    array("cholesky_of", np.linalg.cholesky(P), n, junk)
    array("diagonal", np.diag(A), n, A)
    array("diagonal_matrix", np.diag(b), n, b)

    X = solve(A, B)
    lam = solve(A.T, slope(X))
    number("solve_t", total(X), [-lam @ X.T, lam], (n, k), [A, B])
    X = solve(A, b)
    lam = solve(A.T, slope(X))
    number("solve_u", vector_total(X), [-np.outer(lam, X), lam], (n,), [A, b])
    X = solve(L, B)
    lam = solve(L.T, slope(X))
    number("lower_t", total(X), [-np.tril(lam @ X.T), lam], (n, k), [A, B])
    X = solve(U, B)
    lam = solve(U.T, slope(X))
    number("upper_t", total(X), [-np.triu(lam @ X.T), lam], (n, k), [A, B])
    X = solve(F, B)
    lam = solve(F, slope(X))
    number("factor_t", total(X), [-np.tril((lam @ X.T + X @ lam.T) @ L), lam], (n, k), [A, B])
    X = solve(P, B)
    lam = solve(P, slope(X))
    number("spd_t", total(X), [-lower(lam @ X.T), lam], (n, k), [junk, B])
    X = inv(A)
    number("inverse_t", total(X), [-X.T @ slope(X) @ X.T], (n,), [A])
    X = inv(P)
    number("inverse_spd_t", total(X), [-lower(X @ slope(X) @ X)], (n,), [junk])
    number("logdet_t", np.linalg.slogdet(A)[1], [inv(A).T], (n,), [A])
    number("det_t", np.linalg.det(A), [np.linalg.det(A) * inv(A).T], (n,), [A])
    number("logdet_spd_t", np.linalg.slogdet(P)[1], [lower(inv(P))], (n,), [junk])
    # of the Cholesky factor by its defining equation: d tr(L'G) with L dL^-1 … as in Murray
    C = np.linalg.cholesky(P)
    phi = np.tril(C.T @ np.tril(slope(C)))
    phi -= np.diag(np.diag(phi)) / 2
    S = solve(C.T, solve(C.T, phi.T).T)
    number("cholesky_t", total(C), [lower((S + S.T) / 2)], (n,), [junk])
    y, mu = rng.normal(size=n), rng.normal(size=n)
    r = y - mu
    const = n * math.log(2 * math.pi)
    logdet = np.linalg.slogdet(P)[1]
    value = -(r @ solve(P, r) + logdet + const) / 2
    W = (np.outer(solve(P, r), solve(P, r)) - inv(P)) / 2
    number("normal_t", value, [-solve(P, r), solve(P, r), 2 * W @ A], (n,), [y, mu, A])
    value = (logdet - r @ P @ r - const) / 2
    W = (inv(P) - np.outer(r, r)) / 2
    number("precision_t", value, [-P @ r, P @ r, 2 * W @ A], (n,), [y, mu, A])
    value = -(r @ solve(F, r) + const) / 2 - np.log(np.abs(np.diag(L))).sum()
    number("factored_t", value, [-solve(F, r), solve(F, r), None], (n,), [y, mu, A])

# what does not exist
singular = np.ones((2, 2))
if call("det_t", 2, singular, work) != 0 or call("logdet_t", 2, singular, work) != -math.inf:
    print("the determinant of a singular matrix")
    failed = True
out = np.zeros(2)
for name, matrix in (("solve_v", singular), ("lower_v", np.zeros((2, 2))), ("spd_v", -np.eye(2))):
    for right in (np.ones(2), np.zeros(2)):
        call(name, 2, matrix, right, out, work)
        if not np.isnan(out).all():
            print(name, "of a singular matrix is", out)
            failed = True
sys.exit(failed)
