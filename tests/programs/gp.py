"""gp.py LIBRARY: the functions of examples/gp.model, compiled, against the textbook's formulas."""
import ctypes
import sys

import numpy

library = ctypes.CDLL(sys.argv[1])
rng = numpy.random.default_rng(7)
failed = False


def pointer(array):
    return array.ctypes.data_as(ctypes.POINTER(ctypes.c_double))


def call(name, *args, result=None):
    function = getattr(library, "gp_" + name)
    function.restype = ctypes.c_double
    return function(*[ctypes.c_size_t(a) if isinstance(a, int) else pointer(a) for a in args])


def check(what, found, expected, tolerance=1e-10):
    global failed
    error = numpy.max(numpy.abs(found - expected)) / max(1, numpy.max(numpy.abs(expected)))
    if not error <= tolerance:
        print(f"{what}: {found} is not {expected}: error {error:.1e}")
        failed = True


def parts(theta, x):
    """K, and its derivatives by theta."""
    r = x[:, None] - x[None, :]
    signal = numpy.exp(2 * theta[0] - (r / numpy.exp(theta[1])) ** 2 / 2)
    noise = numpy.exp(2 * theta[2]) * numpy.eye(len(x))
    return signal + noise, [2 * signal, signal * (r / numpy.exp(theta[1])) ** 2, 2 * noise]


def expected(theta, x, y):
    K, slopes = parts(theta, x)
    inverse = numpy.linalg.inv(K)
    alpha = inverse @ y
    value = -y @ alpha / 2 - numpy.linalg.slogdet(K)[1] / 2 - len(x) / 2 * numpy.log(2 * numpy.pi)
    gradient = [((numpy.outer(alpha, alpha) - inverse) * S).sum() / 2 for S in slopes]
    return value, numpy.array(gradient), -alpha


for n in (1, 2, 7, 60):
    x = numpy.sort(rng.uniform(0, 10, n))
    y = numpy.sin(x) + rng.normal(0, 0.1, n)
    theta = numpy.array([0.2, -0.1, -1.3])
    value, by_theta, by_y = expected(theta, x, y)
    work = numpy.zeros(100 * n * n + 1000)
    check(f"value, n = {n}", call("log_likelihood", n, theta, x, y, work), value)
    grad = numpy.zeros(3 + 2 * n)
    check("its value", call("log_likelihood_grad", n, theta, x, y, grad, work), value)
    check(f"gradient by theta, n = {n}", grad[:3], by_theta)
    check(f"gradient by y, n = {n}", grad[3 + n:], by_y)
    # second derivatives: central differences of the formulas, which are exact to 1e-10
    hessian = numpy.zeros((3, 3))
    for k in range(3):
        e = numpy.zeros(3)
        e[k] = 1e-5
        hessian[k] = (expected(theta + e, x, y)[1] - expected(theta - e, x, y)[1]) / 2e-5
    for k in range(3):
        v = numpy.zeros(3 + 2 * n)
        v[k] = 1
        hv = numpy.zeros(3 + 2 * n)
        call("log_likelihood_hvp", n, theta, x, y, v, hv, work)
        check(f"hvp {k}, n = {n}", hv[:3], hessian[k], 1e-7)
    at = numpy.array([0.5, 3.25, 11.0])
    mean, deviation = numpy.zeros(3), numpy.zeros(3)
    call("predict", n, 3, theta, x, y, at, mean, deviation, work)
    K = parts(theta, x)[0]
    C = numpy.exp(2 * theta[0] - ((at[:, None] - x) / numpy.exp(theta[1])) ** 2 / 2)
    check(f"mean, n = {n}", mean, C @ numpy.linalg.solve(K, y))
    variance = numpy.exp(2 * theta[0]) - (C * numpy.linalg.solve(K, C.T).T).sum(1)
    check(f"deviation, n = {n}", deviation, numpy.sqrt(variance))
# a matrix that is not positive definite gives NaN, and no more
x = numpy.zeros(3)
y = numpy.ones(3)
grad = numpy.zeros(9)
found = call("log_likelihood_grad", 3, numpy.array([0.0, 0.0, -400.0]), x, y, grad, work)
if not numpy.isnan(found):
    print("a singular covariance has the likelihood", found)
    failed = True
sys.exit(failed)
