"""Random programs as models and as Python, which have to mean the same.

    meaning.py GRADC FOLDER FIRST COUNT

`gradc --check` compares what is made of a model after its names, indices and calls were understood;
here they are understood twice. Programs have few sizes and many scopes: sums in sums over one dim,
functions in loops that see the loop's names, maps of them, functions as arguments, conditions about
indices around calls, positions that may be outside. The last line tells how many programs agree."""
import ctypes
import math
import os
import random
import re
import subprocess
import sys

SIZES = (1, 2, 3, 5)
DEPTH = 3


def helpers(n):
    """What the Python programs call."""

    def at(values, place):
        return values[place] if 0 <= place < n else math.nan

    def product(values):
        result = 1.0
        for value in values:
            result *= value
        return result

    def extreme(choose):
        return lambda values: math.nan if any(map(math.isnan, values)) else choose(values)

    return {"n": n, "at": at, "product": product, "max": extreme(max), "min": extreme(min), "sin": math.sin,
            "tanh": math.tanh, "cos": math.cos}


class Scope:
    """The names that an expression may use: numbers, arrays, indices, and functions with the kinds of
    their formals ("x" number, "v" array, "f" function of a number)."""

    def __init__(self, numbers=(), arrays=(), indices=(), functions=(), places=()):
        self.numbers, self.arrays, self.indices = list(numbers), list(arrays), list(indices)
        self.functions, self.places = list(functions), list(places)

    def copy(self, index=None):
        more = [index] if index else []
        return Scope(self.numbers, self.arrays, self.indices + more, self.functions, self.places)

    def names(self):
        return self.numbers + self.arrays + self.indices + self.places + [name for name, _ in self.functions]


