"""trainer.py LINE SOFTMAX: the trainer's commands, end to end, on two models made by hand."""
import json
import os
import random
import signal
import stat
import struct
import subprocess
import sys
import tempfile
import time

LINE, SOFTMAX = (os.path.abspath(p) for p in sys.argv[1:3])
failures = []


def run(*words, program=LINE, stdin=None, **kwargs):
    return subprocess.run([program, *words], capture_output=True, check=False, timeout=120,
                          input=stdin, **kwargs)


def expect(condition, what):
    if not condition:
        failures.append(f"{sys._getframe(1).f_code.co_name}: {what}")


def write(path, text):
    with open(path, "w", encoding="utf-8", newline="") as file:
        file.write(text)
    return path


def read(path):
    with open(path, "rb") as file:
        return file.read()


def result(*words, program=LINE):
    done = run("train", *words, "-q", "-o", "-", program=program)
    expect(done.returncode == 0, done.stderr)
    return json.loads(done.stdout)["params"]


def line_data(rows, seed=1):
    random.seed(seed)
    pairs = [(random.uniform(-1, 1), random.uniform(-1, 1)) for _ in range(rows)]
    write("rows.csv", "x,y\n" + "".join(f"{x!r},{y!r}\n" for x, y in pairs))
    return pairs


def iris(rows=300, names=("setosa", "versicolor", "virginica")):
    random.seed(3)
    text = "a,b,y\n"
    for i in range(rows):
        k = i % len(names)
        text += f"{random.gauss(k, 0.3)!r},{random.gauss(-k, 0.3)!r},{names[k]}\n"
    return write("iris.csv", text)


def test_textbook_bgd():
    write("line.csv", "x,y\n1,2\n2,4\n3,6\n")
    w = 1.0
    for _ in range(7):
        w -= 0.01 * (((0.0 + 2 * (w * 1 - 2) * 1) + 2 * (w * 2 - 4) * 2 + 2 * (w * 3 - 6) * 3) / 3)
    expect(result("line.csv", "--method=bgd", "--epochs=7")["w"] == w, "the iterates of batch gradient descent")


def test_textbook_sgd():
    pairs = line_data(50)
    w = 1.0
    for _ in range(3):
        for x, y in pairs:
            w -= 0.01 * 2 * (w * x - y) * x
    found = result("rows.csv", "--method=sgd", "--order=file", "--epochs=3")["w"]
    expect(abs(found - w) <= 1e-15 * abs(w), f"{found} is not {w}")


def test_textbook_minibatch():
    pairs = line_data(50)
    w = 1.0
    for _ in range(2):
        for i in range(0, 50, 8):
            batch = pairs[i:i + 8]
            w -= 0.1 * (sum(2 * (w * x - y) * x for x, y in batch) / len(batch))
    found = result("rows.csv", "--method=minibatch", "--batch=8", "--order=file", "--epochs=2", "--rate=0.1")
    expect(abs(found["w"] - w) <= 1e-14 * abs(w), f"{found} is not {w}")


def test_every_method():
    write("line.csv", "x,y\n1,2\n2,4\n3,6\n")
    methods = run("--help").stdout.decode().split("methods:\n")[1].split("\n\n")[0]
    for line in methods.splitlines():
        name = line.split()[0]
        if name == "lm":  # this model has no kernel for it
            continue
        rate = "0.2" if name == "adagrad" else "0.02"  # whose steps shrink
        found = result("line.csv", f"--method={name}", "--epochs=3000", f"--rate={rate}", "--decay=0")
        expect(abs(found["w"] - 2) < 1e-3, f"{name}: {found}")


def test_threads():
    line_data(40000)
    for method in ("bgd", "sgd", "minibatch"):
        words = ("rows.csv", f"--method={method}", "--epochs=3")
        found = {json.dumps(result(*words, f"--threads={n}")) for n in (1, 2, 3, 7)}
        expect(len(found) == 1, f"{method}: {found}")


