"""Random well-typed expressions of the model language, as text.

A shape is a tuple of dims: names, or digits. Sizes match by name, as in the language. Values stay of
the order of one, so that differences mean something; values that are equal on paper but for
rounding never decide."""
import random
import re

import tables

DIMS = {"A": 2, "B": 3, "C": 4}
BINARY = ["({} + {})", "({} - {})", "({} * {})", "({} / (1 + {}^2))", "max({}, {} + 0.0137)", "min({}, {} - 0.0173)",
          "({} + 2 * {})", "atan2({}, 2 + tanh({}))", "hypot({}, 1 + {})", "(1 + {}^2)^tanh({})"]
COMPARE = ["{} < {} + 0.0131", "{} >= {} - 0.0127", "{} > {} + 0.1", "{} != {} + 0.0141",
           "not ({} < {} - 0.0149)", "{} <= {} - 0.0151", "not {} == {} + 0.0153"]
EXTERNS = ["wave({}, {})", "wave_x({}, {})"]


def size(dim):
    """The value of a dim; None: it is not known when the file is compiled."""
    return int(dim) if dim.isdigit() else DIMS.get(dim)


class Function:
    """What calls need to know; a formal is (name, shape) or, of a label, (name, dim as a text)."""

    def __init__(self, name, formals, shape, labels=()):
        self.name, self.formals, self.shape, self.labels = name, formals, shape, labels


