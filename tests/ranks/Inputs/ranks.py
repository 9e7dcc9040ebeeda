"""ranks.py GRADC BUILD FOLDER: trainers under mpirun with 1, 2 and 3 ranks on this machine: the same bits as alone, one
message for bad data, and a result that can be used where a rank is killed."""
import os
import pathlib
import random
import signal
import subprocess
import sys
import time

gradc, build, folder = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
folder.mkdir(parents=True)
os.chdir(folder)
os.environ |= {"GRADC_MPI": f"{build}/libgradc_mpi.so", "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
               "PMIX_MCA_gds": "hash", "OMPI_MCA_btl_vader_single_copy_mechanism": "none"}
pathlib.Path("lin.model").write_text(
    "dim D\nparam w[D], b\nforward(x[D]) = dot(w, x) + b\nloss(x[D], y) = huber(forward(x) - y, 1)\n"
    "penalty = 0.01 * sum(w^2)\n")
random.seed(1)
rows = [[random.random() for _ in range(3)] for _ in range(5000)]
lines = ["a,b,c,y"] + [",".join(map(str, [*x, 2 * x[0] - x[1] + random.gauss(0, 0.1)])) for x in rows]
pathlib.Path("data.csv").write_text("\n".join(lines) + "\n")
lines[4000] = "1,oops,3,4"
pathlib.Path("bad.csv").write_text("\n".join(lines) + "\n")
subprocess.run([gradc, "lin.model", "-o", "lin"], check=True)


def mpirun(ranks, *words):
    return subprocess.run(["mpirun", "--oversubscribe", "-n", str(ranks), "./lin", *words], capture_output=True, text=True,
                          timeout=60, check=False)


for method in (["lbfgs"], ["bgd"], ["adam", "--batch=2000"], ["sgd"]):
    words = ["train", "data.csv", "--epochs=8", "--statistics=no", f"--method={method[0]}", *method[1:]]
    alone = subprocess.run(["./lin", *words, "-o", "alone.json"], capture_output=True, text=True, check=True)
    for n in (1, 2, 3):
        done = mpirun(n, *words, "-o", f"ranks{n}.json")
        assert done.returncode == 0, done
        # mpirun gives its ranks a terminal: the progress looks otherwise, what is told at the end does not
        assert [t.split("\x1b[J")[-1] for t in done.stdout.splitlines()[-3:]] == alone.stdout.splitlines()[-3:], done
        assert pathlib.Path(f"ranks{n}.json").read_bytes() == pathlib.Path("alone.json").read_bytes(), (method, n)
print("the same bits")

for words in (["predict", "-m", "alone.json", "data.csv"], ["eval", "-m", "alone.json", "data.csv"], ["info"]):
    assert mpirun(2, *words).stdout == subprocess.run(["./lin", *words], capture_output=True, text=True, check=True).stdout
print("other commands by one rank")

for words, message in ((["train", "bad.csv"], "oops"), (["train", "none.csv"], "cannot open"), (["train"], "no data")):
    done = mpirun(3, *words)
    assert done.returncode != 0 and done.stderr.count(message) >= 1, done
    assert message == "no data" or done.stderr.count(message) == 1, done
print("one message")

os.environ["GRADC_MPI"] = "/nowhere.so"
done = mpirun(2, "train", "data.csv")
assert done.returncode == 1 and done.stderr.count("`/nowhere.so` cannot be loaded") == 1, done
os.environ["GRADC_MPI"] = f"{build}/libgradc_mpi.so"


def is_helper(pid):
    try:
        return (os.path.realpath(f"/proc/{pid}/exe") == str(folder.resolve() / "lin")
                and b"OMPI_COMM_WORLD_RANK=2\0" in pathlib.Path(f"/proc/{pid}/environ").read_bytes())
    except OSError:
        return False


with open("out", "w") as out:
    run = subprocess.Popen(["mpirun", "--oversubscribe", "-n", "3", "./lin", "train", "data.csv", "--method=bgd",
                            "--statistics=no", "--rate=1e-9", "--epochs=100000000", "-q", "-o", "lost.json"], stderr=out, stdout=out)
    time.sleep(3)
    helpers = [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if is_helper(pid)]
    assert len(helpers) == 1, helpers
    os.kill(helpers[0], signal.SIGKILL)
    assert run.wait(timeout=60) != 0
text = pathlib.Path("out").read_text()
# mpirun tells of the rank and sends SIGTERM; rank 0 tells of it where it was waiting for that rank
assert "a rank of mpirun is lost" in text or "mpirun noticed that process rank 2" in text, text
assert pathlib.Path("lost.json").exists(), text
subprocess.run(["./lin", "eval", "-m", "lost.json", "data.csv"], check=True, capture_output=True)
print("a lost rank leaves a result")