def test_seed():
    line_data(100)
    words = ("rows.csv", "--method=sgd", "--epochs=2")
    expect(result(*words, "--seed=5") == result(*words, "--seed=5"), "the same seed")
    expect(result(*words, "--seed=5") != result(*words, "--seed=6"), "another seed")


def test_classes():
    iris()
    done = run("train", "iris.csv", "-o", "s.safetensors", "--rate=0.5", "--epochs=300", program=SOFTMAX)
    expect(done.returncode == 0 and b"W = [[" in done.stdout, done.stderr)
    data = read("s.safetensors")
    length = struct.unpack("<Q", data[:8])[0]
    expect(length % 8 == 0, "the header is aligned")
    header = json.loads(data[8:8 + length])
    expect(header["W"] == {"dtype": "F64", "shape": [3, 2], "data_offsets": [0, 48]}, header["W"])
    expect(header["b"] == {"dtype": "F64", "shape": [3], "data_offsets": [48, 72]}, header["b"])
    expect(len(data) == 8 + length + 72, "nothing follows the data")
    meta = header["__metadata__"]
    expect(json.loads(meta["classes"]) == {"y": ["setosa", "versicolor", "virginica"]}, meta)
    expect(json.loads(meta["dims"]) == {"D": 2, "K": 3}, meta)
    done = run("eval", "-m", "s.safetensors", "iris.csv", program=SOFTMAX)
    expect(b"accuracy = 0.9" in done.stdout or b"accuracy = 1.0" in done.stdout, done)
    write("some.csv", "y,b,a\nvirginica,-2,2\nsetosa,0,0\n")
    done = run("eval", "-m", "s.safetensors", "some.csv", program=SOFTMAX)
    expect(b"accuracy = 1.0" in done.stdout, done)
    write("some.csv", "a,b,y\n2,-2,virginica\n2,-2,rose\n")
    done = run("eval", "-m", "s.safetensors", "some.csv", program=SOFTMAX)
    expect(done.returncode == 1 and b"some.csv:3:6: error" in done.stderr and b"none of the classes" in done.stderr, done)
    write("some.csv", "a,c\n2,-2\n")
    done = run("predict", "-m", "s.safetensors", "some.csv", program=SOFTMAX)
    expect(done.returncode == 1 and b"no column `b`, which `x` was trained on" in done.stderr, done)
    done = run("predict", "-m", "s.safetensors", "some.csv", "--columns", "x=a,c", program=SOFTMAX)
    expect(done.returncode == 0, done)
    write("some.csv", "a,b\n2,-2\n")
    done = run("predict", "-m", "s.safetensors", "some.csv", program=SOFTMAX)
    lines = done.stdout.decode().splitlines()
    expect(lines[0] == "y0,y1,y2" and float(lines[1].split(",")[2]) > 0.9, done)
    write("some.csv", "2,-2\n0,0\n")
    expect(run("predict", "-m", "s.safetensors", "some.csv", program=SOFTMAX).stdout.count(b"\n") == 3, "no header")


def test_labels():
    write("labels.csv", "x0,x1,y\n1,0,0\n0,1,2\n1,1,1\n")
    found = result("labels.csv", "--epochs=1", program=SOFTMAX)
    expect(len(found["b"]) == 3, found)
    for label, why in (("-1", "negative"), ("1.5", "whole number"), ("7", "not below 3")):
        write("labels.csv", f"x0,x1,y\n1,0,0\n0,1,{label}\n")
        done = run("train", "labels.csv", "-D", "K=3", program=SOFTMAX)
        expect(done.returncode == 1 and why.encode() in done.stderr and b"labels.csv:3:5:" in done.stderr, done)
    write("labels.csv", "x0,x1,y\n1,0,a\n0,1,b\n1,1,c\n")
    done = run("train", "labels.csv", "-D", "K=2", program=SOFTMAX)
    expect(done.returncode == 1 and b"one class too many" in done.stderr, done)


