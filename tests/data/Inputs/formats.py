"""formats.py GRADC EXAMPLES FOLDER: libsvm, .npy, .npz, SQLite, missing values, standardised inputs."""
import gzip
import io
import json
import math
import os
import sqlite3
import subprocess
import sys
import zipfile

import numpy as np

gradc, examples, folder = (os.path.abspath(p) for p in sys.argv[1:4])
os.chdir(folder)
failures = []


def run(*words, stdin=None, **environment):
    return subprocess.run(words, input=stdin, capture_output=True, check=False, timeout=60,
                          env={**os.environ, **environment})


def make(name, text=None):
    path = os.path.join(examples, name + ".model")
    if text is not None:
        path = name + ".model"
        write(path, text.encode())
    done = run(gradc, path, "-o", name)
    assert done.returncode == 0, done.stderr.decode()
    return "./" + name


def write(path, data):
    with open(path, "wb") as file:
        file.write(data)


def fail(what, *more):
    failures.append(" ".join(str(m) for m in (what, *more)))


def train(trainer, path, *words, stdin=None, method="lbfgs"):
    """The result of training, or None."""
    done = run(trainer, "train", path, "--method=" + method, "-q", "-o", "out.json", *words, stdin=stdin)
    if done.returncode != 0:
        fail(path, words, done.stderr.decode())
        return None
    with open("out.json", encoding="utf-8") as file:
        return json.load(file)


def bad(trainer, path, *expected, words=(), command="train", stdin=None, **environment):
    """Status 1 and a message with all these words; a result is not touched."""
    write("kept.json", b"old")
    done = run(trainer, command, path, *(["-o", "kept.json"] if command == "train" else []), *words, stdin=stdin,
               **environment)
    error = done.stderr.decode("utf-8", "replace")
    if done.returncode != 1 or any(w not in error for w in expected):
        fail(path, words, "status", done.returncode, repr(error), "expected", expected)
    if command == "train" and open("kept.json", "rb").read() != b"old":
        fail(path, "the result was touched")


def same(a, b, what):
    if a is None or b is None or a["params"] != b["params"]:
        fail(what, "other params:", a and a["params"], b and b["params"])


rng = np.random.default_rng(5)
X = rng.normal(size=(40, 3))
y = X @ [1, 2, 3] + 4 + 0.1 * rng.normal(size=40)
names = np.array(["rot", "grün", "blau"])[np.argmax(X, 1)]


def csv(path, rows, header="x0,x1,x2,y"):
    write(path, (header + "\n" + "".join(",".join(str(v) for v in row) + "\n" for row in rows)).encode())


linreg, softmax = make("linreg"), make("softmax")
csv("a.csv", [[*map(float, r), float(t)] for r, t in zip(X, y)])
wanted = train(linreg, "a.csv")

# ---- .npy, .npz ----
np.save("c.npy", np.c_[X, y])
np.save("fortran.npy", np.asfortranarray(np.c_[X, y]))
np.save("big.npy", np.c_[X, y].astype(">f8"))
np.savez("plain.npz", x=X, y=y)
np.savez_compressed("packed.npz", y=y[:, None], x=np.asfortranarray(X), other=np.arange(7), label="text")
np.savez("big.npz", x=X.astype(">f8"), y=y.astype(">f8"))
write("npz.gz", gzip.compress(open("plain.npz", "rb").read()))
for path in ("c.npy", "fortran.npy", "big.npy", "plain.npz", "packed.npz", "big.npz", "npz.gz"):
    same(train(linreg, path), wanted, path)
