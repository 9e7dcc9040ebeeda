# What is read or set where an array has no entry is NaN.
import ctypes, math, sys
lib = ctypes.CDLL(sys.argv[1])
D = ctypes.POINTER(ctypes.c_double)


def array(values):
    return (ctypes.c_double * len(values))(*values)


def run(name, values, *more):
    x, g = array(values), array([7.0] * len(values))
    f = getattr(lib, name)
    f.restype = ctypes.c_double
    value = f(ctypes.c_int64(len(values)), x, *[ctypes.c_int64(k) for k in more], g)
    return value, list(g)


def same(got, value, gradient):
    flat = [got[0]] + got[1]
    for a, b in zip(flat, [value] + gradient):
        assert a == b or (math.isnan(a) and math.isnan(b)), (got, value, gradient)


N = math.nan
same(run("outside_calls_entry_grad", [1.0, 2.0, 4.0], 1), 4, [0, 4, 0])
for k in (3, -1, 1 << 40, -(1 << 40)):
    value, gradient = run("outside_calls_entry_grad", [1.0, 2.0, 4.0], k)
    assert math.isnan(value), (k, value, gradient)
same(run("outside_calls_guarded_grad", [1.0, 2.0, 4.0], 1), 4, [0, 4, 0])
same(run("outside_calls_guarded_grad", [1.0, 2.0, 4.0], 3), 0, [0, 0, 0])
same(run("outside_calls_third_grad", [1.0, 2.0, 4.0]), 16, [0, 0, 8])
value, gradient = run("outside_calls_third_grad", [1.0, 2.0])
assert math.isnan(value)
same(run("outside_calls_written_grad", [3.0, 2.0]), 9, [6, 0])
value, gradient = run("outside_calls_written_grad", [3.0])
assert math.isnan(value)
same(run("outside_calls_slice_grad", [1.0, 2.0, 4.0]), 5, [2, 4, 0])
assert math.isnan(run("outside_calls_slice_grad", [1.0])[0])
same(run("outside_calls_divided_grad", [1.0, 2.0, 4.0], 5, 3), 4 + 2, [2, 4, 0])
assert math.isnan(run("outside_calls_divided_grad", [1.0, 2.0, 4.0], 5, 0)[0])
same(run("outside_calls_divided_where_grad", [1.0, 2.0, 4.0], 5, 3), 4 + 2, [2, 4, 0])
same(run("outside_calls_divided_where_grad", [1.0, 2.0, 4.0], 5, 0), 0, [0, 0, 0])