def test_columns():
    write("c.csv", "id,p,q,r,label\n1,1,0,5,0\n2,0,1,6,1\n")
    found = result("c.csv", "--columns", "x=p..r y=label", "--epochs=0", program=SOFTMAX)
    expect(len(found["W"][0]) == 3, found)
    for columns, why in (("x=p,p y=label", "twice"), ("x=w", "no column `w`"), ("z=p", "no argument `z`"),
                         ("x=r..p y=label", "after"), ("x", "NAME=COLUMNS"), ("x=p y=labl", "did you mean `label`")):
        done = run("train", "c.csv", "--columns", columns, program=SOFTMAX)
        usage = why in ("no argument `z`", "NAME=COLUMNS")
        expect(done.returncode == 1 + usage and why in done.stderr.decode(), (columns, done.stderr))
    for names in ("x0,x1,id,y", "x1,x2,id,y", "x[0],x[1],id,y"):
        write("c.csv", names + "\n1,2,9,0\n2,3,9,1\n")
        expect(len(result("c.csv", "--epochs=0", program=SOFTMAX)["W"][0]) == 2, names)


def test_wrong_usage():
    write("line.csv", "x,y\n1,2\n2,4\n3,6\n")
    for words, why in ((["--delimiter=xx"], "such as ';'"), (["--columns=q=a"], "no argument `q`"),
                       (["--header=perhaps"], "auto, yes or no"), (["--sample=x"], "has no `dim T = rows`")):
        done = run("train", "line.csv", *words)
        expect(done.returncode == 2 and why in done.stderr.decode(), (words, done))
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run([LINE, "--help"], stdout=full, stderr=subprocess.PIPE, check=False, timeout=60)
        expect(done.returncode == 1 and b"cannot write standard output" in done.stderr, done)


def test_not_utf8():
    with open("latin.csv", "wb") as file:
        file.write(b"a,b,y\n1,2,x\n1,2,caf\xe9\n")
    done = run("train", "latin.csv", program=SOFTMAX)
    expect(done.returncode == 1 and b"latin.csv:3:5: error" in done.stderr and b"is not UTF-8" in done.stderr, done)
    with open("latin.csv", "wb") as file:
        file.write(b"a,caf\xe9,y\n1,2,x\n1,2,z\n")
    done = run("train", "latin.csv", program=SOFTMAX)
    expect(done.returncode == 1 and b"latin.csv:1:1: error: the name of column 2 is not UTF-8" in done.stderr, done)
    write("good.csv", "a,b,y\n1,2,x\n1,2,caf\u00e9 \u6f22 \U0001f600\n")
    expect(run("train", "good.csv", "-q", program=SOFTMAX).returncode == 0, "UTF-8")


def test_too_many():
    """An index that would make the params too many for any memory: which, and where."""
    write("huge.csv", "a,b,y\n1,2,0\n1,2,9000000000000000\n")
    done = run("train", "huge.csv", program=SOFTMAX)
    text = done.stderr.decode()
    expect(done.returncode == 1 and "`K` is 9000000000000001 by the largest of `y` (huge.csv:3)" in text, done)


def test_stdin_and_pipes():
    line_data(5000)
    data = read("rows.csv")
    done = run("train", "-", "-q", "-o", "-", stdin=data)
    expect(json.loads(done.stdout)["params"] == result("rows.csv"), done.stderr)
    cut = run("train", "-", stdin=data[:1000] + b"oops\n")
    expect(cut.returncode == 1 and b"<stdin>:" in cut.stderr, cut)


def test_long_lines():
    write("long.csv", "x,note,y\n1," + "z" * 3000000 + ",2\n2,\"" + "q\n" * 1500000 + "\",4\n3,,6\n")
    expect(result("long.csv", "--epochs=3") == result(write("line.csv", "x,y\n1,2\n2,4\n3,6\n"), "--epochs=3"), "skipped")
    write("long.csv", "x,note,y\n1," + "z" * 3000000 + ",2\n2,\"" + "q\n" * 1500000 + "\",4z\n3,,6\n")
    done = run("train", "long.csv")
    expect(b"long.csv:1500003:3: error" in done.stderr, done.stderr)
    write("long.csv", "x,y\n1," + "1" * 3000000 + "\n")
    expect(b"longer than a million" in run("train", "long.csv").stderr, "a number without end")