class Generator:
    """Every method gives a pair: the text of the model and that of Python."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.count = self.room = 0

    def new(self, letter):
        self.count += 1
        return f"{letter}{self.count}"

    def chance(self, share):
        return self.random.random() < share

    def pick(self, choices):
        return self.random.choice(choices)

    def place(self, scope):
        """A position: inside, or with a whole number k perhaps not."""
        choices = [("0", "0"), ("n - 1", "n - 1")]
        for i in scope.indices[-3:] + scope.indices[:1]:
            choices += [(i, i)] * 2 + [(f"({i} + 1) % n",) * 2, (f"{i} // 2",) * 2, (f"n - 1 - {i}",) * 2]
            choices += [(f"{i} + {k}",) * 2 for k in scope.places] * 2
        return self.pick(choices)

    def entry(self, scope):
        array, (model, python) = self.pick(scope.arrays), self.place(scope)
        return f"{array}[{model}]", f"at({array}, {python})"

    def condition(self, scope, depth):
        if scope.indices and self.chance(0.6):
            i, op = self.pick(scope.indices), self.pick(["<", "<=", "==", "!=", ">"])
            other = self.pick(scope.indices + ["1", "n - 1"])
            whole = [f"{i} {op} {other}"] + [f"{i} + {k} < n" for k in scope.places] * 3
            return (self.pick(whole),) * 2
        a, b = self.number(scope, depth - 1), self.number(scope, depth - 1)
        return f"{a[0]} < {b[0]}", f"{a[1]} < {b[1]}"

    def span(self, scope):
        """The range of a new index."""
        i = self.new("i")
        if scope.indices and self.chance(0.4):
            j = self.pick(scope.indices)
            return i, *self.pick([(f"{i} in 0..{j} + 1", f"range({j} + 1)"), (f"{i} in {j}..n", f"range({j}, n)")])
        return i, f"{i} in n", "range(n)"

    def reduction(self, scope, depth):
        i, model, python = self.span(scope)
        body = self.number(scope.copy(i), depth - 1)
        name, other = self.pick([("sum", "sum"), ("sum", "sum"), ("max", "max"), ("min", "min"), ("prod", "product")])
        return f"{name}(({body[0]}) for {model})", f"{other}([{body[1]} for {i} in {python}])"

    def call(self, scope, depth):
        """A function of the scope, the newest ones most of the time; it is a number."""
        name, kinds = self.pick(scope.functions[-2:] * 2 + scope.functions)
        pairs = []
        for kind in kinds:
            single = [f for f, k in scope.functions if k == "x"]
            if kind == "f" and not single:
                return self.entry(scope)
            pairs.append((self.pick(single),) * 2 if kind == "f"
                         else self.array(scope, depth - 1) if kind == "v"
                         else self.number(scope, depth - 1) if kind == "x"
                         else (self.pick(scope.indices + scope.places + ["0", "1"]),) * 2)
        return f"{name}({', '.join(p[0] for p in pairs)})", f"{name}({', '.join(p[1] for p in pairs)})"

    def mapped(self, scope, depth):
        """A function of numbers, of arrays: it maps over them."""
        functions = [f for f in scope.functions if set(f[1]) == {"x"}]
        name, kinds = self.pick(functions[-2:])
        arrays = [self.array(scope, depth - 1) for _ in kinds]
        return (f"{name}({', '.join(a[0] for a in arrays)})",
                f"[{name}(*z) for z in zip({', '.join(a[1] for a in arrays)})]")

    def number(self, scope, depth):
        self.room -= 1
        choice = self.random.random()
        if depth <= 0 or self.room < 0:
            return self.entry(scope) if self.chance(0.6) else (self.pick(scope.numbers + ["0.5"]),) * 2
        if choice < 0.2:
            a, b, op = self.number(scope, depth - 1), self.number(scope, depth - 1), self.pick("+-*")
            return f"({a[0]} {op} {b[0]})", f"({a[1]} {op} {b[1]})"
        if choice < 0.5:
            return self.reduction(scope, depth)
        if choice < 0.6:
            a = self.array(scope, depth - 1)
            return f"sum({a[0]})", f"sum({a[1]})"
        if choice < 0.7:
            c, a, b = self.condition(scope, depth - 1), self.number(scope, depth - 1), self.number(scope, depth - 1)
            return f"(if {c[0]} then {a[0]} else {b[0]})", f"({a[1]} if {c[1]} else {b[1]})"
        if choice < 0.9 and scope.functions:
            return self.call(scope, depth)
        a, f = self.number(scope, depth - 1), self.pick(["sin", "cos", "tanh"])
        return f"{f}({a[0]})", f"{f}({a[1]})"

    def array(self, scope, depth):
        self.room -= 1
        choice = self.random.random()
        if depth <= 0 or self.room < 0 or choice < 0.2:
            return (self.pick(scope.arrays),) * 2
        if choice < 0.5:
            i = self.new("i")
            body = self.number(scope.copy(i), depth - 1)
            return f"[{body[0]} for {i} in n]", f"[{body[1]} for {i} in range(n)]"
        if choice < 0.8 and any(set(kinds) == {"x"} for _, kinds in scope.functions):
            return self.mapped(scope, depth)
        a, b, op = self.array(scope, depth - 1), self.array(scope, depth - 1), self.pick("+-*")
        return f"({a[0]} {op} {b[0]})", f"[p {op} q for p, q in zip({a[1]}, {b[1]})]"

    def function(self, scope, indent, local):
        """Lines that define a function, which comes to the scope. A local one sees all names there, in
        Python as defaults: as they are now."""
        name, kinds = self.new("f"), self.pick(["x", "x", "xx", "v", "xv", "vk", "fx", "fv"])
        inner = scope.copy() if local else Scope(["p"], ["q"], functions=scope.functions)
        seen = "".join(f", {s}={s}" for s in scope.names()) if local else ""
        formals = [self.new({"x": "x", "v": "v", "k": "k", "f": "g"}[kind]) for kind in kinds]
        model = [f + {"x": "", "v": "[n]", "k": "", "f": "(z)"}[kind] for f, kind in zip(formals, kinds)]
        for formal, kind in zip(formals, kinds):
            {"x": inner.numbers, "v": inner.arrays, "k": inner.places}.get(kind, []).append(formal)
            inner.functions += [(formal, "x")] if kind == "f" else []
        lines, python = self.block(inner, indent + 1, 2) if self.chance(0.4) and indent < 3 else ([], [])
        self.room = 12
        body = self.number(inner, DEPTH)
        if "k" in kinds:  # that makes it a whole number
            i, place = self.new("i"), formals[kinds.index("k")]
            array = self.pick(inner.arrays)
            body = (f"{body[0]} + sum({array}[{i} + {place}] for {i} in n)",
                    f"{body[1]} + sum([at({array}, {i} + {place}) for {i} in range(n)])")
        space = "    " * indent
        scope.functions.append((name, kinds))
        return ([f"{space}{name}({', '.join(model)}) {{", *lines, f"{space}    return {body[0]}", space + "}"],
                [f"{space}def {name}({', '.join(formals)}{seen}):", *python, f"{space}    return {body[1]}"])

    def loop(self, scope, indent):
        """Steps that add to a number; what they define is used in them."""
        space, t, total = "    " * indent, self.new("t"), self.new("s")
        scope.numbers.append(total)
        inner = scope.copy(t)
        known = len(inner.numbers)
        lines, python = self.block(inner, indent + 1, 3)
        self.room = 10
        added = self.number(inner, DEPTH)
        names = "".join(f" + tanh({name})" for name in inner.numbers[known:])
        return ([f"{space}{total} = 0", f"{space}for {t} in n {{", *lines,
                 f"{space}    {total} += tanh({added[0]}){names}", space + "}"],
                [f"{space}{total} = 0.0", f"{space}for {t} in range(n):", *python,
                 f"{space}    {total} = {total} + (tanh({added[1]}){names})"])

    def statement(self, scope, indent):
        space, choice = "    " * indent, self.random.random()
        self.room = 12
        if choice < 0.3 and indent < 3:
            return self.loop(scope, indent)
        if choice < 0.6:
            lines, python = self.function(scope, indent, True)
            name = self.new("a")
            used = self.mapped(scope, 2) if set(scope.functions[-1][1]) == {"x"} else None
            used = (f"sum({used[0]})", f"sum({used[1]})") if used else self.call(scope, 2)
            scope.numbers.append(name)
            return lines + [f"{space}{name} = {used[0]}"], python + [f"{space}{name} = {used[1]}"]
        if choice < 0.8:
            name, value = self.new("a"), self.number(scope, DEPTH)
            scope.numbers.append(name)
        else:
            name, value = self.new("w"), self.array(scope, DEPTH)
            scope.arrays.append(name)
        return [f"{space}{name} = {value[0]}"], [f"{space}{name} = {value[1]}"]

    def block(self, scope, indent, most):
        lines, python = [], []
        for _ in range(self.random.randrange(1, most + 1)):
            more = self.statement(scope, indent)
            lines += more[0]
            python += more[1]
        return lines, python

    def program(self):
        scope, lines, python = Scope(), ["dim n", "param p, q[n]"], []
        for _ in range(self.random.randrange(1, 4)):
            more = self.function(scope, 0, False)
            lines += more[0]
            python += more[1]
        inner = Scope(["p", "x"], ["q", "v"], functions=scope.functions, places=["k"])
        body = self.block(inner, 1, 5)
        self.room = 12
        value = self.number(inner, DEPTH)
        names = "".join(f" + tanh({name})" for name in inner.numbers[2:])
        lines += ["top(x, v[n], k) {", *body[0], f"    return {value[0]}{names} + v[k]", "}"]
        python += ["def top(x, v, k):", *body[1], f"    return {value[1]}{names} + at(v, k)"]
        return "\n".join(lines) + "\n", "\n".join(python) + "\n"


def expected(python, n, numbers, k):
    names = helpers(n) | {"p": numbers[0], "q": numbers[2:2 + n]}
    exec(python, names)
    try:
        return names["top"](numbers[1], numbers[2 + n:2 + 2 * n], k)
    except (OverflowError, ValueError):  # the sine of an infinity
        return None


def found(library, header, name, n, numbers, k):
    function = getattr(library, name)
    function.restype = ctypes.c_double
    arrays = {"params": [numbers[0], *numbers[2:2 + n]], "v": numbers[2 + n:2 + 2 * n], "work": [0.0] * 100000}
    known = {"n": ctypes.c_size_t(n), "x": ctypes.c_double(numbers[1]), "k": ctypes.c_int64(k)}
    known |= {a: (ctypes.c_double * len(values))(*values) for a, values in arrays.items()}
    formals = re.search(rf"double {name}\(([^)]*)\);", header).group(1)
    return function(*[known[re.search(r"\w+$", formal).group()] for formal in formals.split(",")])


def disagreement(gradc, folder, seed):
    """What is wrong with a program; None: it agrees, "": it is refused, as positions are outside."""
    model, python = Generator(seed).program()
    path = os.path.join(folder, f"meaning{seed}")
    with open(path + ".model", "w", encoding="utf-8") as file:
        file.write(model)
    done = subprocess.run([gradc, "--emit=shared", "-O0", "--function=top", path + ".model", "-o", path + ".so"],
                          capture_output=True, text=True, check=False)
    if done.returncode:
        outside = re.search(r"past the end|no index is negative", done.stderr)
        return "" if outside else f"{model}\n{done.stderr}"
    with open(path + ".h", encoding="utf-8") as file:
        header = file.read()
    library = ctypes.CDLL(path + ".so")
    for n in SIZES:
        for k in (0, 1):
            numbers = [random.Random(f"{seed} {n} {j}").uniform(-1, 1) for j in range(2 + 2 * n)]
            want = expected(python, n, numbers, k)
            got = found(library, header, f"meaning{seed}_top", n, numbers, k)
            # a product of many may be large, and its sine anything
            if want is None or math.isnan(want) and math.isnan(got):
                continue
            if not abs(got - want) <= 1e-6 * max(1, abs(want)):
                return f"{model}\n{python}\nn = {n}, k = {k}: {got}, and by Python {want}"
    return None


def main():
    gradc, folder = sys.argv[1:3]
    first, count = map(int, sys.argv[3:])
    agree = refused = 0
    for seed in range(first, first + count):
        wrong = disagreement(gradc, folder, seed)
        agree += wrong is None
        refused += wrong == ""
        if wrong:
            print(f"seed {seed}:\n{wrong}")
    print(f"{agree} programs mean the same, {refused} are refused, {count - agree - refused} are wrong")
    return 0 if agree + refused == count and agree > count / 2 else 1


sys.exit(main())
