"""newton.py: how far a point is from the minimum of a function: the step of Newton's method, of a gradient by complex
steps. The function takes complex vectors and has no kink there."""
import numpy as np


def slope(function, x):
    """The gradient, to rounding."""
    return np.array([function(x + 1e-40j * e).imag / 1e-40 for e in np.eye(len(x))])


def step(function, x):
    """Newton's; its length is that of the error, as far as that is small."""
    x = np.asarray(x, dtype=float)
    h = 1e-6 * (np.abs(x) + 1e-3)
    hessian = np.array([(slope(function, x + e) - slope(function, x - e)) / (2 * e.sum()) for e in np.diag(h)])
    return -np.linalg.solve((hessian + hessian.T) / 2, slope(function, x))