def test_wide():
    width = 3000
    write("wide.csv", ",".join(f"x{i}" for i in range(width)) + ",y\n" +
          "".join(",".join(["0.5"] * width) + f",{k}\n" for k in range(3)))
    expect(len(result("wide.csv", "--epochs=0", program=SOFTMAX)["W"][0]) == width, "columns")


def test_npy():
    def npy(path, rows, kind="<f8", form="d", order="False"):
        head = f"{{'descr': '{kind}', 'fortran_order': {order}, 'shape': ({len(rows)}, {len(rows[0])}), }}"
        head = head.ljust(117) + "\n"
        with open(path, "wb") as file:
            file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head.encode())
            for row in rows:
                file.write(struct.pack(f"{'>' if kind[0] == '>' else '<'}{len(row)}{form}", *row))
        return path
    rows = [(1, 2), (2, 4), (3, 6)]
    expected = result(write("line.csv", "x,y\n1,2\n2,4\n3,6\n"))
    for kind, form in (("<f8", "d"), ("<f4", "f"), ("<i8", "q"), ("<i4", "i"), (">f8", "d"), ("|u1", "B")):
        expect(result(npy("a.npy", rows, kind, form)) == expected, kind)
    npy("a.npy", rows)
    write("b.npy", "")
    with open("b.npy", "wb") as file:
        file.write(read("a.npy")[:-3])
    expect(b"cut" in run("train", "b.npy").stderr, "a cut file")
    done = run("train", npy("a.npy", [(1, 2), (float("nan"), 4)]))
    expect(done.returncode == 1 and b"not finite" in done.stderr, done)


def test_formats():
    write("line.csv", "x,y\n1,2\n2,4\n3,6\n")
    for name in ("l.safetensors", "l.json"):
        done = run("train", "line.csv", "-o", name, "-q")
        expect(done.returncode == 0 and not done.stdout, done)
        done = run("predict", "-m", name, "line.csv")
        expect(done.stdout.decode().splitlines()[0] == "y" and done.returncode == 0, done)
        done = run("train", "line.csv", "-m", name, "-q", "-o", "-", "--epochs=0")
        expect(abs(json.loads(done.stdout)["params"]["w"] - 2) < 1e-3, "a start from a result")
    run("train", "line.csv", "--method=bgd", "-o", "l.csv", "-q")
    expect(read("l.csv").startswith(b"name,value\nw,1.99"), read("l.csv"))
    iris(30)
    run("train", "iris.csv", "-o", "s.out", "--format=csv", "-q", program=SOFTMAX)
    expect(b'"W[2,1]",' in read("s.out"), read("s.out"))
    run("predict", "-m", "l.json", "line.csv", "-o", "p.csv")
    expect(read("p.csv") == run("predict", "-m", "l.json", "line.csv").stdout, "predict -o")


