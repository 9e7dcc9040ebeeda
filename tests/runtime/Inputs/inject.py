"""inject.py TRAINER SOFTMAX LIBRARY: each call that may fail does so once, in each command. Every failure
ends with status 1 and a message, the old output whole; or it does no harm at all."""
import os
import subprocess
import sys
import tempfile

LINE, SOFTMAX, LIBRARY = (os.path.abspath(p) for p in sys.argv[1:4])
HARMLESS = {"close", "pthread_create", "aligned_alloc", "realloc"}
failures = []
count = 0


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def each(program, words, output=None):
    global count
    subprocess.run([program, *words], capture_output=True, check=True)
    whole = open(output, encoding="latin-1").read() if output else None
    for number in range(1, 5000):
        if output:
            write(output, "old")
        if os.path.exists("mark"):
            os.remove("mark")
        environment = {**os.environ, "INJECT": str(number), "INJECT_MARK": "mark", "LD_PRELOAD": LIBRARY}
        run = subprocess.run([program, *words], capture_output=True, check=False, env=environment, timeout=60)
        text = open(output, encoding="latin-1").read() if output else None
        if not os.path.exists("mark"):
            if run.returncode != 0:
                failures.append(f"{words}: without a failure: {run}")
            return
        name = open("mark", encoding="utf-8").read()
        count += 1
        where = f"{words}: call {number}, {name}: {run.returncode} {run.stderr.decode()!r}"
        left = [n for n in os.listdir(".") if output and n.startswith(output + ".")]
        if left:
            failures.append(f"{where}: {left} left behind")
            os.remove(left[0])
        if run.returncode == 1:
            if not run.stderr:
                failures.append(f"{where}: no message")
            # a folder that cannot be synced, a log that cannot be closed: the output is there
            if output and text != "old" and not (name in ("fsync", "close") and text == whole):
                failures.append(f"{where}: the output was touched")
        elif run.returncode != 0 or name not in HARMLESS:
            failures.append(where)
        elif output and text == "old":
            failures.append(f"{where}: no output")
    failures.append(f"{words}: no end")


with tempfile.TemporaryDirectory() as place:
    os.chdir(place)
    write("line.csv", "x,note,y\n1,a,2\n2,\"b\n\"\"c\",4\n3,,6\n")
    write("iris.csv", "x0,x1,y\n" + "".join(f"{i % 7},{i % 3},{'abc'[i % 3]}\n" for i in range(100)))
    write("bad.csv", "x,y\n1,2\n2,oops\n")
    subprocess.run([LINE, "train", "line.csv", "-q", "-o", "l.safetensors"], check=True)
    subprocess.run([LINE, "train", "line.csv", "-q", "-o", "l.json"], check=True)
    subprocess.run([SOFTMAX, "train", "iris.csv", "-q", "-o", "s.safetensors", "--epochs=3"], check=True)
    each(LINE, ["train", "line.csv", "-q", "-o", "out.json", "--epochs=2"], "out.json")
    each(LINE, ["train", "line.csv", "-o", "out.safetensors", "--epochs=2", "--log=log.csv"], "out.safetensors")
    each(SOFTMAX, ["train", "iris.csv", "-q", "-o", "out.csv", "--method=adam", "--epochs=2", "--batch=7"], "out.csv")
    each(SOFTMAX, ["train", "iris.csv", "-q", "-o", "out.json", "--method=sgd", "--epochs=2"], "out.json")
    each(LINE, ["predict", "-m", "l.safetensors", "line.csv"])
    each(LINE, ["predict", "-m", "l.json", "line.csv", "-o", "p.csv"], "p.csv")
    each(SOFTMAX, ["eval", "-m", "s.safetensors", "iris.csv"])
    each(SOFTMAX, ["check", "iris.csv", "--columns", "x=x0..x1 y=y"])
    each(LINE, ["info"])
print("\n".join(failures) or f"{count} failures, each with its message")
sys.exit(bool(failures))
