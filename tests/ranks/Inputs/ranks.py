"""ranks.py PART GRADC BUILD EXAMPLES FOLDER: trainers under mpirun with some ranks on this machine, against the same trainer alone.
PART: sums, files, lost."""
import gzip
import json
import math
import os
import pathlib
import random
import signal
import subprocess
import sys
import time

part, gradc, build, examples, folder = *sys.argv[1:5], pathlib.Path(sys.argv[5])
folder.mkdir(parents=True)
os.chdir(folder)
os.environ |= {"GRADC_MPI": f"{build}/libgradc_mpi.so", "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
               "PMIX_MCA_gds": "hash", "OMPI_MCA_btl_vader_single_copy_mechanism": "none"}
random.seed(1)
MODELS = {
    "lin": "dim D\nparam w[D], b\nforward(x[D]) = dot(w, x) + b\nloss(x[D], y) = huber(forward(x) - y, 1)\n"
           "penalty = 0.01 * sum(w^2)\n",
    "squares": "dim D\nparam w[D], b\nloss(x[D], y) = (dot(w, x) + b - y)^2\n",
    "curve": "dim D\nparam w[D], b\nloss(x[D], y) = (exp(dot(w, x)) + b - y)^2\n",
    "classes": "dim D\ndim K\nparam W[K, D], b[K]\nloss(x[D], label in K) = -log_softmax(W @ x + b)[label]\n",
    "crf": None,  # an example, whose samples are blocks of rows
}
ROWS = [[random.random() for _ in range(3)] for _ in range(5000)]


def table(name, header, rows, end="\n", sep=","):
    lines = ([sep.join(header)] if header else []) + [sep.join(map(str, row)) for row in rows]
    pathlib.Path(name).write_bytes((end.join(lines) + end).encode())


def compile_models(*names):
    for name in names:
        path = f"{name}.model" if MODELS[name] else f"{examples}/{name}.model"
        if MODELS[name]:
            pathlib.Path(path).write_text(MODELS[name])
        subprocess.run([gradc, path, "-o", name], check=True)


def alone(*words):
    return subprocess.run(["./" + words[0], *words[1:]], capture_output=True, text=True, timeout=120, check=False)


def mpirun(ranks, *words):
    return subprocess.run(["mpirun", "--oversubscribe", "-n", str(ranks), "./" + words[0], *words[1:]], capture_output=True,
                          text=True, timeout=120, check=False)


def numbers(value):
    if isinstance(value, dict):
        value = list(value.values())
    return [x for v in value for x in numbers(v)] if isinstance(value, list) else [value]


def params(name):
    return numbers(json.loads(pathlib.Path(name).read_text())["params"])


def near(a, b, digits):
    a, b = params(a), params(b)
    return len(a) == len(b) and all(math.isclose(x, y, rel_tol=digits, abs_tol=digits) for x, y in zip(a, b))


def same_params(digits, *words, counts=(2, 3)):
    """Within rounding of a run alone, and no message that it does not have."""
    one = alone(*words, "-q", "-o", "alone.json")
    assert one.returncode == 0, one
    for n in counts:
        done = mpirun(n, *words, "-q", "-o", f"ranks{n}.json")
        assert done.returncode == 0, (words, done)
        assert done.stderr == one.stderr, (words, done.stderr, one.stderr)
        assert near("alone.json", f"ranks{n}.json", digits), (words, n, params("alone.json"), params(f"ranks{n}.json"))


def check_sums():
    compile_models("lin", "squares", "curve")
    table("data.csv", "abcy", [[*x, math.exp(x[0] - x[1]) + random.gauss(0, 0.1)] for x in ROWS])
    runs = [("lin", ["lbfgs"]), ("lin", ["cg"]), ("lin", ["bgd"]), ("lin", ["bgd", "--memory=1G"]), ("curve", ["lm"]),
            ("curve", ["newton"]), ("squares", ["bgd", "--statistics=yes"]), ("lin", ["adam", "--batch=2000"]),
            ("lin", ["svrg", "--batch=1500", "--order=file"]), ("lin", ["adam", "--batch=1024", "--order=windows"]),
            ("lin", ["sgd"]), ("lin", ["lbfgs", "--validate=0.2"]), ("curve", ["lm", "--errors"])]
    for model, (method, *more) in runs:
        words = [model, "train", "data.csv", "--epochs=8", f"--method={method}", *more]
        same_params(1e-9, *words)
        again = mpirun(3, *words, "-q", "--threads=2", "-o", "again.json")
        assert again.returncode == 0, again
        assert pathlib.Path("again.json").read_bytes() == pathlib.Path("ranks3.json").read_bytes(), words
    print("the sums of all samples")
    # lines or the whole file, rank 0 with all of it or not: the same bits for a number of ranks
    for more in ([], ["--memory=1G"], ["--errors"]):
        assert mpirun(3, "lin", "train", "data.csv", "--epochs=8", "--method=bgd", *more, "-q", "-o", "b.json").returncode == 0
        text = json.loads(pathlib.Path("b.json").read_text())["params"]
        first = text if not more else first
        assert text == first, more
    print("the same bits however they are read")
    words = ["lin", "train", "data.csv", "--epochs=8"]
    one, single = alone(*words, "-o", "alone.json"), mpirun(1, *words, "-o", "ranks1.json")
    assert single.returncode == 0 and single.stdout.splitlines()[-1] == one.stdout.splitlines()[-1], single
    assert pathlib.Path("alone.json").read_bytes() == pathlib.Path("ranks1.json").read_bytes()
    for words in (["predict", "-m", "alone.json", "data.csv"], ["eval", "-m", "alone.json", "data.csv"], ["info"]):
        assert mpirun(2, "lin", *words).stdout == alone("lin", *words).stdout
    print("one rank, and other commands")
    os.environ["GRADC_MPI"] = "/nowhere.so"
    done = mpirun(2, "lin", "train", "data.csv")
    assert done.returncode == 1 and done.stderr.count("`/nowhere.so` cannot be loaded") == 1, done
    assert alone("lin", "train", "data.csv", "--epochs=1").returncode == 0
    print("without MPI it says so")