def test_damaged_results():
    write("line.csv", "x,y\n1,2\n2,4\n3,6\n")
    run("train", "line.csv", "--method=bgd", "-o", "l.safetensors", "-q")
    run("train", "line.csv", "--method=bgd", "-o", "l.json", "-q")
    whole = read("l.safetensors")
    for n in list(range(0, len(whole), 7)) + [len(whole) - 1]:
        with open("cut.safetensors", "wb") as file:
            file.write(whole[:n])
        done = run("eval", "-m", "cut.safetensors", "line.csv")
        expect(done.returncode == 1 and done.stderr, f"cut to {n} bytes: {done}")
    for n in range(len(whole)):
        with open("bad.safetensors", "wb") as file:
            file.write(whole[:n] + bytes([whole[n] ^ 0x11]) + whole[n + 1:])
        done = run("eval", "-m", "bad.safetensors", "line.csv")
        expect(done.returncode in (0, 1), f"byte {n} altered: {done}")
        if n >= len(whole) - 8:
            expect(b"checksum" in done.stderr, f"byte {n} altered: {done}")
    text = read("l.json").decode()
    for old, new in (('"w"', '"v"'), ("0123456789abcdef", "0123456789abcdee"), ('"model": "line"', '"model": "lin"'),
                     ("}", ""), ('"gradc": 1', '"gradc": 2'), ('"w": 1.', '"w": null, "q": 1.'), ('"w": 1.', '"w": [1], "q": 1.')):
        write("bad.json", text.replace(old, new))
        done = run("eval", "-m", "bad.json", "line.csv")
        expect(done.returncode == 1 and b"bad.json" in done.stderr, f"{old} → {new}: {done}")
    write("bad.json", text.replace("0123456789abcdef", "0123456789abcdee"))
    expect(run("eval", "-m", "bad.json", "line.csv", "--force").returncode == 0, "--force")
    for junk in ("", "x", "[1, 2]", "{", "[" * 1000, "hello, world"):
        write("bad.json", junk)
        done = run("eval", "-m", "bad.json", "line.csv")
        expect(done.returncode == 1 and done.stderr, junk)
    iris(30)
    run("train", "iris.csv", "-o", "s.safetensors", "-q", program=SOFTMAX)
    done = run("eval", "-m", "s.safetensors", "line.csv")
    expect(done.returncode == 1 and b"model `softmax`, not of `line`" in done.stderr, done)


def test_diverged():
    write("line.csv", "x,y\n1,2\n\"2\",4\n3,6\n")
    for method in ("bgd", "sgd", "minibatch", "momentum"):
        for order in ("file", "shuffle"):
            done = run("train", "line.csv", "--rate=10", f"--method={method}", f"--order={order}", "-o", "d.json",
                       "--batch=2", "--epochs=1000")
            kept = json.loads(read("d.json"))
            expect(done.returncode == 1, done)
            expect(b"epoch " in done.stderr and (b"line.csv:" in done.stderr or b"the sum over" in done.stderr) and
                   b"w = " in done.stderr, done.stderr)
            expect(kept["objective"] is not None and abs(kept["params"]["w"]) < 1e300, kept)
            os.remove("d.json")
    write("inf.csv", "x,y\n1,2\n1e200,1\n")
    done = run("train", "inf.csv", "-o", "d.json")
    expect(done.returncode == 1 and b"epoch 0, in row 2 (inf.csv:3)" in done.stderr, done)
    expect(not os.path.exists("d.json"), "nothing is written of start values")


def test_usage():
    write("line.csv", "x,y\n1,2\n")
    for words, why in (([], "no command"), (["trian"], "did you mean `train`"), (["train"], "no data"),
                       (["train", "line.csv", "--ephocs=3"], "did you mean `--epochs`"),
                       (["train", "line.csv", "--epochs"], "needs a value"),
                       (["train", "line.csv", "--epochs=x"], "whole number"),
                       (["train", "line.csv", "--epochs=-1"], "at least 0"),
                       (["train", "line.csv", "--rate=fast"], "number"),
                       (["train", "line.csv", "--method=bdg"], "did you mean `bgd`"),
                       (["train", "line.csv", "--order=up"], "file, shuffle or windows"),
                       (["train", "line.csv", "--format=xml"], "safetensors, json or csv"),
                       (["train", "line.csv", "--quiet=1"], "takes no value"),
                       (["train", "line.csv", "--set", "lambda=1"], "no const"),
                       (["train", "line.csv", "-D", "K"], "NAME=VALUE"),
                       (["train", "line.csv", "b.csv"], "more than one"),
                       (["train", "line.csv", "-x"], "unknown option"),
                       (["predict", "line.csv"], "-m FILE"), (["info", "line.csv"], "no data"),
                       (["info", "--rate=1"], "takes no option")):
        done = run(*words)
        expect(done.returncode == 2 and why in done.stderr.decode(), (words, done))
    for words in (["--help"], ["--version"], ["train", "--help"], ["help"], ["info"]):
        done = run(*words)
        expect(done.returncode == 0 and done.stdout and not done.stderr, (words, done))
    expect(run("train", "nowhere.csv").returncode == 1, "no such file")
    expect(b"folder" in run("train", ".").stderr, "a folder")