class Expressions:
    """Scopes are lists: `values` of (name, shape), `indices` of (name, dim), `labels` of
    (name, shape, dim that the entries index)."""

    def __init__(self, seed, features):
        self.random = random.Random(seed)
        self.features = features
        self.functions, self.labels, self.values, self.indices = [], [], [], []
        self.open_dims = []  # of unknown size, in scope
        self.names = 0

    # ---- small choices

    def pick(self, items):
        return self.random.choice(items)

    def chance(self, probability):
        return self.random.random() < probability

    def has(self, feature):
        return feature in self.features

    def dim(self):
        """A dim that is in scope: one whose size is not known, too."""
        return self.pick(self.open_dims) if self.open_dims and self.chance(0.35) else self.pick(list(DIMS))

    def fresh(self, stem):
        self.names += 1
        return f"{stem}{self.names}"

    def number(self):
        return self.pick(["0.5", "1.5", "2", "0.3", "1", "0.7", "1e-1", "pi", "1 / 3", "-0.4"])

    def values_of(self, shape):
        return [n for n, s in self.values if s == shape]

    def open_index(self, dim):
        name = self.fresh("i")
        self.indices.append((name, dim))
        return name

    # ---- whole numbers

    def index_of(self, dim):
        """A whole number that is inside the dim."""
        names = [n for n, d in self.indices if d == dim]
        known = size(dim)
        if known is None:
            return self.pick(names + ["0", f"{dim} - 1"])
        if self.labels and self.chance(0.2):
            name, shape, of = self.pick(self.labels)
            if of == dim:
                return f"{name}[{self.index_of(shape)}]"
        if self.chance(0.05):
            return f"{self.pick(['argmax', 'argmin'])}({self.vector(dim, 0)})"
        if names and self.chance(0.75):
            return self.pick(names)
        if names and self.chance(0.4):
            name = self.pick(names)
            return self.pick([f"({name} + 1) % {dim}", f"{name} // 2", f"{dim} - 1 - {name}", f"({name} * 3 + 2) % {dim}",
                              f"max({name} - 1, 0)", f"min({name} + 1, {dim} - 1)", f"({name} - 1) % {dim}",
                              f"(if {name} > 0 then {name} - 1 else {name})"])
        others = [n for n, d in self.indices if size(d)]
        if others and self.chance(0.3):
            return f"{self.pick(others)} % {dim}"
        return str(self.random.randrange(known))

    def label_of(self, dim):
        """An index whose bounds the compiler knows: functions may make ranges of it."""
        names = [n for n, d in self.indices if d == dim]
        fixed = str(self.random.randrange(size(dim) or 1))
        return self.pick(names + names + [f"({self.pick(names)} + 1) % {dim}" if names else fixed, fixed])

    # ---- numbers

    def scalar(self, depth):
        if depth <= 0 or self.chance(0.08):
            return self.scalar_leaf()
        kind = self.random.random()
        if kind < 0.27:
            return self.pick(BINARY).format(self.scalar(depth - 1), self.scalar(depth - 1))
        if kind < 0.45:
            return self.row_of(tables.SCALAR, depth)
        if kind < 0.55:
            return self.condition(depth)
        if kind < 0.74:
            return self.reduction(depth)
        if kind < 0.88:
            return self.whole_reduction(depth)
        if kind < 0.91 and self.has("densities"):
            return f"(0.1 * {self.row_of(tables.DENSITY, depth)})"
        return self.call(depth)

    def atom(self, depth):
        text = self.scalar(depth)
        return text if text[0] == "(" and text[-1] == ")" or text.isidentifier() else f"({text})"

    def row_of(self, table, depth, dim=None):
        """A row of a table, filled. It is in parentheses."""
        row = self.pick(table)
        if "stop_gradient" in row and not self.has("deriv"):
            row = "sin($r)" if table is tables.SCALAR else "-$v"
        return self.fill(row, dim or self.dim(), depth - 1)

    def fill(self, row, dim, depth):
        # bodies of the row's own comprehensions bind names; what is filled in sees none of them
        return "(" + re.sub(r"\$(\[[^\]]*\]|\w)", lambda m: self.slot(m.group(1), dim, depth), row) + ")"

    def slot(self, slot, dim, depth):
        low = min(depth, 1)
        if slot[0] == "[":
            return self.array(tuple(slot[1:-1].split(", ")), low)
        plain = {"r": lambda: self.atom(depth), "s": lambda: f"tanh({self.scalar(depth)})",
                 "p": lambda: f"(1.3 + tanh({self.scalar(depth)}))", "u": lambda: f"(0.5 + 0.4 * tanh({self.scalar(depth)}))",
                 "k": lambda: self.index_of(dim), "d": lambda: dim, "v": lambda: self.vector(dim, low),
                 "P": lambda: f"(1.3 + tanh({self.vector(dim, low)}))", "X": lambda: f"softmax({self.vector(dim, low)})",
                 "O": lambda: f"ordered_constrain(tanh({self.vector(dim, low)}))", "m": lambda: self.matrix(dim, dim, low),
                 "S": lambda: self.definite(dim), "L": lambda: f"cholesky({self.definite(dim)})",
                 "C": lambda: self.correlation()}
        return plain[slot]()

    def definite(self, dim):
        """A positive definite matrix that is well conditioned, whatever the arguments are."""
        names = self.values_of((dim, dim))
        m = f"tanh({self.pick(names)})" if names else f"[0.3 * i + 0.1 * j for i in {dim}, j in {dim}]"
        return f"({m}' @ {m} + {self.pick(['2', '1.5'])} * identity({dim}))"

    def correlation(self):
        return f"[[1, 0], [0.5 * tanh({self.scalar_leaf()}), sech(tanh({self.scalar_leaf()}))]]"

    def truth(self, depth):
        condition = self.pick(COMPARE).format(self.scalar(depth), self.scalar(depth))
        kind = self.random.random()
        if kind < 0.15:
            return f"{condition} and {self.scalar(depth)} < 1.0151"
        if kind < 0.25:
            return f"{condition} or {self.scalar(depth)} > 0.5157"
        if kind < 0.32 and self.indices:
            return f"{self.pick(self.indices)[0]} {self.pick(['==', '!=', '<', '>='])} {self.pick(['0', '1', '2 // 2'])}"
        return condition

    def condition(self, depth):
        text = f"if {self.truth(depth - 2)} then {self.scalar(depth - 1)} else "
        if self.chance(0.25):
            text += f"if {self.truth(depth - 2)} then {self.scalar(depth - 2)} else "
        return f"({text}{self.scalar(depth - 1)})"

    def scalar_leaf(self):
        kind = self.random.random()
        if kind < 0.12:
            return self.number() if self.chance(0.8) else f"({self.dim()} - 1) / 4"
        if kind < 0.2 and self.indices:
            i = self.pick(self.indices)[0]
            return self.pick([f"(0.1 * {i})", f"(0.1 * {i})", f"({i} // 2 - 0.5)", f"({i} * {i} % 3 / 4)", f"0.5^{i}",
                              f"abs({i} - 1) / 2", f"(({i} - 2) % 3 * 0.2)"])
        name, shape = self.pick(self.values)
        if not shape:
            return name
        return f"{name}[{', '.join(self.index_of(d) for d in shape)}]"

    def reduction(self, depth):
        """One over an index, maybe two, maybe a triangle."""
        mark = len(self.indices)
        operation = self.pick(["sum", "sum", "sum", "mean", "max", "min", "logsumexp"]
                              + ["prod"] * self.has("loops"))
        dim = self.dim()
        outer = [n for n, d in self.indices if d == dim]
        if outer and operation == "sum" and self.chance(0.4):
            limit = self.pick(outer)
            name = self.fresh("i")
            low, high = self.pick([("0", limit), (f"{limit} + 1", dim), (limit, dim)])
            binder = f"{name} in {low}..{high}"
            self.indices.append((name, dim))
        elif self.chance(0.15) and size(dim):
            name = self.fresh("i")
            binder = f"{name} in 1..{dim}"
            self.indices.append((name, dim))
        else:
            binder = f"{self.open_index(dim)} in {dim}"
        if self.chance(0.25):
            other = self.dim()
            binder += f", {self.open_index(other)} in {other}"
        body = self.scalar(depth - 1)
        if operation == "prod":
            body = f"(1 + 0.3 * tanh({body}))"
        del self.indices[mark:]
        return f"{operation}({body} for {binder})"

    def whole_reduction(self, depth):
        dim = self.dim()
        kind = self.random.randrange(9)
        if kind == 1:
            v = self.pick(self.values_of((dim,)) or [None])
            if v:
                return f"sum({v}[1..] * {v}[..{dim} - 1])"
        if kind == 2:
            other = self.dim()
            return f"sum(0.5 * {self.matrix(dim, other, depth - 1)})"
        if kind == 3:
            return f"sum(concat({self.vector(dim, depth - 1)}, {self.vector(self.dim(), depth - 1)})^2)"
        if kind == 4:
            shape = tuple(self.dim() for _ in range(self.random.choice([3, 3, 4])))
            return self.of_array(shape, depth - 1)
        if kind == 5:
            return self.pick([self.convolution(depth), self.unranged(dim, depth)])
        if kind == 6:
            a, b = self.scalar(depth - 2), self.scalar(depth - 2)
            index = self.fresh("i")
            self.indices.append((index, dim))
            body = self.scalar(depth - 2)
            self.indices.pop()
            word = self.pick(["any", "all"])
            return f"(if {word}({body} < {a} + 0.0123 for {index} in {dim}) then {a} else {b})"
        return self.row_of(tables.WHOLE, depth, dim)

    def of_array(self, shape, depth):
        """A number of an array of three or four axes."""
        text = self.array(shape, depth)
        names = self.values_of(shape)
        if names:
            text = self.pick(names)
            some = ", ".join(self.pick([":", self.index_of(d)]) for d in shape[1:])
            return self.pick([f"sum({text})", f"sum(sin({text}[{self.index_of(shape[0])}]))",
                              f"sum({text}[:, {some}] * 0.5)", f"max({text})", f"mean({text}^2)"])
        return f"{self.pick(['sum', 'mean', 'logsumexp'])}(0.3 * {text})"

    def unranged(self, dim, depth):
        """Ranges that are left out: the index stands alone as a subscript."""
        names = self.values_of((dim,))
        i = self.fresh("i")
        if not names:
            return self.scalar_leaf()
        self.indices.append((i, dim))
        body = self.scalar(min(depth - 1, 1))
        self.indices.pop()
        a, b = self.pick(names), self.pick(names)
        return self.pick([f"sum({a}[{i}] * tanh({b}[{i}]) + 0.1 * {body} for {i})", f"sum([{a}[{i}]^2 * {body} for {i}])",
                          f"logsumexp({a}[{i}] + {body} for {i})", f"mean({a}[{i}] - {b}[{i}] * {body} for {i})", f"entry({a}, {self.index_of(dim)})"])

    def convolution(self, depth):
        """Positions that are sums, multiples and quotients of indices."""
        i, j = self.fresh("i"), self.fresh("i")
        wide = self.pick(self.values_of(("C",)) or ["[0.3, 0.1, p, 0.2]"])
        if not wide.isidentifier():
            wide = "([0.3, 0.1, 0.7, 0.2] + [0 for z in 4])"
        self.indices.append((i, "B"))
        factor = self.scalar(min(depth - 1, 1))
        self.indices.pop()
        form = self.pick([f"{wide}[{i} + {j}] * {factor} for {i} in B, {j} in C - B + 1",
                          f"{wide}[C - 1 - {i}] * {factor} for {i} in B",
                          f"{wide}[{i} // 2] * {factor} for {i} in B",
                          f"{wide}[{i} * 2 % C] * {factor} for {i} in B",
                          f"{wide}[({i} + 2) % C] * {factor} for {i} in B"])
        return f"sum({form})"

    # ---- arrays

    def comprehension(self, shape, depth):
        mark = len(self.indices)
        binders = ", ".join(f"{self.open_index(d)} in {d}" for d in shape)
        body = self.scalar(depth)
        del self.indices[mark:]
        return f"[{body} for {binders}]"

    def vector(self, dim, depth):
        names = self.values_of((dim,))
        if names and (depth <= 0 or self.chance(0.25)):
            return self.pick(names)
        kind = self.random.randrange(7)
        if depth > 0 and kind == 0:
            return f"({self.vector(dim, depth - 1)} {self.pick('+-*')} {self.vector(dim, depth - 1)})"
        if depth > 0 and kind == 1:
            other = self.dim()
            return f"({self.matrix(dim, other, depth - 1)} @ {self.vector(other, depth - 1)})"
        if depth > 0 and kind == 2 and self.has("library"):
            return self.row_of(tables.VECTOR, depth, dim)
        matrices = [(n, s) for n, s in self.values if len(s) == 2]
        if kind == 3:
            found = [(n, s[0]) for n, s in matrices if s[1] == dim]
            if found:
                name, first = self.pick(found)
                return f"{name}[{self.index_of(first)}]"
        if kind == 4:
            found = [(n, s[1]) for n, s in matrices if s[0] == dim]
            if found:
                name, second = self.pick(found)
                return f"{name}[:, {self.index_of(second)}]"
        if kind == 5 and depth > 0:
            text = self.call_of((dim,), depth)
            if text:
                return text
        return self.comprehension((dim,), depth - 1)

    def matrix(self, rows, columns, depth):
        names = self.values_of((rows, columns))
        if names and (depth <= 0 or self.chance(0.3)):
            return self.pick(names)
        kind = self.random.randrange(6)
        if depth > 0 and kind == 0:
            inner = self.dim()
            return f"({self.matrix(rows, inner, depth - 1)} @ {self.matrix(inner, columns, depth - 1)})"
        if kind == 1 and self.values_of((columns, rows)):
            return f"{self.pick(self.values_of((columns, rows)))}'"
        if depth > 0 and kind == 2:
            return f"({self.matrix(rows, columns, depth - 1)} {self.pick('+-*')} {self.scalar(depth - 1)})"
        if depth > 0 and kind == 3 and rows == columns and self.has("library"):
            return self.row_of(tables.MATRIX, depth, rows)
        found = [(n, s[0]) for n, s in self.values if len(s) == 3 and s[1:] == (rows, columns)]
        if kind == 4 and found:
            name, first = self.pick(found)
            return f"{name}[{self.index_of(first)}]"
        return self.comprehension((rows, columns), depth - 1)

    def array(self, shape, depth):
        if len(shape) == 1 and not shape[0].isdigit():
            return self.vector(shape[0], depth)
        if len(shape) == 2 and not any(d.isdigit() for d in shape):
            return self.matrix(shape[0], shape[1], depth)
        names = self.values_of(shape)
        return self.pick(names) if names and self.chance(0.6) else self.comprehension(shape, min(depth - 1, 1))

    def value(self, shape, depth):
        return self.array(shape, depth) if shape else self.scalar(depth)

    # ---- calls

    def call(self, depth):
        if self.functions and self.chance(0.6):
            text = self.call_of((), depth)
            if text:
                return text
        if self.has("linalg") and self.chance(0.5):
            return self.row_of(tables.LINEAR, depth, self.pick(list(DIMS)))
        if self.has("extern") and self.chance(0.5):
            return self.pick(EXTERNS).format(self.scalar(depth - 1), f"tanh({self.scalar(depth - 1)})")
        return self.scalar_leaf()

    def call_of(self, shape, depth):
        """A call of a function of the file, which may map over an axis; None: there is none."""
        found = [f for f in self.functions if f.shape == shape]
        mapped = [f for f in self.functions if f.shape == () and len(shape) == 1
                  and [s for _, s in f.formals].count(()) > 0]
        if not found and not mapped:
            return None
        f = self.pick(found or mapped)
        over = [k for k, (_, s) in enumerate(f.formals) if s == ()][:1] if f not in found else []
        bound = self.dim()
        arguments = []
        for k, (_, formal) in enumerate(f.formals):
            if isinstance(formal, str):
                arguments.append(self.label_of(formal))
            elif k in over:
                arguments.append(self.vector(shape[0], min(depth - 1, 1)))
            else:
                arguments.append(self.value(tuple(bound if d == "n" else d for d in formal), min(depth - 1, 1)))
        for _, of, entries in f.labels:
            arguments.append(self.pick([n for n, s, e in self.labels if (s, e) == (of, entries)]
                                       or [f"[i % {entries} for i in {of}]"]))
        return f"{f.name}({', '.join(arguments)})"
