"""Random well-typed programs of the model language, as text.

A program is a list of functions over the same dims, params and consts. Every construct of the
language has a method here; values stay of the order of one, so that differences mean something.
A shape is a tuple of dim names; sizes match by name, as in the language."""
import random

DIMS = {"A": 2, "B": 3, "C": 4}
PARAMS = {"p": (), "q": ("B",), "R": ("A", "B"), "V": ("B", "B")}
BOUNDED = {"s_pos": ((), "> 0"), "u_in": (("A",), "in (-1, 2)"), "m_simplex": (("B",), "simplex"),
           "o_order": (("C",), "ordered"), "low": ((), "> p"), "up": ((), "< 3"),
           "L_low": (("B", "B"), "lower"), "S_pd": (("A", "A"), "positive_definite"),
           "C_cor": (("B", "B"), "correlation")}
DATA = {"G": ("A", "B"), "g": ("C",)}

UNARY = ["sin({})", "cos({})", "tanh({})", "exp(tanh({}))", "log(1 + {}^2)", "sqrt(1 + {}^2)",
         "atan({})", "sigmoid({})", "softplus({})", "abs({} + 0.0119)", "relu({} - 0.0157)", "erf({})", "-{}", "{}^2",
         "{}^3", "log1p(exp({}))", "expm1(tanh({}))", "1 / (2 + {}^2)", "lgamma(2 + tanh({}))",
         "stop_gradient({})", "log(1 + exp({}))", "sqrt({}^2 + 0.5)", "floor({} + 0.0139)", "silu({})",
         "(1.5 + sin({}))^1.3", "1.2^tanh({})", "digamma(2 + tanh({}))", "asinh({})", "cosh(tanh({}))"]
BINARY = ["({} + {})", "({} - {})", "({} * {})", "({} / (1 + {}^2))", "max({}, {} + 0.0137)", "min({}, {} - 0.0173)",
          "({} + 2 * {})", "atan2({}, 2 + tanh({}))", "hypot({}, 1 + {})", "(1 + {}^2)^tanh({})"]
# values that are equal but for rounding, on paper, must not decide
COMPARE = ["{} < {} + 0.0131", "{} >= {} - 0.0127", "{} > {} + 0.1", "{} != {} + 0.0141",
           "not ({} < {} - 0.0149)"]


class Function:
    def __init__(self, name, formals, shape):
        self.name, self.formals, self.shape = name, formals, shape