def test_consts():
    iris(30)
    free = result("iris.csv", program=SOFTMAX)
    held = result("iris.csv", "--set", "lambda=10", program=SOFTMAX)
    expect(abs(held["W"][0][0]) < abs(free["W"][0][0]), "a penalty")
    run("train", "iris.csv", "-q", "-o", "s.json", "--set", "lambda=10", program=SOFTMAX)
    kept = run("eval", "-m", "s.json", "iris.csv", program=SOFTMAX).stdout
    other = run("eval", "-m", "s.json", "iris.csv", "--set", "lambda=0", program=SOFTMAX).stdout
    expect(kept != other, "consts are kept with the parameters")
    done = run("train", "iris.csv", "--set", "lamda=1", program=SOFTMAX)
    expect(done.returncode == 2 and b"did you mean `lambda`" in done.stderr, done)


def test_check():
    iris(30)
    done = run("check", "iris.csv", program=SOFTMAX)
    expect(done.returncode == 0 and b"agree" in done.stdout, done)


def test_reports():
    write("line.csv", "x,y\n1,2\n2,4\n3,6\n")
    done = run("train", "line.csv", "--method=bgd", "--epochs=20", "--log=log.csv")
    lines = done.stdout.decode().splitlines()
    expect(lines[0].startswith("epoch=0 objective=4.666666666666667 grad_norm="), lines)
    expect(lines[-2].startswith("w = 1.") and lines[-1].startswith("objective = "), lines)
    log = read("log.csv").decode().splitlines()
    expect(len(log) == 22 and log[0] == "epoch,objective,grad_norm,rate", log)
    done = run("train", "line.csv", "--method=bgd", "--epochs=100000")
    expect(b"converged after" in done.stdout, done.stdout[-200:])


def test_signals():
    line_data(20000)
    for number, method in ((signal.SIGINT, "bgd"), (signal.SIGTERM, "sgd"), (signal.SIGTERM, "adam")):
        with subprocess.Popen([LINE, "train", "rows.csv", "--epochs=100000000", f"--method={method}", "-o",
                               "stopped.json", "--tolerance=0", "--rate=1e-9"], stdout=subprocess.PIPE) as child:
            child.stdout.readline()
            time.sleep(0.3)
            child.send_signal(number)
            before = time.time()
            child.communicate(timeout=20)
            expect(child.returncode == 128 + number, child.returncode)
            expect(time.time() - before < 2, "ends soon")
        expect("w" in json.loads(read("stopped.json"))["params"], "parameters are written")


def test_files():
    write("line.csv", "x,y\n1,2\n2,4\n3,6\n")
    for path in ("/dev/full", "nowhere/l.json"):
        done = run("train", "line.csv", "-q", "-o", path)
        expect(done.returncode == 1 and b"cannot write" in done.stderr, done)
    with open("/dev/full", "wb") as full:
        for words in (["train", "line.csv"], ["info"], ["--help"]):
            done = subprocess.run([LINE, *words], stdout=full, stderr=subprocess.PIPE, check=False)
            expect(done.returncode == 1 and b"cannot write" in done.stderr, (words, done))
        run("train", "line.csv", "-q", "-o", "l.json")
        done = subprocess.run([LINE, "predict", "-m", "l.json", "line.csv"], stdout=full, stderr=subprocess.PIPE,
                              check=False)
        expect(done.returncode == 1 and b"cannot write" in done.stderr, done)
    os.chmod("l.json", 0o640)
    os.symlink("l.json", "link.json")
    run("train", "line.csv", "-q", "-o", "link.json", "--epochs=1")
    expect(os.path.islink("link.json"), "a link stays a link")
    expect(stat.S_IMODE(os.stat("l.json").st_mode) == 0o640, "the mode is kept")
    expect(not [n for n in os.listdir(".") if n.startswith("l.json.")], "no temporary files are left")
    done = run("train", "line.csv", "--log=/dev/full")
    expect(done.returncode == 1 and b"cannot write" in done.stderr, done)
    if os.getuid() != 0:
        os.mkdir("closed", 0o500)
        expect(run("train", "line.csv", "-o", "closed/l.json").returncode == 1, "a read-only folder")


