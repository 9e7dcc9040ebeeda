"""Random statements of blocks: definitions, assignments to parts, local functions, derivatives, loops."""
import re

from expressions import DIMS, Expressions, size


class Statements(Expressions):
    """Each method adds lines, and to `values` what the lines define."""

    def statements(self, most):
        lines = []
        for _ in range(self.random.randint(0, most)):
            kind = self.random.random()
            if kind < 0.3 and self.has("loops"):
                self.loop(lines, "    ", 1)
            elif kind < 0.45 and self.has("deriv"):
                self.derivative(lines, "    ")
            elif kind < 0.57 and self.has("locals"):
                self.pick([self.local_function, self.two_values, self.function_argument])(lines, "    ")
            elif kind < 0.63:
                self.slices(lines, "    ")
            elif kind < 0.69:
                self.matrix_parts(lines, "    ")
            elif kind < 0.73:
                self.again(lines, "    ")
            else:
                self.definition(lines, "    ")
        return lines

    def definition(self, lines, indent):
        shape = self.pick([(), (), (self.dim(),), (self.dim(), self.dim()), (self.dim(), self.dim()),
                           ("A", self.dim(), "A")])
        name = self.fresh("v")
        if shape and self.chance(0.5):
            mark = len(self.indices)
            names = [self.open_index(d) for d in shape]
            body = self.scalar(2 if len(shape) < 3 else 1)
            del self.indices[mark:]
            left = ", ".join(f"{n} in {d}" for n, d in zip(names, shape))
            lines.append(f"{indent}{name}[{left}] = {body}")
        else:
            lines.append(f"{indent}{name} = {self.value(shape, 2)}")
        self.values.append((name, shape))

    def again(self, lines, indent):
        """A name gets another value."""
        names = [(n, s) for n, s in self.values if n[0] == "v" and n[1:].isdigit() and len(s) < 3]
        if not names:
            return self.definition(lines, indent)
        name, shape = self.pick(names)
        lines.append(indent + self.pick([f"{name} = {self.value(shape, 2)}", f"{name} += {self.atom(1)}",
                                         f"{name} -= 0.5 * {self.atom(1)}", f"{name} *= tanh({self.scalar(1)})",
                                         f"{name} /= (1.5 + tanh({self.scalar(1)}))"]))
        return None

    # ---- functions of the block

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
        use = self.pick([f"{f}({self.vector('A', 1)})", f"rk4({f}, {self.vector('A', 1)}, 0.1)",
                         f"euler({f}, {self.vector('A', 1)}, 0.2)"])
        lines.append(f"{indent}{name} = 0.5 * {use}")
        self.values.append((name, ("A",)))

    def function_argument(self, lines, indent):
        """A function of numbers, given to one of the file that takes functions."""
        f, z = self.fresh("g"), self.fresh("z")
        mark = len(self.values)
        self.values.append((z, ()))
        body = self.scalar(2)
        del self.values[mark:]
        lines.append(f"{indent}{f}({z}) = tanh({body})")
        name = self.fresh("v")
        first = self.pick([f, "sin", "tanh", "softplus", f])
        lines.append(f"{indent}{name} = " + self.pick(
            [f"twice({first}, {self.scalar(1)})", f"blend({f}, {first}, {self.scalar(1)}, {self.scalar(1)})",
             f"total({first}, {self.vector(self.dim(), 1)})"]))
        self.values.append((name, ()))

    def two_values(self, lines, indent):
        f, x, y = self.fresh("g"), self.fresh("z"), self.fresh("z")
        mark = len(self.values)
        self.values += [(x, ()), (y, ("B",))]
        lines.append(f"{indent}{f}({x}, {y}[B]) {{ return {self.scalar(1)}, {self.vector('B', 1)} }}")
        del self.values[mark:]
        a, b = self.fresh("v"), self.fresh("v")
        lines.append(f"{indent}{a}, {b} = {f}({self.scalar(1)}, {self.vector('B', 1)})")
        self.values += [(a, ()), (b, ("B",))]

    # ---- parts of arrays

    def slices(self, lines, indent):
        """A vector set part by part."""
        name = self.fresh("v")
        lines.append(f"{indent}{name} = {self.pick(['zeros(C)', 'ones(C)', self.vector('C', 0)])}")
        operation = self.pick(["=", "=", "+=", "-=", "*="])
        parts = [f"{name}[0..A] {operation} {self.vector('A', 1)}", f"{name}[C - A..] {operation} {self.vector('A', 1)}",
                 f"{name}[{self.index_of('C')}] = {self.scalar(2)}",
                 f"{name}[{self.index_of('C')}] {operation} {self.atom(1)}",
                 f"{name}[..A] {operation} {self.vector('A', 1)}", f"{name}[1..3] {operation} [{self.scalar(1)}, {self.scalar(1)}]"]
        lines += [indent + p for p in self.random.sample(parts, self.random.randint(1, 3))]
        self.values.append((name, ("C",)))

    def matrix_parts(self, lines, indent):
        """A matrix set by rows, columns, entries and blocks."""
        name = self.fresh("v")
        rows, columns = self.pick(["A", "B", "C"]), self.pick(["A", "B", "C"])
        lines.append(f"{indent}{name} = {self.pick(['zeros({}, {})'.format(rows, columns), self.matrix(rows, columns, 1)])}")
        operation = self.pick(["=", "=", "+=", "*="])
        i, j = self.fresh("k"), self.fresh("k")
        mark = len(self.indices)
        self.indices += [(i, rows), (j, columns)]
        by_entry = self.scalar(1)
        self.indices[mark:] = [(j, columns)]
        by_column = self.scalar(1)
        del self.indices[mark:]
        parts = [f"{name}[{self.index_of(rows)}] {operation} {self.vector(columns, 1)}",
                 f"{name}[:, {self.index_of(columns)}] {operation} {self.vector(rows, 1)}",
                 f"{name}[{self.index_of(rows)}, {self.index_of(columns)}] {operation} {self.atom(1)}",
                 f"{name}[{i}, {j}] = 0.5 * {name}[{i}, {j}] + {by_entry}",
                 f"{name}[{self.index_of(rows)}, {j}] = {by_column}",
                 f"{name}[{i} in 1..{rows}, {j}] = sin({name}[{i} - 1, {j}])",
                 f"{name}[0, 0..2] {operation} [{self.scalar(0)}, {self.scalar(0)}]"]
        lines += [indent + p for p in self.random.sample(parts, self.random.randint(1, 3))]
        self.values.append((name, (rows, columns)))

    # ---- derivatives in the language

    def derivative(self, lines, indent):
        """By a number, a vector, a matrix or a param; of a number or a vector; up to order 3."""
        kind = self.random.random()
        name = self.fresh("v")
        if kind < 0.4:
            return self.derivative_by_number(lines, indent, name)
        shape = (self.dim(),) if kind < 0.85 else ("A", "B")
        x, f = self.fresh("x"), self.fresh("f")
        lines.append(f"{indent}{x} = 0.7 * {self.value(shape, 1)}")
        self.values.append((x, shape))
        if len(shape) == 1 and self.chance(0.3):
            rows = self.dim()
            lines.append(f"{indent}{f} = {self.vector(rows, 2)} + 0.1 * sum({x}^2)")
            e, made = f"jacobian({f}, {x})", (rows, shape[0])
            if self.chance(0.3):
                e, made = f"dirderiv({f}, {x}, {self.vector(shape[0], 0)})", (rows,)
        else:
            lines.append(f"{indent}{f} = {self.scalar(2)} + 0.1 * sum({x} * sin({x}))")
            forms = [(f"grad({f}, {x})", shape), (f"dirderiv({f}, {x}, {self.value(shape, 0)})", ())]
            if len(shape) == 1:
                forms += [(f"hessian({f}, {x})", shape * 2), (f"grad(sum(grad({f}, {x})^2), {x})", shape),
                          (f"dirderiv(grad({f}, {x}), {x}, {self.vector(shape[0], 0)})", shape),
                          (f"grad(dirderiv({f}, {x}, cos({x})), {x})", shape),
                          (f"trace(hessian({f}, {x}))", ()), (f"jacobian(grad({f}, {x}), {x})", shape * 2)]
                if shape != ("C",):
                    forms.append((f"grad(trace(hessian({f}, {x})), {x})", shape))
            e, made = self.pick(forms)
        lines.append(f"{indent}{name} = 0.2 * {e}")
        self.values.append((name, made))
        return None

    def derivative_by_number(self, lines, indent, name):
        x, f = self.fresh("x"), self.fresh("f")
        lines.append(f"{indent}{x} = 0.0 + {self.atom(1)}")
        self.values.append((x, ()))
        if self.chance(0.25):
            dim = self.dim()
            lines.append(f"{indent}{f} = {self.vector(dim, 2)} * sin({x})")
            lines.append(f"{indent}{name} = 0.2 * deriv({f}, {x})")
            self.values.append((name, (dim,)))
            return
        lines.append(f"{indent}{f} = {self.scalar(2)}")
        order = self.pick([f"deriv({f}, {x})", f"deriv({f}, {x})", f"deriv(deriv({f}, {x}), {x})", f"grad({f}, p)",
                           f"deriv(deriv(deriv({f}, {x}), {x}), {x})", f"sum(grad({f}, q))", f"deriv(sum(grad({f}, q)), {x})",
                           f"deriv({f} * stop_gradient({f}), {x})"])
        if len(indent) > 4 and re.search(r"\b[chv]\d", " ".join(lines[-2:])):
            order = re.sub(r", [pq]\)", f", {x})", order).replace("sum(", "(")  # not through earlier steps of the loop
        lines.append(f"{indent}{name} = 0.2 * {order}")
        self.values.append((name, ()))

    # ---- loops

    def loop_head(self, dim, step, carried, record):
        low = self.pick(["0", "1"]) if size(dim) else "0"
        head = self.pick([f"for {step} in {low}..{dim}", f"for {step} in {dim}"]) if low == "1" else f"for {step} in {dim}"
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
        return head

    def step_of(self, name, shape, mark):
        """What a step of a loop does with a carried name."""
        if not shape:
            return self.pick([f"{name} = tanh({self.scalar(2)})", f"{name} += 0.3 * {self.atom(2)}",
                              f"{name} = 0.5 * {name} + sin({self.scalar(2)})",
                              f"{name} *= tanh({self.scalar(1)})", f"{name} = if {self.truth(1)} then {name} else sin({self.scalar(1)})"])
        kind = self.random.random()
        if kind < 0.3:
            where = ", ".join(self.index_of(d) for d in shape)
            return self.pick([f"{name}[{where}] = sin({self.scalar(2)})", f"{name}[{where}] += 0.3 * {self.atom(1)}",
                              f"{name}[{where}] *= tanh({self.scalar(1)})"])
        if kind < 0.4 and shape == ("C",):
            return f"{name}[{self.pick(['0..A', 'C - A..', '1..A + 1'])}] {self.pick(['=', '+='])} tanh({self.vector('A', 1)})"
        if kind < 0.5 and len(shape) == 2:
            return self.pick([f"{name}[{self.index_of(shape[0])}] = tanh({self.vector(shape[1], 1)})",
                              f"{name}[:, {self.index_of(shape[1])}] += tanh({self.vector(shape[0], 1)})"])
        if kind < 0.75:
            names = [self.fresh("k") for _ in shape]
            here = len(self.indices)
            self.indices += list(zip(names, shape))
            body = self.scalar(2)
            del self.indices[here:]
            return f"{name}[{', '.join(names)}] = tanh({body})"
        assert mark >= 0
        return f"{name} = 0.5 * tanh({self.value(shape, 2)})"

    def loop(self, lines, indent, depth):
        carried = []
        for _ in range(self.random.randint(1, 2)):
            shape = self.pick([(), (), (self.dim(),), ("A", "B"), ("C",), (self.dim(), "A")])
            name = self.fresh("c")
            lines.append(f"{indent}{name} = {self.value(shape, 1)}")
            self.values.append((name, shape))
            carried.append((name, shape))
        dim = self.dim()
        record = self.fresh("h") if self.chance(0.4) else None
        if record:
            lines.append(f"{indent}{record} = zeros({dim})")
        step = self.fresh("t")
        head = self.loop_head(dim, step, carried, record)
        lines.append(f"{indent}{head} {{")
        inner = indent + "    "
        mark_indices, mark_values = len(self.indices), len(self.values)
        self.indices.append((step, dim))
        if self.chance(0.4):
            self.definition(lines, inner)
        if self.chance(0.1) and self.has("deriv") and depth > 0:
            self.derivative_by_number(lines, inner, self.fresh("v"))
        if self.chance(0.3) and depth > 0:
            self.loop(lines, inner, depth - 1)
        for name, shape in carried:
            lines.append(inner + self.step_of(name, shape, mark_indices))
        if record:
            previous = f" + 0.5 * {record}[{step} - 1]" if "1.." in head else ""
            lines.append(f"{inner}{record}[{step}] = sin({self.scalar(2)}){previous}")
        del self.indices[mark_indices:]
        del self.values[mark_values:]
        lines.append(f"{indent}}}")
        if record:
            self.values.append((record, (dim,)))

    def cells(self, lines, indent):
        """A recurrent layer over the steps of a dim."""
        h, c, t = self.fresh("c"), self.fresh("c"), self.fresh("t")
        dim = self.pick(list(DIMS) + self.open_dims)
        self.indices.append((t, dim))
        x = self.vector("B", 1)
        self.indices.pop()
        lines += [f"{indent}{h} = zeros(A)", f"{indent}{c} = {self.vector('A', 0)}", f"{indent}for {t} in {dim} {{",
                  f"{indent}    {h}, {c} = lstm_cell({x}, {h}, {c}, {self.array(('4', 'A', 'B'), 1)}, "
                  f"{self.array(('4', 'A', 'A'), 1)}, {self.array(('4', 'A'), 1)})", f"{indent}}}"]
        self.values += [(h, ("A",)), (c, ("A",))]
