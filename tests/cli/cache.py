"""The cache, from outside: cache.py GRADC MODEL DATA, in an empty folder."""
import glob
import os
import shutil
import subprocess
import sys

gradc, model, data = sys.argv[1:]
os.environ["XDG_CACHE_HOME"] = os.path.abspath("cache")
shutil.copy(model, "line.model")


def compile(*words, found, model="line.model", status=0, **variables):
    """Compiles; was it found in the cache? Returns what it printed, without the times."""
    done = subprocess.run([gradc, "--time-passes", *words, model], capture_output=True, text=True,
                          env={**os.environ, **variables})
    assert done.returncode == status, done.stderr
    lines = done.stderr.splitlines()
    made = [line for line in lines if line.endswith(" llvm code")]
    assert status or (made[0].strip() == "0.00 ms  llvm code") == found, (words, found, done.stderr)
    return "\n".join(line for line in lines if " ms  " not in line)


def entries():
    return sorted(glob.glob("cache/gradc/*"))


def bytes_of(path):
    with open(path, "rb") as file:
        return file.read()


# the same bytes, with a cache and without
compile("-o", "plain", "--no-cache", found=False)
assert not os.path.exists("cache")
compile("-o", "first", found=False)
compile("-o", "second", found=True)
assert bytes_of("plain") == bytes_of("first") == bytes_of("second")
assert os.access("second", os.X_OK)
assert len(entries()) == 1 and entries()[0].endswith(".entry")
subprocess.run(["./second", "train", data, "--quiet", "-o", "w.safetensors"], check=True)

# other outputs; the header comes with the object, even in another place
for words in (["-c"], ["--emit=shared"], ["--emit=archive"]):
    os.makedirs("made", exist_ok=True)
    compile(*words, "-o", "made/line.x", found=False)
    before, header = bytes_of("made/line.x"), bytes_of("made/line.h")
    shutil.rmtree("made")
    os.makedirs("made")
    compile(*words, "-o", "made/line.x", found=True)
    assert bytes_of("made/line.x") == before and bytes_of("made/line.h") == header

# every option is another compilation, the name of the output is none
for words in (["-O0"], ["-O1"], ["--strict"], ["-march=x86-64-v2"], ["-g"]):
    compile(*words, "-o", "other", found=False)
    compile(*words, "-o", "another", found=True)
assert bytes_of("other") == bytes_of("another") != bytes_of("plain")
for _ in range(2):
    compile("-c", "--dump=loop", "-o", "other.o", found=False)  # shown each time
compile("-v", "-o", "other", found=False)  # commands are run to be shown

# the text, that of imports, and which file an import means
for name, text in (("a.model", 'import "b.model"\nparam w = 1\nloss(x, y) = (scaled(w * x) - y)^2\n'),
                   ("inc/b.model", "scaled(x) = 3 * x\n")):
    os.makedirs("inc", exist_ok=True)
    with open(name, "w", encoding="utf-8") as file:
        file.write(text)
compile("-I", "inc", "-o", "a", model="a.model", found=False)
compile("-I", "inc", "-o", "a", model="a.model", found=True)
with open("inc/b.model", "w", encoding="utf-8") as file:
    file.write("scaled(x) = 4 * x\n")
compile("-I", "inc", "-o", "a", model="a.model", found=False)
shutil.copy("inc/b.model", "b.model")  # beside comes first
compile("-I", "inc", "-o", "a", model="a.model", found=False)
compile("-I", "inc", "-o", "a", model="a.model", found=True)
os.remove("b.model")
compile("-I", "inc", "-o", "a", model="a.model", found=True)

# warnings come again; what is wrong is not kept
with open("warn.model", "w", encoding="utf-8") as file:
    file.write("param w = 1\nparam unused = 1\nloss(x, y) = (w * x - y)^2\n")
