"""stream.py LINREG SOFTMAX BLOCKS: data that are larger than memory."""
import os
import random
import resource
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
