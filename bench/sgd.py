"""sgd.py FOLDER ROWS: the measurements of sgd.sh, with what it put into the folder. An epoch of a trainer is the
difference of two runs that differ in the number of epochs, so that loading and the objective's evaluations cancel."""
import os
import statistics
import subprocess
import sys

FOLDER, ROWS = sys.argv[1], int(sys.argv[2])
ROUNDS, EPOCHS = 7, max(10, 20_000_000 // ROWS)


def processor_time(*command):
    actions = [(os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0)]
    process = os.posix_spawn(command[0], command, os.environ, file_actions=actions)
    _, status, used = os.wait4(process, 0)
    assert status == 0, command
    return used.ru_utime + used.ru_stime


def trainer(kind, options, few, many):
    """Nanoseconds of an epoch, a row."""
    command = [f"{FOLDER}/{kind}", "train", f"{FOLDER}/{kind}.csv", "--rate=0.01", "--report=1000000", "--threads=1",
               "--quiet", "--cache-data", *options]
    spent = [processor_time(*command, f"--epochs={epochs}") for epochs in (few, many)]
    return (spent[1] - spent[0]) / (many - few) / ROWS * 1e9


def peer(kind, *words):
    with open(f"{FOLDER}/{kind}.bin", "rb") as data:
        text = subprocess.run([f"{FOLDER}/{words[0]}", kind, *words[1:]], stdin=data, check=True, capture_output=True,
                              text=True).stdout
    if words[0] == "peer":
        return int(text.split()[1]) / ROWS
    epochs = [int(line) for line in text.split("loss")[0].split()]
    return statistics.median(epochs) / ROWS


def main():
    print(f"| {ROWS} rows, 20 features | gradc, ns a row | expert C, ns a row | ratio |")
    print("| --- | --- | --- | --- |")
    for kind in ("linear", "logistic"):
        for order in ("file", "shuffle"):
            ours, theirs = [], []
            for _ in range(ROUNDS):
                ours.append(trainer(kind, ["--method=sgd", f"--order={order}"], 1, EPOCHS + 1))
                theirs.append(peer(kind, "sgd_peer", order, str(EPOCHS), "0.01"))
            report(f"{kind}, SGD, {order}", ours, theirs)
    for use in ("no", "yes"):
        ours, theirs = [], []
        for _ in range(ROUNDS):
            ours.append(trainer("linear", ["--method=bgd", f"--statistics={use}"], 0, 100))
            theirs.append(peer("linear", "peer", "bgd", "20", "0.5"))
        name = "on statistics, with their pass" if use == "yes" else "on the rows"
        report(f"linear, full batch, {name}: mean of 100 epochs", ours, theirs)


def report(name, ours, theirs):
    a, b = statistics.median(ours), statistics.median(theirs)
    print(f"| {name} | {a:.1f} | {b:.1f} | {a / b:.2f} |", flush=True)


main()
