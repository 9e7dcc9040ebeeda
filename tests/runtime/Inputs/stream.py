"""stream.py LINREG SOFTMAX BLOCKS: data that are larger than memory."""
import array
import os
import random
import resource
import sqlite3
import subprocess
import sys
import tempfile

LINREG, SOFTMAX, BLOCKS = (os.path.abspath(p) for p in sys.argv[1:4])
LIMIT = 24 << 20
failures = []
NOTE = "temporary files in"


def expect(condition, what):
    if not condition:
        failures.append(f"{sys._getframe(1).f_code.co_name}: {what}")


def run(*words, program=LINREG, limit=0, stdin=None):
    """The process, and the most memory that it had, in bytes."""
    def start():
        if limit:
            resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    with open("out", "wb") as out, open("err", "wb") as err:
        child = subprocess.Popen([program, *words], stdin=stdin, stdout=out, stderr=err, preexec_fn=start)
        _, status, usage = os.wait4(child.pid, 0)
    return os.waitstatus_to_exitcode(status), open("out", encoding="utf-8").read(), \
        open("err", encoding="utf-8").read(), usage.ru_maxrss << 10


def read(path):
    if not os.path.exists(path):
        return b""
    with open(path, "rb") as file:
        return file.read()


def write_rows(path, rows, labels=None):
    random.seed(5)
    lines = []
    for i in range(997):
        x = [random.gauss(0, 1) for _ in range(4)]
        y = labels[i % len(labels)] if labels else repr(x[0] + 2 * x[1] - x[2] + 0.5 + random.gauss(0, 0.1))
        lines.append(",".join(map(repr, x)) + f",{y}\n")
    with open(path, "w", encoding="utf-8") as file:
        file.write("x0,x1,x2,x3,y\n")
        for i in range(rows // 997 + 1):
            file.write("".join(lines[k] for k in range(i % 7, 997)))


def test_same_bits():
    for words in (["--method=bgd", "--epochs=3"], ["--method=lbfgs", "--epochs=4", "--statistics=no"],
                  ["--method=bgd", "--epochs=20", "--statistics=yes"], ["--method=lm", "--epochs=2"],
                  ["--method=sgd", "--epochs=2", "--order=file"], ["--method=sgd", "--epochs=2", "--order=windows"],
                  ["--method=adam", "--epochs=2", "--order=windows", "--batch=1000", "--seed=9"],
                  ["--method=minibatch", "--epochs=1", "--order=file", "--batch=777"],
                  ["--method=svrg", "--epochs=1", "--order=windows", "--batch=100", "--rate=1e-4"]):
        status, _, error, _ = run("train", "rows.csv", "-q", "-o", "memory.json", *words)
        expect(status == 0 and NOTE not in error, f"{words}: {status} {error}")
        status, _, error, memory = run("train", "rows.csv", "-q", "-o", "disk.json", *words, limit=LIMIT)
        expect(status == 0 and NOTE in error, f"{words}: {status} {error}")
        expect(read("memory.json") == read("disk.json"), f"{words}: other bits")
        expect(memory < LIMIT, f"{words}: {memory} bytes")
    disk = [run("train", "rows.csv", "-q", "-o", f"disk{i}.json", "--method=sgd", "--epochs=2", "--stream", order)
            for i, order in enumerate(("--order=shuffle", "--order=windows"))]
    expect(disk[0][0] == disk[1][0] == 0 and read("disk0.json") == read("disk1.json"), "shuffle is by windows")


def test_flat():
    one = run("train", "rows.csv", "-q", "--method=bgd", "--statistics=no", "--epochs=1", "--stream")[3]
    ten = run("train", "rows.csv", "-q", "--method=bgd", "--statistics=no", "--epochs=10", "--stream")[3]
    expect(ten < 1.1 * one, f"{one} bytes for an epoch, {ten} for ten")


def test_input():
    run("train", "rows.csv", "-q", "-o", "memory.json", "--method=bgd", "--epochs=2")
    with open("rows.csv", "rb") as file:
        status, _, error, _ = run("train", "-", "-q", "-o", "disk.json", "--method=bgd", "--epochs=2", "--memory=1M",
                                  stdin=file)
    expect(status == 0 and "<stdin>" in error and NOTE in error, f"{status} {error}")
    expect(read("memory.json") == read("disk.json"), "other bits")


def test_labels():
    """Numbered by their order, which is known at the end."""
    write_rows("labels.csv", 90000, ["pear", "apple", "fig"])
    for words in (["--method=sgd", "--epochs=2", "--order=windows"], ["--method=bgd", "--epochs=2"]):
        run("train", "labels.csv", "-q", "-o", "memory.json", *words, program=SOFTMAX)
        status, _, error, _ = run("train", "labels.csv", "-q", "-o", "disk.json", *words, "--memory=200k",
                                  program=SOFTMAX)
        expect(status == 0 and NOTE in error and read("memory.json") == read("disk.json"), f"{words}: {error}")
    for command in ("predict", "eval"):
        memory = run(command, "-m", "memory.json", "labels.csv", program=SOFTMAX)
        disk = run(command, "-m", "memory.json", "labels.csv", "--stream", program=SOFTMAX)
        expect(memory[0] == disk[0] == 0 and NOTE in disk[2], f"{command}: {disk[2]}")
        expect(memory[1].splitlines()[:3] == disk[1].splitlines()[:3], f"{command}: other values")


def write_gaps(path, text):
    """The rows, some of them without a value, some with a label that no other has."""
    rows = text.splitlines()
    for i in range(5, len(rows), 11):
        fields = rows[i].split(",")
        fields[i % 4] = ""
        fields[4] = "rare" if i % 3 == 0 else fields[4]
        rows[i] = ",".join(fields)
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(rows) + "\n")


