"""kills.py SOFTMAX [KILLS [SEED]]: runs that are killed (kill -9) at random moments, each resumed, end with the bytes
of the run that was left alone, result and log, and leave no file behind. All methods, any number of threads."""
import os
import random
import signal
import subprocess
import sys
import tempfile
import time

PROGRAM = os.path.abspath(sys.argv[1])
KILLS = int(sys.argv[2]) if len(sys.argv) > 2 else 40
SEED = int(sys.argv[3]) if len(sys.argv) > 3 else 1
failures = []
random.seed(SEED)


def read(path):
    with open(path, "rb") as file:
        return file.read()


def data(rows):
    with open("data.csv", "w", encoding="utf-8") as file:
        file.write("a,b,y\n")
        for i in range(rows):
            k = i % 3
            file.write(f"{random.gauss(k, 0.9)!r},{random.gauss(-k, 0.9)!r},{'abc'[k]}\n")


def methods():
    text = subprocess.run([PROGRAM, "train", "--help"], capture_output=True, check=True, text=True).stdout
    names = [line.split()[0] for line in text.split("methods:\n")[1].split("\n\n")[0].splitlines()]
    words = [command(name, 1, []) for name in names]
    fits = [subprocess.run(w, capture_output=True, check=False).returncode == 0 for w in words]
    return [name for name, fit in zip(names, fits) if fit]


def command(method, epochs, extra):
    return [PROGRAM, "train", "data.csv", "-o", "out.json", "-q", "--log=log.csv", f"--method={method}",
            f"--epochs={epochs}", *extra]


def finish(words):
    done = subprocess.run(words, check=False, timeout=300, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{words}: {done.returncode} {done.stderr}")


def whole(words):
    """The run that is left alone: seconds, result, log."""
    start = time.monotonic()
    finish(words)
    return time.monotonic() - start, read("out.json"), read("log.csv")


def fitting(method, extra):
    """So many epochs that a kill finds the run at work."""
    epochs = 40
    while True:
        seconds, result, log = whole(command(method, epochs, extra))
        if seconds > 0.12 or epochs > 1e6:
            return epochs, seconds, result, log
        more = command(method, 4 * epochs, extra)
        if whole(more)[2].count(b"\n") < 3 * epochs:  # it converges before
            return epochs, *whole(command(method, epochs, extra))
        epochs *= 4


def interrupt(words, seconds, number):
    """Starts a run and ends it at a random moment. Has it been killed?"""
    run = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        run.wait(timeout=random.uniform(0.002, 1.1 * seconds))
    except subprocess.TimeoutExpired:
        run.send_signal(number)
    error = run.communicate()[1].decode()
    expected = {0, -signal.SIGKILL} if number == signal.SIGKILL else {0, 128 + number, -number}
    if run.returncode not in expected:
        failures.append(f"{words}: {run.returncode} {error}")
    return run.returncode != 0


def check(method, extra, kills, number):
    epochs, seconds, result, log = fitting(method, extra)
    os.remove("out.json")
    every = random.choice([f"--checkpoint-every={max(1, epochs // random.randrange(2, 30))}",
                           f"--checkpoint-every={seconds / random.randrange(3, 40):.6f}s"])
    words = command(method, epochs, [*extra, every, "--resume"])
    done = 0
    while done < kills:
        if interrupt([*words, f"--threads={random.choice([1, 2, 3])}"], seconds, number):
            done += 1
            continue
        compare(method, extra, every, result, log)
        seconds *= 0.9  # all of it was done before the signal came
    finish(words)
    compare(method, extra, every, result, log)


def compare(method, extra, every, result, log):
    where = f"{method} {extra} {every}"
    if read("out.json") != result:
        failures.append(f"{where}: another result")
    if read("log.csv") != log:
        failures.append(f"{where}: another log")
    left = sorted(set(os.listdir(".")) - {"data.csv", "out.json", "log.csv"})
    if left:
        failures.append(f"{where}: {left} left behind")
        for name in left:
            os.remove(name)


with tempfile.TemporaryDirectory() as place:
    os.chdir(place)
    data(3000)
    kinds = [(name, extra) for name in methods() for extra in ([], ["--order=file"], ["--statistics=no"])]
    kinds = [k for k in kinds if not k[1] or random.random() < 0.3]
    each = -(-KILLS // len(kinds))
    for method, extra in kinds:
        check(method, extra, each, random.choice([signal.SIGKILL] * 3 + [signal.SIGTERM, signal.SIGINT]))
print("\n".join(failures) or f"{each * len(kinds)} interruptions of {len(kinds)} runs: no bit lost")
sys.exit(bool(failures))