said = compile("-o", "warn", model="warn.model", found=False)
assert "unused" in said, said
assert compile("-o", "warn", model="warn.model", found=True) == said
colored = compile("--color=always", "-o", "warn", model="warn.model", found=False)
assert "\033[" in colored
for _ in range(2):
    assert "error" in compile("-Werror", "-o", "warn", model="warn.model", found=False, status=1)

# --run
run = [gradc, "--run", "line.model", "--", "train", data, "--format=csv", "-o", "-"]
count = len(entries())
printed = [subprocess.run(run, capture_output=True, text=True, check=True) for _ in range(2)]
assert printed[0].stdout == printed[1].stdout and "w,1.99" in printed[0].stdout, printed
assert printed[0].stderr == printed[1].stderr
assert len(entries()) == count + 1
run[-3:] = ["--epochs=3", "--format=csv", "-o", "-"]
subprocess.run(run, capture_output=True, check=True)
assert len(entries()) == count + 1

# damaged entries are not used, and made again
shutil.rmtree("cache")
compile("-o", "first", found=False)
entry, = entries()
whole = bytes_of(entry)
for damaged in (b"", whole[:40], whole[:-1], whole + b"\0", b"x" + whole[1:],
                whole[:100] + bytes([whole[100] ^ 1]) + whole[101:],
                whole[:len(whole) // 2] + bytes([whole[len(whole) // 2] ^ 1]) + whole[len(whole) // 2 + 1:]):
    with open(entry, "wb") as file:
        file.write(damaged)
    compile("-o", "second", found=False)
    assert bytes_of("second") == bytes_of("plain") and bytes_of(entry) == whole

# an entry under another's name is not it
compile("-O0", "-o", "other", found=False)
wrong, = set(entries()) - {entry}
shutil.copy(wrong, entry)
compile("-o", "second", found=False)
assert bytes_of("second") == bytes_of("plain")

# no folder, no place for one, one that cannot be written: compiled as ever
compile("-o", "second", found=False, XDG_CACHE_HOME="/dev/null")
compile("-o", "second", found=False, XDG_CACHE_HOME="relative")
assert not os.path.exists("relative")
compile("-o", "second", found=False, XDG_CACHE_HOME="", HOME="")
compile("-o", "second", found=False, XDG_CACHE_HOME="", HOME=os.path.abspath("home"))
os.makedirs("home")
for found in (False, True):
    compile("-o", "second", found=found, XDG_CACHE_HOME="", HOME=os.path.abspath("home"))
assert os.path.exists("home/.cache/gradc")
os.makedirs("full")
with open("full/gradc", "w", encoding="utf-8"):
    pass
compile("-o", "second", found=False, XDG_CACHE_HOME=os.path.abspath("full"))
os.makedirs("shut/gradc")
os.chmod("shut/gradc", 0o500)
compile("-o", "second", found=False, XDG_CACHE_HOME=os.path.abspath("shut"))
os.chmod("shut/gradc", 0o700)
assert bytes_of("second") == bytes_of("plain")

# many at once
shutil.rmtree("cache")
several = [subprocess.Popen([gradc, "line.model", "-o", f"many{k}", *(["-O1"] if k % 2 else [])])
           for k in range(10)]
assert [one.wait() for one in several] == [0] * 10
assert all(bytes_of(f"many{k}") == bytes_of("many1" if k % 2 else "plain") for k in range(10))
assert len(entries()) == 2 and not glob.glob("cache/gradc/.new-*")

# the oldest go
with open("cache/gradc/.new-stale", "w", encoding="utf-8"):
    pass
os.utime("cache/gradc/.new-stale", (1, 1))
limit = int(1.4 * sum(map(os.path.getsize, entries())))  # room for two, of which a quarter stays free
for k, path in enumerate(sorted(entries(), key=os.path.getsize, reverse=True)):
    os.utime(path, (1000 + k, 1000 + k))
oldest = min(entries(), key=os.path.getmtime)
compile("-o", "second", "--strict", found=False, GRADC_CACHE_LIMIT=str(limit))
assert not os.path.exists(oldest) and len(entries()) == 2
assert not os.path.exists("cache/gradc/.new-stale")