def peak(name):
    """A wrapper that tells of the memory of each rank."""
    pathlib.Path(name).write_text(
        f"#!{sys.executable}\nimport os, resource, subprocess, sys\n"
        "status = subprocess.run(sys.argv[1:]).returncode\n"
        "kb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss\n"
        "print('rank', os.environ.get('OMPI_COMM_WORLD_RANK', 'alone'), kb, file=sys.stderr)\nsys.exit(status)\n")
    os.chmod(name, 0o755)


def check_files():
    compile_models("lin", "classes", "crf")
    rows = [[*x, round(x[0] - x[1], 6)] for x in ROWS]
    table("plain.csv", "abcy", rows)
    table("none.csv", "", rows)
    table("crlf.csv", "abcy", rows, end="\r\n")
    table("tabs.csv", "abcy", rows, sep="\t")
    table("few.csv", "abcy", rows[:2])
    table("skip.csv", ["a", "name", "b", "c", "y"], [[r[0], "text", *r[1:]] for r in rows])
    table("quotes.csv", ["a", "name", "b", "c", "y"],
          [[r[0], f'"one\n{r[1]},2,3,4,5\ntwo"' if i % 50 == 0 else "x", *r[1:]] for i, r in enumerate(rows)])
    pathlib.Path("blank.csv").write_text(pathlib.Path("plain.csv").read_text() + "\n\n")
    pathlib.Path("cut.csv").write_text(pathlib.Path("plain.csv").read_text()[:-1])
    pathlib.Path("plain.csv.gz").write_bytes(gzip.compress(pathlib.Path("plain.csv").read_bytes()))
    pathlib.Path("plain.svm").write_text("".join(f"{r[3]} 1:{r[0]} 2:{r[1]} 3:{r[2]}\n" for r in rows))
    for name in ("plain.csv", "none.csv", "crlf.csv", "tabs.csv", "few.csv", "skip.csv", "quotes.csv", "blank.csv", "cut.csv",
                 "plain.csv.gz", "plain.svm"):
        more = ["--columns=x=a,b,c"] if name in ("skip.csv", "quotes.csv") else []
        same_params(1e-9, "lin", "train", name, "--method=bgd", "--epochs=5", *more, counts=(3,))
    same_params(1e-9, "lin", "train", "plain.csv", "--method=bgd", "--epochs=5", "--weights=c", "--columns=x=a,b", counts=(3,))
    same_params(1e-9, "lin", "train", "plain.csv", "--method=bgd", "--epochs=5", "--standardize", counts=(3,))
    print("files")
    # the largest label is in the last lines only; texts that not all ranks have
    label = [[*r[:3], min(int(4 * r[0]), 2)] for r in rows]
    table("labels.csv", ["a", "b", "c", "label"], [*label, [0.5, 0.5, 0.5, 3]])
    table("texts.csv", ["a", "b", "c", "label"], [[*r[:3], "uvw"[r[3]]] for r in label])
    table("late.csv", ["a", "b", "c", "label"], [*([*r[:3], "uvw"[r[3]]] for r in label), [0.5, 0.5, 0.5, "a"]])
    for name in ("labels.csv", "texts.csv", "late.csv"):
        same_params(1e-9, "classes", "train", name, "--method=lbfgs", "--epochs=5", counts=(2,))
    blocks = [[f"s{i // 7}", *r[:3], int(2 * r[0])] for i, r in enumerate(rows[:700])]
    table("blocks.csv", ["sample", "x1", "x2", "x3", "y"], blocks)
    same_params(1e-9, "crf", "train", "blocks.csv", "--sample=sample", "--method=lbfgs", "--epochs=5", counts=(3,))
    print("labels, and blocks of rows")
    lines = pathlib.Path("plain.csv").read_text().splitlines()
    lines[4000] = "1,oops,3,4"
    pathlib.Path("bad.csv").write_text("\n".join(lines) + "\n")
    lines[4000] = "1,1e308,1e308,1e308"
    pathlib.Path("huge.csv").write_text("\n".join(lines) + "\n")
    for words in (["bad.csv"], ["missing.csv"], ["huge.csv", "--method=bgd"], [], ["plain.csv", "--epochs=x"],
                  ["plain.csv", "--method=bgdd"], ["plain.csv", "-m", "none.json"]):
        one, done = alone("lin", "train", *words), mpirun(3, "lin", "train", *words)
        told = [line for line in done.stderr.splitlines() if "lin:" in line or ".csv" in line]
        assert done.returncode == one.returncode, (one, done)
        assert told == [line for line in one.stderr.splitlines() if "lin:" in line or ".csv" in line], (one, done)
    done = mpirun(2, "lin", "train", "-")
    assert done.returncode == 1 and done.stderr.count("standard input cannot be read by several ranks") == 1, done
    print("messages as alone")
    table("large.csv", "abcy", rows * 80)
    peak("peak")
    words = ["./lin", "train", "large.csv", "--method=bgd", "--epochs=3", "--statistics=no", "--threads=1", "-q"]
    used = []
    for more in ([], ["--memory=4G"]):  # which has each rank read the whole file
        done = subprocess.run(["mpirun", "--oversubscribe", "-n", "3", "./peak", *words, *more], capture_output=True, text=True,
                              check=True)
        used.append([int(line.split()[2]) for line in done.stderr.splitlines() if line.startswith("rank")])
        assert len(used[-1]) == 3, done
    values = len(rows) * 80 * 4 * 8 / 1024
    assert max(used[0]) < min(used[1]) - values / 2, used
    print("each has a part in memory")


