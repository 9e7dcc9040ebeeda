"""terms.py NORMAL BAD: params in the user's terms, priors, definitions and data arrays, on a model
made by hand; BAD is the same with a start that does not keep its constraint."""
import json
import math
import os
import struct
import subprocess
import sys
import tempfile

NORMAL, BAD = (os.path.abspath(p) for p in sys.argv[1:3])
ROWS = [(1.0, 0.0, 1.2), (0.0, 1.0, -0.7), (1.0, 1.0, 0.9), (2.0, -1.0, 2.6), (-1.0, 0.5, -1.4)]
A = [[1.0, 0.5, 0.0], [0.0, 2.0, -1.0]]
failures = []


def run(*words, program=NORMAL):
    return subprocess.run([program, *words], capture_output=True, check=False, timeout=60, text=True)


def expect(condition, what):
    if not condition:
        failures.append(f"{sys._getframe(1).f_code.co_name}: {what}")


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def npy(path, shape, values):
    header = str({"descr": "<f8", "fortran_order": False, "shape": shape})
    header = header + " " * ((-len(header) - 11) % 64) + "\n"
    with open(path, "wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode()
                   + struct.pack(f"<{len(values)}d", *values))


def table(rows):
    return "".join(",".join(repr(v) for v in row) + "\n" for row in rows)


def features():
    return [[x0 * A[0][k] + x1 * A[1][k] for k in range(3)] for x0, x1, _ in ROWS]


def objective(b, s):
    """(Σ loss − prior)/m, of the flat vector."""
    total = 0.5 * sum(v * v for v in b)
    for z, (_, _, y) in zip(features(), ROWS):
        total += 0.5 * ((y - sum(p * q for p, q in zip(z, b))) / math.exp(s)) ** 2 + s
    return total / len(ROWS)


def gradient(b, s, rows, share):
    g = [v * share for v in b] + [0.0]
    for n in rows:
        z, y = features()[n], ROWS[n][2]
        r = (y - sum(p * q for p, q in zip(z, b))) / math.exp(s)
        for k in range(3):
            g[k] -= r / math.exp(s) * z[k] / len(rows)
        g[3] += (1 - r * r) / len(rows)
    return g


def trained(*words):
    done = run("train", "rows.csv", "-q", "-o", "-", *words)
    expect(done.returncode == 0, done.stderr)
    return json.loads(done.stdout)


def close(found, wanted, what):
    off = max(abs(p - q) for p, q in zip([*found["b"], math.log(found["sigma"])], wanted))
    expect(off < 1e-12, f"{what}: {found} is not {wanted}")


def test_steps():
    """The iterates of each kind of step, priors included."""
    theta = [0.0] * 4
    for _ in range(4):
        g = gradient(theta[:3], theta[3], range(5), 1 / 5)
        theta = [p - 0.05 * q for p, q in zip(theta, g)]
    close(trained("--rate=0.05", "--epochs=4")["params"], theta, "bgd")
    theta = [0.0] * 4
    for n in range(5):
        g = gradient(theta[:3], theta[3], [n], 1 / 5)
        theta = [p - 0.05 * q for p, q in zip(theta, g)]
    words = ("--rate=0.05", "--epochs=1", "--order=file")
    close(trained(*words, "--method=sgd")["params"], theta, "sgd")
    theta = [0.0] * 4
    for rows in ([0, 1], [2, 3], [4]):
        g = gradient(theta[:3], theta[3], rows, 1 / 5)
        theta = [p - 0.05 * q for p, q in zip(theta, g)]
    close(trained(*words, "--method=minibatch", "--batch=2")["params"], theta, "minibatch")


def test_minimum():
    found = trained("--method=lbfgs")
    b, sigma = found["params"]["b"], found["params"]["sigma"]
    expect(abs(objective(b, math.log(sigma)) - found["objective"]) < 1e-14, found)
    expect(max(abs(v) for v in gradient(b, math.log(sigma), range(5), 1 / 5)) < 1e-7, found)
    ab = [sum(p * q for p, q in zip(row, b)) for row in A]
    expect(max(abs(p - q) for p, q in zip(found["definitions"]["Ab"], ab)) < 1e-14, found)
    done = run("check", "rows.csv")
    expect(done.returncode == 0 and "4 derivatives" not in done.stderr, done)