same(train(linreg, "-", stdin=open("packed.npz", "rb").read()), wanted, "packed.npz on standard input")
np.savez("upper.npz", X=X, Y=y)
bad(linreg, "upper.npz", "there is no column `y`")
same(train(linreg, "upper.npz", "--columns", "x=X y=Y"), wanted, "upper.npz")
X3 = rng.normal(size=(20, 2, 3))
pixels = make("pixels", "dim H, W\nparam w[H, W]\nloss(x[H, W], y) = (sum(w[i, j] * x[i, j] for i, j) - y)^2\n")
np.savez("three.npz", x=X3, y=np.arange(20.0))
np.savez("three_f.npz", x=np.asfortranarray(X3), y=np.arange(20.0))
three = train(pixels, "three.npz", "-D", "H=2")
same(train(pixels, "three_f.npz", "-D", "H=2"), three, "three_f.npz")
half = X.astype("f2")
np.savez("half.npz", x=half, y=y)
np.savez("half8.npz", x=half.astype("f8"), y=y)
same(train(linreg, "half.npz"), train(linreg, "half8.npz"), "half precision")
csv("names.csv", [[*map(float, r), n] for r, n in zip(X, names)])
labels = train(softmax, "names.csv", "--epochs=20")
for kind in ("<U4", ">U9"):
    np.savez("names.npz", x=X, y=names.astype(kind))
    named = train(softmax, "names.npz", "--epochs=20")
    same(named, labels, f"texts of type {kind}")
    if named["classes"] != {"y": ["blau", "grün", "rot"]}:
        fail("classes", named["classes"])
np.savez("bytes.npz", x=X, y=np.array(["rot", "grun", "blau"])[np.argmax(X, 1)].astype("S"))
same(train(softmax, "bytes.npz", "--epochs=20"), labels, "bytes")

hole = X.copy()
hole[16, 1] = math.nan
np.savez("hole.npz", x=hole, y=y)
bad(linreg, "hole.npz", "hole.npz: row 17: error: column `x[1]` (for `x`): `nan` is not finite")
np.savez("rows.npz", x=X, y=y[:-1])
bad(linreg, "rows.npz", "`x` has 40 rows, and `y` 39")
np.savez("object.npz", x=X, y=np.array([None] * 40))
bad(linreg, "object.npz", "object.npz/y.npy: an array of Python objects")
odd = {"names": np.array(["a", None]), "none": X[:0], "z": y * 1j}  # that nobody asks for
np.savez("odd.npz", **odd, x=X, y=y)
same(train(linreg, "odd.npz"), wanted, "arrays that cannot be read beside others")
bad(linreg, "odd.npz", "odd.npz/z.npy: elements of type `<c16` are not read", words=("--columns", "x=x y=z"))
np.savez("odd.npz", **odd)
bad(linreg, "odd.npz", "odd.npz/names.npy: an array of Python objects")
np.savez("huge.npz", x=X[:2], y=np.array(["a" * 300_000, "b"]))
bad(linreg, "huge.npz", "texts of no bytes, or of more than a million")
line = make("line")
for count in (131062, 131064, *range(131068, 131076)):  # the last bytes of input hold more than a block of output
    np.savez_compressed("zeros.npz", x=np.zeros(count), y=np.zeros(count))
    train(line, "zeros.npz", "--epochs=1")
short = bytearray(open("zeros.npz", "rb").read())
entry = short.index(b"PK\1\2")  # of x.npy: less deflated bytes than there are
short[entry + 20:entry + 24] = (int.from_bytes(short[entry + 20:entry + 24], "little") - 8).to_bytes(4, "little")
write("short.npz", short)
bad(line, "short.npz", "short.npz/x.npy: error: the member is damaged", "it is cut")
np.savez("complex.npz", x=X, y=y * 1j)
bad(linreg, "complex.npz", "elements of type `<c16` are not read")
np.savez("records.npz", x=X, y=np.zeros(40, dtype=[("a", "f8")]))
bad(linreg, "records.npz", "an array of records")
np.savez("text.npz", x=X, y=np.array(["1.5x"] * 40))
bad(linreg, "text.npz", "row 1: error: column `y` (for `y`): `1.5x` is no number", "39 more")
np.savez("empty.npz", x=X[:0], y=y[:0])
bad(linreg, "empty.npz", "the array has no rows")
write("cut.npy", open("c.npy", "rb").read()[:-8])
bad(linreg, "cut.npy", "is cut")
whole = open("plain.npz", "rb").read()
write("cut.npz", whole[:-30])
bad(linreg, "cut.npz", "the archive is damaged", "may have been cut")
write("front.npz", whole[200:])
bad(linreg, "front.npz", "error")
flipped = bytearray(whole)
flipped[whole.index(X.tobytes()) + 100] ^= 1
write("flipped.npz", flipped)
bad(linreg, "flipped.npz", "flipped.npz/x.npy: error: the member is damaged", "its checksum does not agree")
with zipfile.ZipFile("sheet.xlsx", "w") as archive:
    archive.writestr("xl/workbook.xml", "<x/>")