class Generator:
    def __init__(self, seed, features):
        self.random = random.Random(seed)
        self.features = features
        self.functions = []
        self.labels = []
        self.generic = None
        self.names = 0

    # ---- small choices

    def pick(self, items):
        return self.random.choice(items)

    def dim(self):
        """A dim that is in scope: the generic size of the function, or the rows of a sample, too."""
        return self.generic if self.generic and self.chance(0.4) else self.random.choice(list(DIMS))

    def chance(self, probability):
        return self.random.random() < probability

    def has(self, feature):
        return feature in self.features

    def fresh(self, stem):
        self.names += 1
        return f"{stem}{self.names}"

    def number(self):
        return self.pick(["0.5", "1.5", "2", "0.3", "1", "0.7"])

    # ---- scopes: values is a list of (name, shape); indices of (name, dim or None)

    def values_of(self, shape):
        return [n for n, s in self.values if s == shape]

    def index_of(self, dim):
        """A whole number that is inside the dim."""
        names = [n for n, d in self.indices if d == dim]
        if dim not in DIMS:
            return self.pick(names + ["0"])
        if self.labels and self.chance(0.2):
            name, shape, of = self.pick(self.labels)
            if of == dim:
                return f"{name}[{self.index_of(shape)}]"
        if self.chance(0.05):
            return f"argmax({self.vector(dim, 0)})"
        if names and self.chance(0.8):
            return self.pick(names)
        if self.chance(0.2) and names:
            return f"({self.pick(names)} + 1) % {dim}"
        return str(self.random.randrange(DIMS[dim]))

    def open_index(self, dim):
        name = self.fresh("i")
        self.indices.append((name, dim))
        return name

    # ---- expressions

    def scalar(self, depth):
        if depth <= 0 or self.chance(0.08):
            return self.scalar_leaf()
        kind = self.random.random()
        if kind < 0.30:
            return self.pick(BINARY).format(self.scalar(depth - 1), self.scalar(depth - 1))
        if kind < 0.48:
            row = self.pick(UNARY)
            if "stop_gradient" in row and not self.has("deriv"):
                row = "sin({})"
            return "(" + row.format(self.atom(depth - 1)) + ")"
        if kind < 0.56:
            condition = self.pick(COMPARE).format(self.scalar(depth - 2), self.scalar(depth - 2))
            if self.chance(0.2):
                condition = f"{condition} and {self.scalar(depth - 2)} < 1.0151"
            return f"(if {condition} then {self.scalar(depth - 1)} else {self.scalar(depth - 1)})"
        if kind < 0.78:
            return self.reduction(depth)
        if kind < 0.90:
            return self.whole_reduction(depth)
        return self.call(depth)

    def atom(self, depth):
        text = self.scalar(depth)
        return text if text[0] == "(" or text.isidentifier() else f"({text})"

    def scalar_leaf(self):
        kind = self.random.random()
        if kind < 0.12:
            return self.number()
        if kind < 0.2 and self.indices:
            return f"(0.1 * {self.pick(self.indices)[0]})"
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
        binder = None
        if outer and operation == "sum" and self.chance(0.4):
            limit = self.pick(outer)
            name = self.fresh("i")
            low, high = self.pick([("0", limit), (f"{limit} + 1", dim), (limit, dim)])
            binder = f"{name} in {low}..{high}"
            self.indices.append((name, dim))
        elif self.chance(0.15):
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
        kind = self.random.randrange(8)
        if kind == 0:
            return f"dot({self.vector(dim, depth - 1)}, {self.vector(dim, depth - 1)})"
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
            return f"sum([{self.scalar(depth - 1)}, {self.scalar(depth - 1)}, {self.scalar(depth - 2)}])"
        if kind == 5:
            return self.convolution(depth)
        if kind == 6:
            a, b = self.scalar(depth - 2), self.scalar(depth - 2)
            index = self.fresh("i")
            self.indices.append((index, dim))
            body = self.scalar(depth - 2)
            self.indices.pop()
            word = self.pick(["any", "all"])
            return f"(if {word}({body} < {a} + 0.0123 for {index} in {dim}) then {a} else {b})"
        operation = self.pick(["sum", "mean", "max", "min", "logsumexp"])
        return f"{operation}({self.vector(dim, depth - 1)})"

    def convolution(self, depth):
        """Positions that are sums, multiples and quotients of indices."""
        i, j = self.fresh("i"), self.fresh("i")
        wide = self.pick(self.values_of(("C",)) or ["[0.3, 0.1, p, 0.2]"])
        if not wide.isidentifier():
            wide = f"({wide})"
        self.indices.append((i, "B"))
        factor = self.scalar(min(depth - 1, 1))
        self.indices.pop()
        form = self.pick([f"{wide}[{i} + {j}] * {factor} for {i} in B, {j} in C - B + 1",
                          f"{wide}[C - 1 - {i}] * {factor} for {i} in B",
                          f"{wide}[{i} // 2] * {factor} for {i} in B",
                          f"{wide}[({i} + 2) % C] * {factor} for {i} in B"])
        return f"sum({form})"

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
        if kind == 2 and self.has("library"):
            return f"{self.pick(['softmax', 'tanh', 'sin', 'log_softmax'])}({self.vector(dim, depth - 1)})"
        matrices = [(n, s) for n, s in self.values if len(s) == 2]
        if kind == 3:
            rows = [n for n, s in matrices if s[1] == dim]
            if rows:
                name = self.pick(rows)
                first = next(s for n, s in matrices if n == name)[0]
                return f"{name}[{self.index_of(first)}]"
        if kind == 4:
            columns = [n for n, s in matrices if s[0] == dim]
            if columns:
                name = self.pick(columns)
                second = next(s for n, s in matrices if n == name)[1]
                return f"{name}[:, {self.index_of(second)}]"
        mark = len(self.indices)
        index = self.open_index(dim)
        body = self.scalar(depth - 1)
        del self.indices[mark:]
        return f"[{body} for {index} in {dim}]"

    def matrix(self, rows, columns, depth):
        names = self.values_of((rows, columns))
        if names and (depth <= 0 or self.chance(0.3)):
            return self.pick(names)
        kind = self.random.randrange(5)
        if depth > 0 and kind == 0:
            inner = self.dim()
            return f"({self.matrix(rows, inner, depth - 1)} @ {self.matrix(inner, columns, depth - 1)})"
        if kind == 1 and self.values_of((columns, rows)):
            return f"{self.pick(self.values_of((columns, rows)))}'"
        if depth > 0 and kind == 2:
            return f"({self.matrix(rows, columns, depth - 1)} {self.pick('+-*')} {self.scalar(depth - 1)})"
        mark = len(self.indices)
        i, j = self.open_index(rows), self.open_index(columns)
        body = self.scalar(depth - 1)
        del self.indices[mark:]
        return f"[{body} for {i} in {rows}, {j} in {columns}]"

    def value(self, shape, depth):
        if not shape:
            return self.scalar(depth)
        if len(shape) == 1:
            return self.vector(shape[0], depth)
        return self.matrix(shape[0], shape[1], depth)

    def call(self, depth):
        functions = [f for f in self.functions if f.shape == ()]
        if functions and self.chance(0.6):
            f = self.pick(functions)
            arguments = []
            for _, shape in f.formals:
                if isinstance(shape, str):
                    arguments.append(self.index_of(shape))
                else:
                    arguments.append(self.value(shape, min(depth - 1, 1)))
            return f"{f.name}({', '.join(arguments)})"
        if self.has("linalg") and self.chance(0.5):
            return self.linear_algebra(depth)
        return self.scalar_leaf()

    def linear_algebra(self, depth):
        d = self.dim()
        m = self.matrix(d, d, min(depth - 1, 1))
        i = self.fresh("i")
        j = self.fresh("i")
        spd = f"({m}' @ {m} + [(if {i} == {j} then 2 else 0) for {i} in {d}, {j} in {d}])" \
            if m.isidentifier() else None
        if not spd:
            return self.scalar_leaf()
        v = self.vector(d, min(depth - 1, 1))
        return self.pick([f"logdet({spd})", f"dot({v}, solve({spd}, {v}))",
                          f"sum(cholesky({spd}))", f"trace(inv({spd}))",
                          f"sum(solve_lower(cholesky({spd}), {v}))"])

    # ---- statements

    def definition(self, lines, indent):
        shape = self.pick([(), (), (self.dim(),),
                           (self.dim(), self.dim())])
        name = self.fresh("v")
        if shape and self.chance(0.5):
            mark = len(self.indices)
            names = [self.open_index(d) for d in shape]
            body = self.scalar(2)
            del self.indices[mark:]
            left = ", ".join(f"{n} in {d}" for n, d in zip(names, shape))
            lines.append(f"{indent}{name}[{left}] = {body}")
        else:
            lines.append(f"{indent}{name} = {self.value(shape, 2)}")
        self.values.append((name, shape))

    def local_function(self, lines, indent):
        """A function of the block, which sees its names, and a step of an ODE with it."""
        f, z = self.fresh("g"), self.fresh("z")
        mark, mark_indices = len(self.values), len(self.indices)
        self.values.append((z, ("A",)))
        index = self.open_index("A")
        body = f"[{self.scalar(2)} for {index} in A]"
        del self.values[mark:]
        del self.indices[mark_indices:]
        lines.append(f"{indent}{f}({z}[A]) = {body}")
        name = self.fresh("v")
        use = self.pick([f"{f}({self.vector('A', 1)})", f"rk4({f}, {self.vector('A', 1)}, 0.1)"])
        lines.append(f"{indent}{name} = 0.5 * {use}")
        self.values.append((name, ("A",)))

    def slices(self, lines, indent):
        """An array set part by part."""
        name = self.fresh("v")
        lines.append(f"{indent}{name} = zeros(C)")
        parts = [f"{name}[0..A] = {self.vector('A', 1)}", f"{name}[C - A..] = {self.vector('A', 1)}",
                 f"{name}[{self.index_of('C')}] = {self.scalar(2)}",
                 f"{name}[{self.index_of('C')}] += {self.scalar(1)}"]
        lines += [indent + p for p in self.random.sample(parts, 2)]
        self.values.append((name, ("C",)))

    def two_values(self, lines, indent):
        f, x, y = self.fresh("g"), self.fresh("z"), self.fresh("z")
        mark = len(self.values)
        self.values += [(x, ()), (y, ("B",))]
        lines.append(f"{indent}{f}({x}, {y}[B]) {{ return {self.scalar(1)}, {self.vector('B', 1)} }}")
        del self.values[mark:]
        a, b = self.fresh("v"), self.fresh("v")
        lines.append(f"{indent}{a}, {b} = {f}({self.scalar(1)}, {self.vector('B', 1)})")
        self.values += [(a, ()), (b, ("B",))]

    def derivative(self, lines, indent):
        """A local function, and its derivative by a name."""
        x, f = self.fresh("x"), self.fresh("f")
        mark = len(self.values)
        self.values.append((x, ()))
        body = self.scalar(2)
        del self.values[mark:]
        lines.append(f"{indent}{x} = 0.0 + {self.atom(1)}")
        lines.append(f"{indent}{f} = {body}")
        name = self.fresh("v")
        order = f"deriv({f}, {x})" if self.chance(0.6) else f"deriv(deriv({f}, {x}), {x})"
        lines.append(f"{indent}{name} = 0.2 * {order}")
        self.values.append((name, ()))

    def loop(self, lines, indent, depth):
        carried = []
        start = len(self.values)
        for _ in range(self.random.randint(1, 2)):
            shape = self.pick([(), (), (self.dim(),), ("A", "B")])
            name = self.fresh("c")
            lines.append(f"{indent}{name} = {self.value(shape, 1)}")
            self.values.append((name, shape))
            carried.append((name, shape))
        record = None
        dim = self.dim()
        if self.chance(0.4):
            record = self.fresh("h")
            lines.append(f"{indent}{record} = zeros({dim})")
        low = self.pick(["0", "1"])
        step = self.fresh("t")
        heads = [f"for {step} in {low}..{dim}", f"for {step} in {dim}"]
        head = self.pick(heads) if low == "1" else heads[1]
        outer = [n for n, d in self.indices if d == dim]
        if outer and not record and self.chance(0.5):
            limit = self.pick(outer)
            low, high = self.pick([("0", limit), (f"{limit} + 1", dim), (limit, dim), ("0", f"{limit} + 1")])
            head = f"for {step} in {low}..{high}"
        elif self.chance(0.1) and not record:
            inner = self.fresh("j")
            head = f"for {inner} in {dim}, {step} in 0..{inner}"
        if self.chance(0.2) and not record and "," not in head:
            scalars = [n for n, s in carried if not s]
            if scalars:
                head += f" while {self.pick(scalars)} < 0.9171"
        lines.append(f"{indent}{head} {{")
        inner = indent + "    "
        mark_indices, mark_values = len(self.indices), len(self.values)
        self.indices.append((step, dim))
        if self.chance(0.4):
            self.definition(lines, inner)
        if self.chance(0.3) and depth > 0:
            self.loop(lines, inner, depth - 1)
        for name, shape in carried:
            if not shape:
                lines.append(self.pick([f"{inner}{name} = tanh({self.scalar(2)})",
                                        f"{inner}{name} += 0.3 * {self.atom(2)}",
                                        f"{inner}{name} = 0.5 * {name} + sin({self.scalar(2)})"]))
            elif self.chance(0.3):
                where = ", ".join(self.index_of(d) for d in shape)
                lines.append(f"{inner}{name}[{where}] = sin({self.scalar(2)})")
            elif self.chance(0.4):
                names = [self.fresh("k") for _ in shape]
                self.indices += list(zip(names, shape))
                body = self.scalar(2)
                del self.indices[mark_indices + 1:]
                lines.append(f"{inner}{name}[{', '.join(names)}] = tanh({body})")
            else:
                lines.append(f"{inner}{name} = 0.5 * tanh({self.value(shape, 2)})")
        if record:
            previous = f" + 0.5 * {record}[{step} - 1]" if "1.." in head else ""
            lines.append(f"{inner}{record}[{step}] = sin({self.scalar(2)}){previous}")
        del self.indices[mark_indices:]
        del self.values[mark_values:]
        lines.append(f"{indent}}}")
        if record:
            self.values.append((record, (dim,)))
        assert start <= len(self.values)

    # ---- functions and files

    def statements(self, most):
        lines = []
        for _ in range(self.random.randint(0, most)):
            kind = self.random.random()
            if kind < 0.3 and self.has("loops"):
                self.loop(lines, "    ", 1)
            elif kind < 0.45 and self.has("deriv"):
                self.derivative(lines, "    ")
            elif kind < 0.55 and self.has("locals"):
                self.pick([self.local_function, self.two_values])(lines, "    ")
            elif kind < 0.6:
                self.slices(lines, "    ")
            else:
                self.definition(lines, "    ")
        return lines

    def with_locals(self, result):
        """What nothing uses is not tested."""
        for local, shape in self.values:
            if local[0] in "vch" and self.chance(0.8):
                result += f" + {local}" if not shape else f" + sum(sin({local}))"
        return result

    def loss(self):
        """A loss of columns: of one row, or of all rows of a sample."""
        rows = self.chance(0.5)
        self.generic = "T" if rows else None
        shapes = [("T",), ("T", "A"), ("T",)] if rows else [(), ("B",), ("A",)]
        formals = [(self.fresh("x"), s) for s in self.random.sample(shapes, 2)]
        label = self.fresh("k")
        self.labels = [(label, "T", self.pick(["A", "B"]))] if rows else []
        self.values = formals + list(self.outer)
        self.indices = [] if rows else [(label, "B")]
        written = [n + (f"[{', '.join(s)}]" if s else "") for n, s in formals]
        written += [f"{n}[{s}] in {of}" for n, s, of in self.labels] if rows else [f"{label} in B"]
        lines = self.statements(3)
        if rows and self.has("loops"):
            self.loop(lines, "    ", 1)
        result = self.with_locals(self.scalar(3))
        text = f"loss({', '.join(written)}) {{\n" + "\n".join(lines) + f"\n    return {result}\n}}\n"
        return text, rows

    def function(self, index):
        formals = []
        self.generic = None
        for _ in range(self.random.randint(1, 3)):
            shape = self.pick([(), (), (self.dim(),), ("A", "C"), "B"])
            formals.append((self.fresh("x" if not isinstance(shape, str) else "k"), shape))
        if all(isinstance(s, str) for _, s in formals):
            formals.append((self.fresh("x"), ()))
        self.labels = []
        if self.chance(0.2):
            self.generic = "n"
            formals.append((self.fresh("x"), self.pick([("n",), ("n", "A")])))
        if self.chance(0.2):
            self.labels.append((self.fresh("k"), self.pick(["A", "C"]), "B"))
        self.values = [(n, s) for n, s in formals if not isinstance(s, str)] + list(self.outer)
        self.indices = [(n, s) for n, s in formals if isinstance(s, str)]
        written = []
        for name, shape in formals:
            if isinstance(shape, str):
                written.append(f"{name} in {shape}")
            elif shape:
                written.append(f"{name}[{', '.join(shape)}]")
            else:
                written.append(name)
        name = f"f{index}"
        written += [f"{n}[{s}] in {of}" for n, s, of in self.labels]
        head = f"{name}({', '.join(written)})"
        lines = self.statements(4)
        shape = self.pick([(), (), (), (), (self.pick(list(DIMS)),)])
        result = self.value(shape, 3)
        if not shape:
            result = self.with_locals(result)
        if lines:
            text = f"{head} {{\n" + "\n".join(lines) + f"\n    return {result}\n}}\n"
        else:
            text = f"{head} = {result}\n"
        if not self.generic and not self.labels:
            self.functions.append(Function(name, formals, shape))
        return text

    def program(self, count):
        text = "dim " + ", ".join(f"{n} = {v}" for n, v in DIMS.items()) + "\n"
        self.outer = [(n, s) for n, s in PARAMS.items()]
        items = [n + (f"[{', '.join(s)}]" if s else "") for n, s in PARAMS.items()]
        text += "param " + ", ".join(items) + "\n"
        if self.has("constraints"):
            for name in self.random.sample(list(BOUNDED), 2):
                shape, constraint = BOUNDED[name]
                text += f"param {name}" + (f"[{', '.join(shape)}]" if shape else "") + f" {constraint}\n"
                self.outer.append((name, shape))
        if self.has("data"):
            for name, shape in DATA.items():
                text += f"data {name}[{', '.join(shape)}]\n"
                self.outer.append((name, shape))
        text += "const w = 0.4\n"
        self.outer.append(("w", ()))
        loss = self.has("losses") and self.chance(0.3)
        for k in range(min(count, 3) if loss else count):
            text += "\n" + self.function(k)
        if loss:
            body, rows = self.loss()
            text = ("dim T = rows\n" if rows else "") + text + "\n" + body
        return text


FEATURES = ("library", "loops", "deriv", "linalg", "constraints", "data", "locals", "losses")


def program(seed, count, features=FEATURES):
    return Generator(seed, features).program(count)
