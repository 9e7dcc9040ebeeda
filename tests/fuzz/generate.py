"""Random well-typed programs of the model language, as text: every construct that the language has.

A program is a list of functions over the same dims, params and consts; some have a loss, or are of
several files, or call C functions. The same seed makes the same program."""
from expressions import DIMS, Function
from statements import Statements

PARAMS = {"p": (), "q": ("B",), "R": ("A", "B"), "V": ("B", "B")}
STARTS = {"p": " = 0.3", "q": " = normal(0, 0.5)", "R": " = uniform(-1, 1)", "V": " = 0.2"}
PRIORS = {"p": " ~ normal(0, 2)", "q": " ~ student_t(4, 0, p^2 + 1)", "R": " ~ cauchy(0, 1)", "V": ""}
BOUNDED = {"s_pos": ((), "> 0", " = 1 ~ gamma(2, 1.5)"), "u_in": (("A",), "in (-1, 2)", " ~ normal(0, 1)"),
           "m_simplex": (("B",), "simplex", " ~ dirichlet([1.5 + z for z in B])"),
           "o_order": (("C",), "ordered", " ~ normal(0, 3)"), "low": ((), "> p", ""), "up": ((), "< 3", " ~ gumbel(0, 1)"),
           "L_low": (("B", "B"), "lower", ""), "S_pd": (("A", "A"), "positive_definite", " ~ wishart(4, identity(A))"),
           "C_cor": (("B", "B"), "correlation", " ~ lkj_corr(2)"), "rows_simplex": (("A", "B"), "simplex", ""),
           "pos_v": (("C",), "> 0", " ~ lognormal(0, 1)"), "box": (("B",), "in (p, p + 1 + q^2)", "")}
LARGE = {"H": ("A", "B", "A"), "K4": ("A", "2", "A", "B"), "Z": ("C - 1",), "Y": ("B", "2 * A")}
DATA = {"G": ("A", "B"), "D": ("C",)}
IMPORTED = """# what a model imports
import "more.model"
const lift = 0.25
square_of(x) = x^2 / (1 + x^2)
scaled(x[n], s) = lift * s * x / (1 + dot(x, x))
"""
MORE = """const base = 1.5
poly(x) = base + x * (0.3 - 0.2 * x)
mixed(x[n, m], y[m]) = sum(tanh(x @ y))
"""
EXTERN = """extern wave(x, y) derivative wave_x, wave
extern wave_x(x, y) derivative wave_xx, wave_x
extern wave_xx(x, y) derivative wave_xxx, wave_xx
extern wave_xxx(x, y) derivative wave, wave_xxx
"""
EXTERN_C = """#include <math.h>
double wave(double x, double y) { return exp(y) * sin(x); }
double wave_x(double x, double y) { return exp(y) * cos(x); }
double wave_xx(double x, double y) { return -wave(x, y); }
double wave_xxx(double x, double y) { return -wave_x(x, y); }
"""
FORMALS = """twice(f(x), z) = f(f(z) + 0.1)
blend(f(x), h(x), a, b) = f(a) * h(b) + f(h(a + b))
total(f(x), u[n]) = sum(f(u[i]) for i)
entry(u[n], j) = u[j] * (1 + j / 4) + (if j == 1 then u[n - 1] else 0)
"""
FEATURES = ("library", "densities", "loops", "deriv", "linalg", "constraints", "data", "locals", "losses", "files", "extern")