bad(linreg, "sheet.xlsx", "a zip archive without .npy arrays (a spreadsheet?)")


def liar(shape, data=bytes(8)):
    """An array whose header promises more than there is."""
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, {"descr": "<f8", "fortran_order": False, "shape": shape})
    return buffer.getvalue() + data


write("liar.npy", liar((10**12, 3)))
bad(linreg, "liar.npy", "is cut")
with zipfile.ZipFile("liar.npz", "w", zipfile.ZIP_DEFLATED) as archive:
    archive.writestr("x.npy", liar((10**9, 3)))
    archive.writestr("y.npy", liar((10**9,)))
bad(linreg, "liar.npz", "the array has 24000000000 bytes by its shape")
write("liar.gz", gzip.compress(liar((10**18, 3))))
bad(linreg, "liar.gz", "error")

# ---- SQLite ----
base = sqlite3.connect("s.db")
base.execute("create table t (x0 real, x1 real, x2 real, y real)")
base.executemany("insert into t values (?, ?, ?, ?)", [[*map(float, r), float(t)] for r, t in zip(X, y)])
base.commit()
for path in ("sqlite:s.db", "s.db", "sqlite:s.db?table=t", "sqlite:s.db?query=select y, x0, x1, x2 from t;  "):
    same(train(linreg, path), wanted, path)
base.execute("create table names (x0 real, x1 real, x2 real, y text)")
base.executemany("insert into names values (?, ?, ?, ?)", [[*map(float, r), str(n)] for r, n in zip(X, names)])
base.execute("create table odd (x0, x1, x2, y)")
base.executemany("insert into odd values (?, ?, ?, ?)", [(1, 2.5, "3", 4), (1, None, 3, 4), (1, "a", 3, b"z")])
base.commit()
same(train(softmax, "sqlite:s.db?table=names", "--epochs=20"), labels, "texts from SQLite")
bad(linreg, "s.db", "which table?", "`names`, `odd`, `t`")
bad(linreg, "sqlite:s.db?table=odd", "s.db: row 2: error: column `x1` (for `x`): the field is NULL", "2 more")
bad(linreg, "sqlite:s.db?query=select * from odd where x1='a'", "row 1: error: column `x1` (for `x`): `a` is no number")
bad(linreg, "sqlite:s.db?query=select x0,1 x1,x2,y from odd", "row 3", "column `y` (for `y`): the field is a blob")
bad(linreg, "sqlite:s.db?query=selct", "the query cannot be run: near \"selct\"")
bad(linreg, "sqlite:s.db?query=delete from t", "the query gives no columns")
bad(linreg, "sqlite:s.db?query=insert into t values(1,2,3,4) returning x0,x1,x2,y", "readonly")
bad(linreg, "sqlite:s.db?query=select 1; select 2", "more than one statement")
bad(linreg, "sqlite:s.db?query=select * from t where 0", "the query gives no rows")
bad(linreg, "sqlite:s.db?", "expected sqlite:FILE?query=")
bad(linreg, "sqlite:none.db", "cannot open `none.db`")
bad(linreg, "sqlite:a.csv", "not a database")
bad(linreg, "s.db", "without the library `/none`", "libsqlite3-0", GRADC_LIBSQLITE3="/none")
write("cut.db", open("s.db", "rb").read()[:5000])
bad(linreg, "sqlite:cut.db?table=t", "error")

# ---- libsvm ----
sparse = np.where(rng.random((40, 3)) < 0.5, 0, X)
sparse[0, 2] = 1.5
target = sparse @ [1, 2, 3] + 4
csv("sparse.csv", [[*map(float, r), float(t)] for r, t in zip(sparse, target)])


