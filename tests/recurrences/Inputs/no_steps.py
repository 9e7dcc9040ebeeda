"""no_steps.py LIBRARY: values and gradients of no_steps.model, for no, one and two steps."""
import ctypes
import math
import sys

SIZE = 900
library = ctypes.CDLL(sys.argv[1])
library.no_steps_f_grad.restype = ctypes.c_double
library.no_steps_f_grad_work.restype = ctypes.c_size_t
params = [0.01 * (k % 7) for k in range(SIZE)]
y = [0.0, -0.2]
failed = False
for sizes in (1, 2, 3):
    t = ctypes.c_size_t(sizes)
    values, slopes = params, [1.0] * SIZE
    for step in range(sizes - 1):
        values = [math.tanh(v + y[step]) for v in values]
        slopes = [s * (1 - v * v) for s, v in zip(slopes, values)]
    grad = (ctypes.c_double * SIZE)()
    work = (ctypes.c_double * library.no_steps_f_grad_work(t))()
    of = [(ctypes.c_double * SIZE)(*params), (ctypes.c_double * 3)(*y)]
    found = library.no_steps_f_grad(t, *of, grad, work)
    far = max(abs(a - b) for a, b in zip([found, *grad], [sum(values), *slopes]))
    if not far < 1e-12:
        print(f"T = {sizes}: off by {far}")
        failed = True
sys.exit(failed)