def same(words, source="rows.csv", program=LINREG, memory="200k"):
    """The result in memory and on disk is the same; so is what the run says."""
    status, _, error, _ = run("train", source, "-q", "-o", "memory.json", *words, program=program)
    expect(status == 0 and NOTE not in error, f"{words}: {status} {error}")
    status, _, disk, _ = run("train", source, "-q", "-o", "disk.json", *words, f"--memory={memory}", program=program)
    expect(status == 0 and NOTE in disk, f"{words}: {status} {disk}")
    expect(read("memory.json") == read("disk.json"), f"{source} {words}: other bits")
    told = [line for line in disk.splitlines() if NOTE not in line]
    expect(told == error.splitlines(), f"{words}: {told} instead of {error}")


def test_missing():
    """Rows that are left out, means, and labels of rows that are left out."""
    write_gaps("gaps.csv", read("labels.csv").decode())
    for na in ("--na=drop", "--na=drop --standardize", "--na=drop --epochs=1 --method=sgd --order=windows"):
        same(["--epochs=2", *na.split()], "gaps.csv", SOFTMAX)
    numbers = "".join(f"{row.rsplit(',', 1)[0]},{k % 5}\n" if k else row + "\n"
                      for k, row in enumerate(read("labels.csv").decode().splitlines()))
    write_gaps("numbers.csv", numbers.replace("rare", "7"))
    with open("numbers.csv", encoding="utf-8") as file:
        text = file.read().replace("rare", "7")
    with open("numbers.csv", "w", encoding="utf-8") as file:
        file.write(text)
    for words in (["--na=mean", "--epochs=2"], ["--na=drop", "--epochs=2"], ["--na=mean", "--standardize", "--epochs=1"]):
        same(words, "numbers.csv")
        same(words, "numbers.csv", SOFTMAX)
    run("train", "numbers.csv", "-q", "--na=mean", "--standardize", "-o", "memory.json", "--epochs=2")
    told = [run("eval", "-m", "memory.json", "numbers.csv", *words) for words in ([], ["--stream"])]
    expect(told[0][0] == told[1][0] == 0 and NOTE in told[1][2], f"{told}")
    expect(told[0][1].splitlines()[:3] == told[1][1].splitlines()[:3], "eval: other values")