def cached(*words, program=LINE):
    """The outcome of a command with a cache in the folder `cache`, and how many files are there."""
    env = dict(os.environ, XDG_CACHE_HOME=os.path.abspath("cache"))
    done = run(*words, "--cache-data", program=program, env=env)
    folder = os.path.join("cache", "gradc", "data")
    return (done.returncode, done.stdout, done.stderr), sorted(os.listdir(folder))


def test_cache_of_data():
    for program, path in ((SOFTMAX, iris()), (LINE, "rows.csv")):
        line_data(500)
        words = ("train", path, "-q", "-o", "-", "--epochs=3")
        plain = run(*words, program=program)
        expected = (plain.returncode, plain.stdout, plain.stderr)
        for _ in range(2):
            outcome, files = cached(*words, program=program)
            expect(outcome == expected, (path, outcome, expected))
            expect(len(files) == 1 and "." not in files[0], files)
        file = os.path.join("cache", "gradc", "data", files[0])
        whole = read(file)
        random.seed(4)
        for _ in range(40):  # a damaged one is as good as none
            damaged = bytearray(whole)
            damaged[random.randrange(len(whole))] ^= 1 << random.randrange(8)
            with open(file, "wb") as out:
                out.write(damaged if random.random() < 0.7 else whole[:random.randrange(len(whole))])
            outcome, _ = cached(*words, program=program)
            expect(outcome == expected, (path, outcome))
        expect(read(file) == whole, "what was damaged is written again")
        with open(path, "a", encoding="utf-8") as out:  # a file that changed is read
            out.write("0.25,0.5" + (",setosa" if program == SOFTMAX else "") + "\n")
        plain = run(*words, program=program)
        outcome, _ = cached(*words, program=program)
        expect(outcome[1] == plain.stdout != expected[1], "the file has changed")
        os.remove(file)
        os.rmdir(os.path.dirname(file))
        open(os.path.dirname(file), "w", encoding="utf-8").close()  # no folder can be made
        env = dict(os.environ, XDG_CACHE_HOME=os.path.abspath("cache"))
        done = run(*words, "--cache-data", program=program, env=env)
        expect(done.stdout == plain.stdout and b"warning: cannot keep the data in" in done.stderr, done)
        os.remove(os.path.dirname(file))
    write("cut.csv", "x,y\n1,2\n2,4")
    for _ in range(2):
        outcome, files = cached("train", "cut.csv", "-q", "--epochs=0")
        expect(b"may have been cut" in outcome[2] and not files, "what was warned of is not kept")


def test_predictions_by_threads():
    line_data(20000)
    run("train", "rows.csv", "-q", "-o", "l.json", "--epochs=2")
    for words in (("predict", "-m", "l.json", "rows.csv"), ("eval", "-m", "l.json", "rows.csv"),
                  ("train", "rows.csv", "--method=minibatch", "--batch=5000", "--epochs=2", "-q", "-o", "-")):
        outcomes = {run(*words, f"--threads={n}").stdout for n in (1, 2, 3, 7)}
        expect(len(outcomes) == 1 and b"" not in outcomes, words)


with tempfile.TemporaryDirectory() as place:
    os.chdir(place)
    for name, function in list(globals().items()):
        if name.startswith("test_") and (len(sys.argv) < 4 or name in sys.argv[3:]):
            function()
    os.chdir("/")
print("\n".join(map(str, failures)) or "all as expected")
sys.exit(bool(failures))