def svm_line(row, label):
    return f"{float(label)!r} " + " ".join(f"{i + 1}:{float(v)!r}" for i, v in enumerate(row) if v) + "\n"


text = "".join(svm_line(r, t) for r, t in zip(sparse, target))
write("a.svm", text.encode())
write("b.svm", ("# a comment\n\n" + text.replace(" ", "  \t").replace("\n", " # end \r\n", 5)).encode())
write("svm.gz", gzip.compress(text.encode()))
expected = train(linreg, "sparse.csv")
for path in ("a.svm", "b.svm", "svm.gz"):
    same(train(linreg, path), expected, path)
rows = make("rows", """dim T = rows
dim D
param b, w[D]
forward(j[T] in D, v[T]) = b + sum(w[j[t]] * v[t] for t)
loss(j[T] in D, v[T], y) = (forward(j, v) - y)^2
""")
found = train(rows, "a.svm")
if not np.allclose([found["params"]["b"], *found["params"]["w"]], [4, 1, 2, 3], atol=1e-6):
    fail("sparse samples", found["params"])
predicted = run(rows, "predict", "-m", "out.json", "a.svm").stdout.decode().split()[1:]
if not np.allclose(np.array(predicted, float), target, atol=1e-5):
    fail("prediction of sparse samples", predicted[:3])
found = train(rows, "a.svm", "--epochs=300", "--rate=0.05", method="sgd")
if not np.allclose([found["params"]["b"], *found["params"]["w"]], [4, 1, 2, 3], atol=1e-3):
    fail("sparse samples by sgd", found["params"])
train(linreg, "a.svm")
write("narrow.svm", b"1 1:2\n0\n3 2:1\n")
predicted = run(linreg, "predict", "-m", "out.json", "narrow.svm").stdout.decode().split()[1:]
if not np.allclose(np.array(predicted, float), [6, 4, 6], atol=1e-5):
    fail("prediction of a narrow file", predicted)
constant = make("constant", """dim D
param b, w[D]
forward(x[D]) = b
loss(x[D], y) = (sum(w[i] * x[i] for i) + b - y)^2
""")
found = train(constant, "a.svm")
predicted = run(constant, "predict", "-m", "out.json", "a.svm").stdout.decode().split()[1:]
if len(predicted) != 40 or not np.allclose(np.array(predicted, float), 4, atol=1e-6):  # forward needs no values
    fail("prediction without values", predicted[:3])
train(linreg, "a.svm")
write("wide.svm", b"1 1:2\n0 9:1\n")
bad(linreg, "wide.svm", "wide.svm:2: error: index 9 is beyond the 3 values of `x`", words=("-m", "out.json"), command="eval")
for line, *message in (
        ("1 0:5", ":2:3", "`0:5` has index 0; libsvm counts from 1"),
        ("1 2:1 2:3", ":2:7", "has the index of the one before"),
        ("1 2:1 1:3", ":2:7", "a smaller index"),
        ("1 1:2x", ":2:5", "the value `2x` is no number"),
        ("1 1:", ":2:5", "the value `` is empty"),
        ("1 1", ":2:3", "has no colon"),
        ("1 -1:2", ":2:3", "no whole number from 1"),
        ("1 99999999999:2", ":2:3", "no whole number from 1"),
        ("1:2 2:3", ":2:1", "not with its label"),
        ("a 2:3", ":2:1", "the label `a` is no number"),
        ("1 1:nan", ":2:5", "the value `nan` is not finite"),
        ("1 1:1e999", ":2:5", "too large for a double"),
        ("1 1:2\0", ":2:6", "a zero byte"),
        ("1 " + "7" * 2000, ":2:", "more than a thousand characters")):
    write("bad.svm", f"1 1:2\n{line}\n1 1:3\n".encode())
    bad(linreg, "bad.svm", "bad.svm" + message[0], message[1])
write("huge.svm", b"1 1:2\n" + b"1 5000000:1\n")
bad(linreg, "huge.svm", "2 samples of 5000000 values each", "dim T = rows")
bad(softmax, "a.svm", "is no whole number")
bad(linreg, "a.svm", "whose columns have no names", words=("--columns", "x=x"))