def test_weights():
    with open("weights.csv", "w", encoding="utf-8") as file:
        for k, row in enumerate(read("rows.csv").decode().splitlines()[:40000]):
            file.write(f"{row},{k // 50 % 4 if k else 'w'}\n")
    for words in (["--epochs=2"], ["--method=adam", "--order=windows", "--epochs=1"],
                  ["--method=sgd", "--order=file", "--epochs=1"], ["--method=lm", "--epochs=2", "--standardize"]):
        same(["--weights=w", *words], "weights.csv", memory="100k")
    with open("weights.csv", "a", encoding="utf-8") as file:
        file.write("1,1,1,1,1,-1\n")
    status, _, error, _ = run("train", "weights.csv", "-q", "--stream", "--weights=w")
    expect(status == 1 and "weights.csv:40001: error: the weight `w` is -1" in error, error)


def write_array(path, kind, count, values, fortran=False):
    """Rows of five values, as NumPy writes them (which would make this process large, and with it what it measures)."""
    header = f"{{'descr': '{kind}', 'fortran_order': {fortran}, 'shape': ({count}, 5), }}"
    header += " " * (-(len(header) + 11) % 64) + "\n"
    with open(path, "wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode())
        for piece in values:
            file.write(piece)


def test_arrays():
    """Arrays of .npy in C order, of doubles, floats and whole numbers."""
    random.seed(3)
    table = [random.gauss(0, 10) for _ in range(150000)]
    for kind, code, name in (("<f8", "d", "d.npy"), ("<f4", "f", "f.npy"), (">f8", "d", "b.npy"), ("<i4", "i", "i.npy")):
        values = array.array(code, map(int, table) if code == "i" else table)
        if kind[0] == ">":
            values.byteswap()
        write_array(name, kind, 30000, [values.tobytes()])
        for words in (["--epochs=2"], ["--method=sgd", "--epochs=1", "--order=windows", "--rate=1e-4"],
                      ["--standardize", "--epochs=1"]):
            same(words, name, memory="100k")
    table[12345] = float("nan")
    write_array("gap.npy", "<f8", 30000, [array.array("d", table).tobytes()])
    for na in ("drop", "mean"):
        same([f"--na={na}", "--epochs=2"], "gap.npy", memory="100k")
    write_array("fortran.npy", "<f8", 30000, [array.array("d", table).tobytes()], True)
    status, _, error, _ = run("train", "fortran.npy", "-q", "--stream", "--na=drop")
    expect(status == 1 and "streaming fortran.npy is not supported yet" in error, error)


def test_database():
    with sqlite3.connect("rows.db") as base:
        base.execute("CREATE TABLE t (x0 REAL, x1 REAL, x2 REAL, x3 REAL, y REAL)")
        rows = [tuple(map(float, row.split(","))) for row in read("rows.csv").decode().splitlines()[1:20000]]
        base.executemany("INSERT INTO t VALUES (?, ?, ?, ?, ?)", rows)
    base.close()
    same(["--epochs=2"], "rows.db", memory="100k")
    same(["--epochs=1", "--method=sgd", "--order=windows"], "rows.db", memory="100k")


def test_libsvm():
    with open("rows.svm", "w", encoding="utf-8") as file:
        for k, row in enumerate(read("rows.csv").decode().splitlines()[1:30000]):
            fields = row.split(",")
            file.write(fields[4] + "".join(f" {i + 1}:{fields[i]}" for i in range(4) if (k + i) % 3) + "\n")
            file.write("# nothing\n" if k % 100 == 0 else "")
    for words in (["--epochs=2"], ["--epochs=1", "--method=sgd", "--order=windows"], ["--epochs=1", "--standardize"]):
        same(["-D", "D=4", *words], "rows.svm", memory="100k")
    status, _, error, _ = run("train", "rows.svm", "-q", "--stream")
    expect(status == 1 and "libsvm with -D for its number of values" in error, error)
    with open("rows.svm", "a", encoding="utf-8") as file:
        file.write("1 5:1\n")
    for words in ([], ["--stream"]):
        status, _, error, _ = run("train", "rows.svm", "-q", "-D", "D=4", *words)
        expect(status == 1 and "rows.svm:30300: error: index 5 is beyond the 4 values of `x`" in error, error)


def test_ten_times():
    """A file ten times as large as the memory that there is."""
    limit = 12 << 20
    random.seed(4)
    table = array.array("d", (random.gauss(0, 1) for _ in range(100000)))
    pieces = 10 * limit // (8 * len(table)) + 1
    write_array("large.npy", "<f8", pieces * 20000, (table.tobytes() for _ in range(pieces)))
    text = "".join("%.17g,%.17g,%.17g,%.17g,%.17g\n" % tuple(table[k : k + 5]) for k in range(0, 100000, 5))
    with open("large.csv", "w", encoding="ascii") as file:
        file.write("x0,x1,x2,x3,y\n")
        for _ in range(10 * limit // len(text) + 1):
            file.write(text)
    for name in ("large.npy", "large.csv"):
        expect(os.path.getsize(name) >= 10 * limit, name)
        words = ["train", name, "-q", "--method=bgd", "--statistics=no", "--epochs=2", "-o"]
        status, _, error, _ = run(*words, "disk.json", limit=limit)
        expect(status == 0 and NOTE in error, f"{name}: {status} {error}")
        status, _, error, memory = run(*words, "memory.json")
        expect(status == 0 and NOTE not in error and memory > 5 * limit, f"{name}: {status} {error} {memory}")
        expect(read("disk.json") == read("memory.json"), f"{name}: other bits")
        os.remove(name)


def test_bad():
    for size in ("x", "0", "-1", "5X", ""):
        status, _, error, _ = run("train", "rows.csv", f"--memory={size}")
        expect(status == 2 and f"--memory: expected a size such as 500M or 2G, found `{size}`" in error, error)
    for option in ("--errors=auto", "--cv=3"):
        status, _, error, _ = run("train", "rows.csv", "-q", "--stream", "--epochs=1", option)
        expect(status == 1 and "is not supported yet where the data are on disk" in error, error)
    status, _, error, _ = run("train", "rows.csv", "-q", "--stream", "--epochs=1", "--validate=0.2")
    expect(status == 1 and "a part of data that are on disk is not supported yet" in error, error)
    status, _, error, _ = run("train", "rows.csv", "--stream", program=BLOCKS)
    expect(status == 2 and "are blocks of rows; streaming these is not supported yet" in error, error)
    os.environ["TMPDIR"] = "/nowhere"
    status, _, error, _ = run("train", "rows.csv", "--stream")
    expect(status == 1 and "a temporary file in `/nowhere`: No such file or directory; TMPDIR names" in error, error)
    del os.environ["TMPDIR"]
    status, _, error, _ = run("train", "rows.csv", "-q", "--order=random")
    expect(status == 2 and "--order: expected file, shuffle or windows, found `random`" in error, error)


def test_diverged():
    """The place of a bad row is known wherever it is."""
    text = read("labels.csv").decode().splitlines()
    text[80001] = "1e300,1e300,1e300,1e300,fig"
    rows = [line.rsplit(",", 1)[0] + ",1" if i else line for i, line in enumerate(text)]
    with open("bad.csv", "w", encoding="utf-8") as file:
        file.write("\n".join(rows) + "\n")
    for words in (["--method=sgd"], ["--method=sgd", "--order=file"], ["--method=adam"]):
        status, _, error, _ = run("train", "bad.csv", "-q", "--stream", "--rate=1e-3", "--epochs=1", *words)
        expect(status == 1 and "(bad.csv:80002)" in error, f"{words}: {error}")


def test_checkpoint():
    words = ["train", "rows.csv", "-q", "--stream", "--method=momentum", "--epochs=1", "--rate=1e-3", "--batch=50"]
    run(*words, "-o", "whole.json")
    for _ in range(4):
        child = subprocess.Popen([LINREG, *words, "-o", "again.json", "--checkpoint-every=0.02s", "--resume"],
                                 stderr=subprocess.DEVNULL)
        try:
            child.wait(timeout=random.uniform(0.2, 0.8))
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
    if os.path.exists("again.json.ckpt"):
        status, _, error, _ = run(*words[:3], *words[4:], "-o", "again.json", "--resume")
        expect(status == 1 and "were shuffled by windows, and here they are not; give --stream" in error, error)
    run(*words, "-o", "again.json", "--resume")
    expect(read("whole.json") == read("again.json"), "other bits")


with tempfile.TemporaryDirectory() as place:
    os.chdir(place)
    write_rows("rows.csv", 500000)
    for name, test in list(globals().items()):
        if name.startswith("test_"):
            test()
print("\n".join(failures) or "ok")
sys.exit(bool(failures))
