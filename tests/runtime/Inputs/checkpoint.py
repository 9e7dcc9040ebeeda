"""checkpoint.py LINE SOFTMAX QUADRATIC: what --checkpoint-every and --resume say and do."""
import os
import signal
import subprocess
import sys
import tempfile
import time

import numpy as np

LINE, SOFTMAX, QUADRATIC = (os.path.abspath(p) for p in sys.argv[1:4])
failures = []
ENDLESS = ["--epochs=1000000000", "--rate=0.01"]


def expect(condition, what):
    if not condition:
        failures.append(f"{sys._getframe(1).f_code.co_name}: {what}")


def run(*words, program=LINE):
    return subprocess.run([program, "train", *words], capture_output=True, check=False, timeout=120, text=True)


def says(done, status, *texts):
    for text in texts:
        if done.returncode != status or text not in done.stderr:
            failures.append(f"{sys._getframe(1).f_code.co_name}: expected {status} {text!r}: {done}")


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def read(path):
    with open(path, "rb") as file:
        return file.read()


def interrupted(*words, program=LINE, number=signal.SIGTERM, seconds=0.3):
    """A run that a signal ends; the file of its checkpoint stays."""
    run_of = subprocess.Popen([program, "train", *words], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    time.sleep(seconds)
    run_of.send_signal(number)
    start = time.monotonic()
    error = run_of.communicate(timeout=20)[1]
    expect(time.monotonic() - start < 5, f"{words}: it took its time")
    return run_of.returncode, error


def rows(count, slope=2.0):
    return "x,y\n" + "".join(f"{i / count!r},{slope * i / count + 0.1 * (i % 7)!r}\n" for i in range(count))


def clean():
    for name in os.listdir("."):
        if os.path.isfile(name):
            os.remove(name)
    write("line.csv", rows(500))
    write("iris.csv", "x0,x1,y\n" + "".join(f"{i % 7},{i % 3},{'abc'[i % 3]}\n" for i in range(100)))


def start(*words, program=LINE, data="line.csv"):
    clean()
    status, error = interrupted(data, "-q", "-o", "out.json", "--checkpoint-every=200", *ENDLESS, *words,
                                program=program)
    expect(status == 143 and "--resume goes on from `out.json.ckpt`" in error, f"{status} {error}")
    expect({"out.json", "out.json.ckpt", "out.json.ckpt.old"} <= set(os.listdir(".")), os.listdir("."))


def again(*words, program=LINE, data="line.csv"):
    return run(data, "-q", "-o", "out.json", "--resume", *ENDLESS, *words, program=program)


def test_usage():
    clean()
    says(run("line.csv", "--checkpoint-every=5"), 2, "--checkpoint-every: needs -o FILE; the checkpoint is FILE.ckpt")
    says(run("line.csv", "--resume", "-o", "-"), 2, "--resume: needs -o FILE")
    for bad in ("0", "-3", "x", "5d", "s", "0s", "1.5"):
        says(run("line.csv", "-o", "out.json", f"--checkpoint-every={bad}"), 2,
             f"expected a number of epochs, or a time such as 30s, 5m, 1h, found `{bad}`")


def test_from_the_beginning():
    clean()
    done = run("line.csv", "-q", "-o", "out.json", "--resume", "--checkpoint-every=3", "--epochs=10")
    says(done, 0, "there is no checkpoint `out.json.ckpt`; training starts from the beginning")
    expect(sorted(os.listdir(".")) == ["iris.csv", "line.csv", "out.json"], os.listdir("."))


def test_signals():
    for number, expected in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
        for method in ("sgd", "adam", "momentum"):
            clean()
            status, error = interrupted("line.csv", "-q", "-o", "out.json", "--checkpoint-every=1h",
                                        f"--method={method}", *ENDLESS, number=number)
            expect(status == expected and "--resume goes on" in error, f"{method}: {status} {error}")
            expect(os.path.exists("out.json") and os.path.exists("out.json.ckpt"), method)


def test_other_run():
    iris = {"program": SOFTMAX, "data": "iris.csv"}
    start("--method=adam", "--set", "lambda=0.5", **iris)
    says(again("--method=rmsprop", "--set", "lambda=0.5", **iris), 1, "is of a run with --method=adam, not rmsprop")
    says(again("--method=adam", "--set", "lambda=0.6", **iris), 1, "is of a run with --set=lambda=0.5, and this one is "
         "with lambda=0.6")
    says(again("--method=adam", **iris), 1, "is of a run with --set=lambda=0.5, and this one is without")
    says(again("--method=adam", "--set", "lambda=0", "--set", "lambda=0.5", **iris), 1, "with other values of --set")
    says(again("--method=adam", "--set", "lambda=0.5", "--rate=0.02", **iris), 1,
         "`out.json.ckpt` is of a run with --rate=0.01, and this one is with 0.02")
    says(again("--method=adam", "--set", "lambda=0.5", "--batch=7", **iris), 1,
         "is of a run without --batch, and this one is with 7")
    says(again("--method=adam"), 1, "is of model `softmax`, not `line`")
    expect(os.path.exists("out.json.ckpt"), "it is gone")


def test_other_data():
    start("--method=sgd")
    write("line.csv", rows(501))
    says(again("--method=sgd"), 1, "is of a run on 500 rows, and these data have 501")
    write("line.csv", rows(500, 2.5))
    says(again("--method=sgd"), 1, "is of a run on other data: the values of `y` differ")
    start("--method=sgd", program=SOFTMAX, data="iris.csv")
    write("iris.csv", read("iris.csv").decode().replace("c", "d"))
    says(again("--method=sgd", program=SOFTMAX, data="iris.csv"), 1, "is of a run on other data: the values of `y` differ")


def test_damage():
    start("--method=sgd")
    good, old = read("out.json.ckpt"), read("out.json.ckpt.old")
    for bad, text in ((good[:-9], "is cut"), (good[:300] + b"?" + good[301:], "is damaged"), (good + b"x", "is damaged"),
                      (b"", "is no checkpoint"), (b"x,y\n1,2\n" * 20, "is no checkpoint"),
                      (good.replace(b"checkpoint 1", b"checkpoint 9"), "is a checkpoint of another version of gradc")):
        for other, ends in ((old, "the one before it, `out.json.ckpt.old`, is taken"),
                            (bad, "no checkpoint can be used; without --resume training starts from the beginning")):
            with open("out.json.ckpt", "wb") as file:
                file.write(bad)
            with open("out.json.ckpt.old", "wb") as file:
                file.write(other)
            if other == bad:
                says(again("--method=sgd"), 1, f"`out.json.ckpt` {text}", f"`out.json.ckpt.old` {text}", ends)
                continue
            status, error = interrupted("line.csv", "-q", "-o", "out.json", "--resume", "--method=sgd",
                                        *ENDLESS)
            expect(status == 143 and f"`out.json.ckpt` {text}" in error and ends in error, f"{status} {error}")


def test_old_one_is_as_good():
    clean()
    words = ["iris.csv", "-q", "-o", "out.json", "--checkpoint-every=700", "--method=rmsprop", "--epochs=20000",
             "--log=log.csv"]
    run(*words, program=SOFTMAX)
    whole, log = read("out.json"), read("log.csv")
    interrupted(*words, program=SOFTMAX, number=signal.SIGKILL)
    if os.path.exists("out.json.ckpt.old"):
        os.remove("out.json.ckpt")
        done = run(*words, "--resume", program=SOFTMAX)
        says(done, 0, "the one before it, `out.json.ckpt.old`, is taken")
        expect(read("out.json") == whole and read("log.csv") == log, "other bytes")


def test_stopped_at_once():
    """A signal in the first epoch after --resume, again and again, costs no state."""
    clean()
    write("line.csv", rows(100000))
    words = ["line.csv", "-q", "-o", "out.json", "--checkpoint-every=1h", "--method=backtracking", "--epochs=25"]
    whole = run(*words)
    expect(whole.returncode == 0, whole)
    result, stopped = read("out.json"), 0
    for i in range(12):
        status, error = interrupted(*words, "--resume", seconds=0.02 + 0.004 * i)
        stopped += status == 143
        expect(status in (0, 143, -15) and "damaged" not in error, f"{status} {error}")
    done = run(*words, "--resume")
    expect(done.returncode == 0 and read("out.json") == result, done)


def test_log():
    start("--log=log.csv", "--method=sgd")
    os.truncate("log.csv", 100)
    status, error = interrupted("line.csv", "-q", "-o", "out.json", "--resume", "--log=log.csv",
                                "--method=sgd", *ENDLESS)
    expect(status == 143 and "`log.csv` is shorter than it was; lines of it are lost" in error, f"{status} {error}")
    status, error = interrupted("line.csv", "-q", "-o", "out.json", "--resume", "--log=more.csv",
                                "--method=sgd", *ENDLESS)
    expect(status == 143 and read("more.csv").startswith(b"epoch,objective"), f"{status} {error}")


def test_no_place():
    clean()
    says(run("line.csv", "-o", "none/out.json", "--checkpoint-every=5"), 1, "cannot write `none/out.json.ckpt`")
    os.mkdir("full")
    os.symlink("/dev/full", "full/out.json.ckpt")
    says(run("line.csv", "-o", "full/out.json", "--checkpoint-every=5"), 1, "No space left on device")
    words = ["line.csv", "-q", "-o", "sub/out.json", "--checkpoint-every=1", "--method=sgd"]
    os.mkdir("sub")
    run_of = subprocess.Popen([LINE, "train", *words, *ENDLESS], stderr=subprocess.PIPE, text=True)
    time.sleep(0.3)
    os.rename("sub", "gone")
    time.sleep(0.3)
    os.rename("gone", "sub")
    time.sleep(0.1)
    run_of.send_signal(signal.SIGINT)
    error = run_of.communicate(timeout=20)[1]
    expect(run_of.returncode == 130, run_of.returncode)
    expect(error.count("training goes on without new checkpoints, until one can be written") == 1, error)
    expect(os.path.exists("sub/out.json.ckpt"), "no checkpoint")


def test_diverged():
    clean()
    words = ["line.csv", "-q", "-o", "out.json", "--checkpoint-every=2", "--rate=5", "--epochs=5000"]
    says(run(*words), 1, "the last good parameters are kept")
    whole = read("out.json")
    expect(os.path.exists("out.json.ckpt"), "no checkpoint")
    says(run(*words, "--resume"), 1, "the last good parameters are kept")
    expect(read("out.json") == whole, "other bytes")


def test_statistics():
    """A Hessian that is made once is made again."""
    clean()
    write("line.csv", rows(20000).replace("x,y", "x0,y"))
    for method in ("bgd", "lbfgs", "bb"):
        words = ["line.csv", "-q", "-o", "out.json", "--checkpoint-every=40", f"--method={method}", "--epochs=3000",
                 "--statistics=yes", "--log=log.csv"]
        first = run(*words, program=QUADRATIC)
        expect(first.returncode == 0, first.stderr)
        whole, log = read("out.json"), read("log.csv")
        interrupted(*words, program=QUADRATIC, number=signal.SIGKILL, seconds=0.05)
        for seconds in (0.05, 0.08):
            interrupted(*words, "--resume", program=QUADRATIC, number=signal.SIGKILL, seconds=seconds)
        done = run(*words, "--resume", program=QUADRATIC)
        expect(done.returncode == 0 and read("out.json") == whole and read("log.csv") == log, f"{method}: {done}")


def test_within_a_step():
    """newton with many params: a signal comes while a step is looked for."""
    clean()
    random = np.random.default_rng(1)
    x = random.normal(size=(20000, 100)) * np.logspace(0, -2, 100)
    np.save("wide.npy", np.column_stack([x, x @ random.normal(size=100) + 0.1 * random.normal(size=20000)]))
    words = ["wide.npy", "-q", "-o", "out.json", "--checkpoint-every=1000", "--method=newton", "--epochs=4"]
    start = time.monotonic()
    expect(run(*words, program=QUADRATIC).returncode == 0, "no result")
    length = time.monotonic() - start
    whole = read("out.json")
    for share in (0.3, 0.5, 0.7, 0.9):
        interrupted(*words, program=QUADRATIC, seconds=share * length)
        done = run(*words, "--resume", program=QUADRATIC)
        expect(done.returncode == 0 and read("out.json") == whole, f"{share}: {done}")


with tempfile.TemporaryDirectory() as place:
    os.chdir(place)
    for name, test in list(globals().items()):
        if name.startswith("test_"):
            test()
print("\n".join(failures) or "ok")
sys.exit(bool(failures))