# ---- missing values ----
rows_ = [["1", "2", "3", "4"], ["NA", "3", "4", "5"], ["3", "", "7", "6"], ["4", "6", "nan", "7"], ["5", "5", "5", "9"],
         ["6", "8", "7", "null"], ["2", "8", "1", "3"]]
csv("na.csv", rows_)
csv("dropped.csv", [r for r in rows_ if all(v not in ("NA", "", "nan", "null") for v in r)])
bad(linreg, "na.csv", "na.csv:3:1: error", "3 more")
bad(linreg, "na.csv", "na.csv:7:7: error: column `y` (for `y`)", "--na=drop", words=("--na=mean",))
same(train(linreg, "na.csv", "--na=drop"), train(linreg, "dropped.csv"), "--na=drop")
table = [[math.nan if v in ("NA", "", "nan", "null") else float(v) for v in r] for r in rows_ if r[3] != "null"]
means = np.nanmean(np.array(table)[:, :3], axis=0)
csv("half.csv", [[*("" if math.isnan(v) else v for v in r)] for r in table])
csv("filled.csv", [[*(means[i] if math.isnan(v) else v for i, v in enumerate(r))] for r in table])
filled = train(linreg, "filled.csv")
found = train(linreg, "half.csv", "--na=mean")
if not (np.allclose(found["params"]["θ"], filled["params"]["θ"], rtol=1e-9) and np.allclose(found["means"]["x"], means)):
    fail("--na=mean", found, filled)
csv("one.csv", [["", "", "", 1]])
predicted = run(linreg, "predict", "-m", "out.json", "one.csv").stdout.decode().split()[1:]
theta = found["params"]
if not np.allclose(float(predicted[0]), theta["θ₀"] + np.dot(theta["θ"], means)):
    fail("means in predict", predicted)
bad(linreg, "one.csv", "the field is empty", words=("-m", "out.json", "--na=error"), command="predict")
train(linreg, "filled.csv")
bad(linreg, "one.csv", "trained without it", words=("-m", "out.json", "--na=mean"), command="predict")
csv("none.csv", [["NA", 1, 1, 1], ["NA", 2, 2, 2]])
bad(linreg, "none.csv", "no row is left", words=("--na=drop",))
bad(linreg, "none.csv", "value 0 of `x` is missing in all rows", words=("--na=mean",))
np.savez("hole.npz", x=hole, y=y)
np.savez("whole.npz", x=np.delete(hole, 16, 0), y=np.delete(y, 16))
same(train(linreg, "hole.npz", "--na=drop"), train(linreg, "whole.npz"), "--na=drop of .npz")
base.execute("create table holes as select * from t")
base.execute("update holes set x1 = null where rowid in (3, 9, 10)")
base.commit()
same(train(linreg, "sqlite:s.db?table=holes", "--na=drop"),
     train(linreg, "sqlite:s.db?query=select * from t where rowid not in (3, 9, 10)"), "--na=drop of SQLite")
write("holes.svm", b"1 1:2 2:1\n2 1:NA 2:1\n4 1:nan 2:2\n5 1:5 2:1\n")
write("noholes.svm", b"1 1:2 2:1\n5 1:5 2:1\n")
same(train(linreg, "holes.svm", "--na=drop"), train(linreg, "noholes.svm"), "--na=drop of libsvm")
# labels that only rows without a value have are none; a row that is left out may have unknown ones
csv("classes.csv", [[1, 2, 3, "a"], ["NA", 1, 1, "z"], [2, 2, 2, "b"], [1, 1, 1, ""], [5, 1, 2, "c"]])
found = train(softmax, "classes.csv", "--na=drop", "--epochs=3")
if found["classes"]["y"] != ["a", "b", "c"]:
    fail("classes of rows left out", found["classes"])
done = run(softmax, "eval", "-m", "out.json", "--na=drop", "classes.csv")
if b"rows = 3" not in done.stdout:
    fail("eval with --na=drop", done)
