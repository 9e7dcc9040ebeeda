"""closed.py: calls the functions of a compiled model; imported by the scripts that know their closed forms."""
import ctypes, sys

work = (ctypes.c_double * 10000)()  # for those that need it; others do not look at it
failed = []

def vector(values):
    return (ctypes.c_double * len(values))(*values)

def check(name, expected, *args):
    """The function's value for sizes (int), numbers (float) and arrays is the expected one."""
    function = getattr(ctypes.CDLL(sys.argv[1]), name)
    function.restype = ctypes.c_double
    found = function(*[ctypes.c_size_t(a) if isinstance(a, int) else
                       ctypes.c_double(a) if isinstance(a, float) else a for a in args], work)
    same = found == expected or (found != found and expected != expected)
    if not same and not abs(found - expected) <= 1e-13 * max(1, abs(expected)):
        print("%s is %.17g, expected %.17g" % (name, found, expected))
        failed.append(name)