class Generator(Statements):
    def written(self, name, shape):
        return f"{name} in {shape}" if isinstance(shape, str) else name + (f"[{', '.join(shape)}]" if shape else "")

    def with_locals(self, result):
        """What nothing uses is not tested."""
        for local, shape in self.values:
            if local[0] in "vch" and local[1:].isdigit() and self.chance(0.8):
                result += f" + {local}" if not shape else f" + sum(sin({local}))"
        return result

    def function(self, index):
        formals = []
        self.open_dims = ["N"] if self.has_open else []
        for _ in range(self.random.randint(1, 3)):
            shape = self.pick([(), (), (self.dim(),), ("A", "C"), "B"])
            formals.append((self.fresh("x" if not isinstance(shape, str) else "k"), shape))
        if all(isinstance(s, str) for _, s in formals):
            formals.append((self.fresh("x"), ()))
        if self.chance(0.06):
            formals.append((self.fresh("x"), ("A", "2", "B", "A")))
        self.labels = []
        if self.chance(0.25):
            self.open_dims.append("n")
            formals.append((self.fresh("x"), self.pick([("n",), ("n", "A"), ("B", "n")])))
        if self.chance(0.2):
            self.labels.append((self.fresh("k"), self.pick(["A", "C"]), "B"))
        self.values = [(n, s) for n, s in formals if not isinstance(s, str)] + list(self.outer)
        self.indices = [(n, s) for n, s in formals if isinstance(s, str)]
        name = f"f{index}"
        written = [self.written(n, s) for n, s in formals] + [f"{n}[{s}] in {of}" for n, s, of in self.labels]
        head = f"{name}({', '.join(written)})"
        lines = self.statements(4)
        if self.has("library") and self.has("loops") and self.chance(0.04):
            self.cells(lines, "    ")
        shape = self.pick([(), (), (), (), (self.dim(),)])
        result = self.value(shape, 3)
        if not shape:
            result = self.with_locals(result)
        if lines:
            text = f"{head} {{\n" + "\n".join(lines) + f"\n    return {result}\n}}\n"
        else:
            text = f"{head} = {result}\n"
        self.functions.append(Function(name, formals, tuple(shape), self.labels) if "n" not in shape
                              else Function(name, [], ("never",)))
        return text

    def definition_item(self):
        """A function without arguments, used by its name alone."""
        self.open_dims, self.labels, self.indices = [], [], []
        self.values = list(self.outer)
        name = self.fresh("phi")
        shape = self.pick([(), ("B",), ("A",)])
        if shape and self.chance(0.5):
            i = self.fresh("i")
            self.indices = [(i, shape[0])]
            text = f"{name}[{i} in {shape[0]}] = {self.scalar(2)}\n"
        else:
            text = f"{name} = {self.value(shape, 2)}\n"
        self.outer.append((name, shape))
        return text

    # ---- losses

    def loss_formals(self, rows):
        self.open_dims = ["T"] if rows else []
        shapes = [("T",), ("T", "A"), ("T",)] if rows else [(), ("B",), ("A",), ("A", "C")]
        formals = [(self.fresh("x"), s) for s in self.random.sample(shapes, 2)]
        label = self.fresh("k")
        self.labels = [(label, "T", self.pick(["A", "B"]))] if rows else []
        self.values = formals + list(self.outer)
        self.indices = [] if rows else [(label, "B")]
        written = [self.written(n, s) for n, s in formals]
        return written + ([f"{n}[{s}] in {of}" for n, s, of in self.labels] if rows else [f"{label} in B"])

    def loss(self):
        """A loss of columns: of one row, or of all rows of a sample; and what stands beside it."""
        rows = self.chance(0.5)
        written = self.loss_formals(rows)
        values, indices = list(self.values), list(self.indices)
        lines = self.statements(3)
        if rows and self.has("loops"):
            self.loop(lines, "    ", 1)
        result = self.with_locals(self.scalar(3))
        text = f"loss({', '.join(written)}) {{\n" + "\n".join(lines) + f"\n    return {result}\n}}\n"
        self.values, self.indices = values, indices
        if self.chance(0.4):
            text += f"forward({', '.join(written)}) = {self.scalar(2)}\n"
            text += f"metric score({', '.join(written)}) = ({self.scalar(1)})^2\nmetric root = sqrt(score)\n"
        self.values, self.indices, self.labels, self.open_dims = list(self.outer), [], [], []
        if self.chance(0.4):
            text += f"penalty = 0.1 * {self.scalar(2)}\n"
        if self.chance(0.4):
            text += f"prior {{\n    a = normal_lpdf({self.scalar(1)}, 0, 1)\n    return a - 0.1 * {self.scalar(1)}\n}}\n"
        if self.chance(0.2):
            text += "train { rate = 0.01; method = sgd; epochs = 2 }\n"
        return text, rows

    # ---- files

    def params(self, loss):
        self.outer = list(PARAMS.items())
        items = [self.written(n, s) + (STARTS[n] if self.chance(0.3) else "")
                 + (PRIORS[n] if loss and self.chance(0.3) else "") for n, s in PARAMS.items()]
        text = "param " + ", ".join(items) + "\n"
        if self.has("constraints"):
            for name in self.random.sample(list(BOUNDED), 2):
                shape, constraint, more = BOUNDED[name]
                more = more if loss and self.chance(0.6) and ("wishart" not in more or self.has("linalg")) \
                    and ("lkj" not in more or self.has("linalg")) else ""
                text += f"param {self.written(name, shape)} {constraint}{more}\n"
                self.outer.append((name, shape))
        if self.chance(0.15):
            name = self.pick(list(LARGE))
            text += f"param {self.written(name, LARGE[name])}\n"
            self.outer.append((name, LARGE[name]))
        return text

    def files(self, count):
        files = {}
        self.has_open = self.chance(0.3)
        loss = self.has("losses") and self.chance(0.3)
        text = "dim " + ", ".join(f"{n} = {v}" for n, v in DIMS.items()) + ", N" * self.has_open + "\n"
        text += self.params(loss)
        if self.has("data"):
            for name, shape in list(DATA.items()) + [("E", ("N", "A"))] * self.has_open:
                text += f"data {self.written(name, shape)}\n"
                self.outer.append((name, shape))
        text += "const w = 0.4\nconst w2 = 2 * w - 0.1\n" + FORMALS
        self.outer += [("w", ()), ("w2", ())]
        if self.has("extern"):
            if self.chance(0.15):
                text += EXTERN
            else:
                self.features = tuple(f for f in self.features if f != "extern")
        if self.has("files") and self.chance(0.2):
            text = 'import "part.model"\n' + text
            files.update({"part.model": IMPORTED, "more.model": MORE})
            self.outer.append(("lift", ()))
            self.functions = [Function("square_of", [("x", ())], ()), Function("poly", [("x", ())], ()),
                              Function("scaled", [("x", ("B",)), ("s", ())], ("B",)),
                              Function("mixed", [("x", ("n", "A")), ("y", ("A",))], ())]
        for _ in range(self.random.choice([0, 0, 1, 2])):
            text += self.definition_item()
        for k in range(count - loss):
            text += "\n" + self.function(k)
        if loss:
            body, rows = self.loss()
            text = ("dim T = rows\n" if rows else "") + text + "\n" + body
        files["program.model"] = text
        return files


def program(seed, count, features=FEATURES):
    """{name of a file: its text}; the model is program.model."""
    return Generator(seed, features).files(count)