csv("near.csv", [[1, 2, 3, "gruen"]])
train(softmax, "names.csv", "--epochs=2")
bad(softmax, "near.csv", "none of the classes", "did you mean `grün`?", words=("-m", "out.json"), command="eval")
blocks = make("blocks", "dim T = rows\nparam a\nloss(x[T], y[T]) = sum((a * x[t] - y[t])^2 for t)\n")
csv("blocks.csv", [["s", 1, 1], ["s", "", 2], ["t", "", 2], ["u", 2, 2], ["u", 3, 3]], "id,x,y")
done = run(blocks, "train", "blocks.csv", "--sample=id", "--na=drop", "-o", "out.json", "-q")
done = run(blocks, "eval", "blocks.csv", "-m", "out.json", "--na=drop")
if b"rows = 3" not in done.stdout or b"samples = 2" not in done.stdout:
    fail("blocks of rows with --na=drop", done)
np.savez("ids.npz", id=2**60 + np.array([0, 0, 1, 1, 1]), x=np.arange(5.0), y=np.arange(5.0))
train(blocks, "ids.npz", "--sample=id")
done = run(blocks, "eval", "ids.npz", "-m", "out.json", "--sample=id")
if b"samples = 2" not in done.stdout:  # both ids are the same double
    fail("samples of large whole numbers", done)

# ---- standardised inputs, of a model whose penalty is in their units ----
scaled = make("ridge")
csv("far.csv", [[1e6 + float(a), float(b) * 1e-3, 5, float(t)] for (a, b, _), t in zip(X, y)])
found = train(scaled, "far.csv", "--standardize", "--set=lambda=0", method="bgd")
inputs = np.loadtxt("far.csv", delimiter=",", skiprows=1)[:, :3]
if not np.allclose(found["input_mean"]["x"], inputs.mean(0), rtol=1e-14):
    fail("means", found["input_mean"], inputs.mean(0))
if not np.allclose(found["input_sd"]["x"], [*inputs.std(0)[:2], 1], rtol=1e-9):
    fail("deviations", found["input_sd"], inputs.std(0))
design = np.c_[np.ones(40), inputs[:, :2] - inputs[:, :2].mean(0)]
best = design @ np.linalg.lstsq(design, y, rcond=None)[0]
predicted = run(scaled, "predict", "-m", "out.json", "far.csv").stdout.decode().split()[1:]
if not np.allclose(np.array(predicted, float), best, atol=1e-3):
    fail("predictions of standardised inputs", predicted[:3], best[:3])
objective = found["objective"]
again = run(scaled, "eval", "-m", "out.json", "far.csv").stdout.decode()
if f"objective = {objective}" not in again:
    fail("eval of standardised inputs", again, objective)
more = train(scaled, "far.csv", "-m", "out.json", "--epochs=1")
if more["objective"] > objective or more["input_sd"] != found["input_sd"]:
    fail("training goes on", more, objective)
run(scaled, "train", "far.csv", "--standardize", "--set=lambda=0", "-q", "-o", "out.safetensors",
    "--method=lbfgs")
predicted = run(scaled, "predict", "-m", "out.safetensors", "far.csv").stdout.decode().split()[1:]
if not np.allclose(np.array(predicted, float), best, atol=1e-6):
    fail("predictions from safetensors", predicted[:3], best[:3])
done = run(scaled, "export", "-m", "out.safetensors", "-o", "-")
if done.returncode != 0 or b"mean_x[k]" not in done.stdout:
    fail("export of standardised inputs", done)
train(scaled, "far.csv")
bad(scaled, "far.csv", "were trained without it", words=("-m", "out.json", "--standardize"))
found["input_sd"]["x"][0] = 0
write("zero.json", json.dumps(found).encode())
bad(scaled, "far.csv", "`zero.json` is damaged", words=("-m", "zero.json"), command="predict")
found["input_sd"]["x"] = found["input_mean"]["x"] = [1, 2]
write("two.json", json.dumps(found).encode())
bad(scaled, "far.csv", "has 3 values a sample", words=("-m", "two.json"), command="predict")

print("\n".join(failures) or "as expected")
sys.exit(bool(failures))