def ranks_of(name):
    found = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.path.realpath(f"/proc/{pid}/exe") == str(pathlib.Path(name).resolve()):
                for word in pathlib.Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
                    if word.startswith(b"OMPI_COMM_WORLD_RANK="):
                        found[int(word.split(b"=")[1])] = int(pid)
        except OSError:
            pass
    return found


def lose(rank, *words):
    """Kills a rank, or interrupts mpirun (None), once there is a checkpoint; then the run goes on from it alone."""
    for path in pathlib.Path().glob("lost.json*"):
        path.unlink()
    words = ["lin", "train", "data.csv", "--statistics=no", "-q", "--checkpoint-every=1s", "-o", "lost.json", *words]
    with subprocess.Popen(["mpirun", "--oversubscribe", "-n", "3", *(["./lin"] + words[1:]), "--epochs=100000000"],
                          stderr=subprocess.PIPE, text=True) as run:
        end = time.time() + 60
        while not pathlib.Path("lost.json.ckpt.old").exists() and time.time() < end:
            time.sleep(0.1)
        found = ranks_of("lin")
        assert len(found) == 3, found
        run.send_signal(signal.SIGINT) if rank is None else os.kill(found[rank], signal.SIGKILL)
        text = run.communicate(timeout=60)[1]
    assert run.returncode != 0, text
    end = time.time() + 10
    while ranks_of("lin") and time.time() < end:
        time.sleep(0.1)
    assert not ranks_of("lin"), "a rank is left"
    left = {path.name for path in pathlib.Path().glob("lost.json*")}
    assert "lost.json.ckpt" in left and left <= {"lost.json", "lost.json.ckpt", "lost.json.ckpt.old"}, (left, text)
    told = "a rank of mpirun is lost, or a signal came" in text and "--resume goes on from `lost.json.ckpt`" in text
    if "lost.json" in left:
        assert alone("lin", "eval", "-m", "lost.json", "data.csv").returncode == 0
    run = subprocess.run(["timeout", "-s", "INT", "2", "./lin", *words[1:], "--epochs=100000000", "--resume"], capture_output=True,
                         text=True, check=False)
    assert "no checkpoint" not in run.stderr and "goes on from" in run.stderr, run
    return told and "lost.json" in left


def lose_well(rank, *words):
    """With a message and a result; mpirun gives a second for these, which a busy machine may not have."""
    assert any(lose(rank, *words) for _ in range(4))


def check_lost():
    compile_models("lin")
    table("data.csv", "abcy", [[*x, 2 * x[0] - x[1] + random.gauss(0, 0.1)] for x in ROWS])
    lose_well(1, "--method=bgd", "--rate=1e-9")
    lose_well(2, "--method=adam", "--batch=2000")
    print("without a rank: a message, a result, a checkpoint")
    lose(0, "--method=bgd", "--rate=1e-9")
    print("without rank 0: a checkpoint")
    lose_well(None, "--method=bgd", "--rate=1e-9")
    print("interrupted")


{"sums": check_sums, "files": check_files, "lost": check_lost}[part]()