def test_results():
    """What is written is in the user's terms, and goes on where it ended."""
    done = run("train", "rows.csv", "-o", "a.safetensors", "--method=bgd", "--epochs=50")
    expect("sigma = " in done.stdout and "\nAb = [" in done.stdout, done.stdout)
    expect(run("train", "rows.csv", "-q", "-o", "a.json", "--method=bgd", "--epochs=50").returncode == 0, "json")
    expect(run("train", "rows.csv", "-q", "-o", "a.csv", "--method=bgd", "--epochs=50").returncode == 0, "csv")
    with open("a.json", encoding="utf-8") as file:
        found = json.load(file)
    with open("a.csv", encoding="utf-8") as file:
        lines = dict(line.rstrip().rsplit(",", 1) for line in file)
    expect(float(lines["sigma"]) == found["params"]["sigma"] > 0.2, lines)
    expect(float(lines["Ab[1]"]) == found["definitions"]["Ab"][1], lines)
    with open("a.safetensors", "rb") as file:
        data = file.read()
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + length])
    begin = 8 + length + header["sigma"]["data_offsets"][0]
    expect(struct.unpack("<d", data[begin:begin + 8])[0] == found["params"]["sigma"], header)
    expect(header["Ab"]["shape"] == [2], header)
    straight = trained("--method=bgd", "--epochs=60")["params"]
    for path in ("a.safetensors", "a.json"):
        again = trained("-m", path, "--method=bgd", "--epochs=10")["params"]
        expect(abs(again["sigma"] - straight["sigma"]) < 1e-13, f"{path}: {again}, {straight}")
        done = run("eval", "-m", path, "rows.csv")
        expect(f"objective = {found['objective']:.10f}"[:20] in done.stdout, done)


def test_start():
    done = run("train", "rows.csv", program=BAD)
    expect(done.returncode == 1 and "the start of param `sigma` does not keep its constraint" in done.stderr, done)
    found = trained("--epochs=3")
    found["params"]["sigma"] = -1.0
    write("bad.json", json.dumps(found))
    done = run("train", "rows.csv", "-m", "bad.json")
    expect(done.returncode == 1 and "`bad.json`: the value of param `sigma` does not keep its constraint" in done.stderr, done)


def test_info():
    done = run("info")
    for line in ("data A[D, K]", "param sigma (constrained)", "definition Ab[D]"):
        expect(line + "\n" in done.stdout, f"{line} in {done.stdout}")


def test_arrays():
    straight = trained("--epochs=5")["params"]
    npy("B.npy", (2, 3), [v for row in A for v in row])
    write("head.csv", "p,q,r\n" + table(A))
    for path in ("B.npy", "head.csv"):
        expect(trained("--epochs=5", "--data", f"A={path}")["params"] == straight, path)
    os.makedirs("sub", exist_ok=True)
    write("sub/A.csv", table([[5.0, 5.0, 5.0]] * 2))
    write("sub/rows.csv", open("rows.csv", encoding="utf-8").read())
    done = run("train", "sub/rows.csv", "-q", "-o", "-", "--epochs=5")
    expect(json.loads(done.stdout)["params"] != straight, "the one beside the data is taken")
    done = run("train", "-", "-q", "-o", "-", "--epochs=5", "-D", "K=3")
    npy("C.npy", (6,), [0.0] * 6)
    write("D.csv", table([[1.0, 2.0, 3.0]] * 3))
    write("E.csv", "1,2,3\n4,oops,6\n")
    cases = [
        (["--data", "A=C.npy"], 1, "C.npy: error: `A[D, K]` is expected here, and there is the shape (6)"),
        (["--data", "A=D.csv"], 1, "`x` has 3 values a sample (`D` is 3 by data `A`), but 2 columns"),
        (["--data", "A=E.csv"], 1, "E.csv:2:3: error: column `2` (for `A`): `oops`"),
        (["--data", "A=head.csv", "-D", "K=4"], 1, "axis 1 of `A[D, K]` is 3, and `K` is 4 by -D"),
        (["--data", "A=none.csv"], 1, "cannot open `none.csv`"),
        (["--data", "B=D.csv"], 2, "--data: the model has no data `B`"),
        (["--data", "A"], 2, "--data: expected NAME=FILE, found `A`"),
    ]
    for words, status, message in cases:
        done = run("train", "rows.csv", *words)
        expect(done.returncode == status and message in done.stderr, f"{words}: {done}")
    os.rename("A.csv", "elsewhere")
    done = run("train", "rows.csv")
    os.rename("elsewhere", "A.csv")
    expect(done.returncode == 1 and "no data for `A`: give --data A=FILE" in done.stderr, done)


with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    write("rows.csv", "x0,x1,y\n" + table(ROWS))
    write("A.csv", table(A))
    for name, test in list(globals().items()):
        if name.startswith("test_"):
            test()
for failure in failures:
    print(failure)
sys.exit(bool(failures))
