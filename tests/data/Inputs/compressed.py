"""compressed.py TRAINER FOLDER: gzip and zstd, whole, in parts, cut and damaged at every place."""
import gzip
import os
import resource
import shutil
import subprocess
import sys

trainer, folder = os.path.abspath(sys.argv[1]), sys.argv[2]
shutil.rmtree(folder, ignore_errors=True)
os.makedirs(folder)
os.chdir(folder)
failures = []
with open(trainer, "rb") as file:
    sanitized = b"__asan_init" in file.read()  # it takes all addresses, so they cannot be limited


def train(name, memory=None, **extra):
    limit = (lambda: resource.setrlimit(resource.RLIMIT_AS, (memory, memory))) if memory and not sanitized else None
    source = open(name, "rb") if name != "-" else extra.pop("stdin")
    with source:
        return subprocess.run([trainer, "train", "-" if "stdin" in name else name, "--epochs=3", "--threads=1"],
                              stdin=source, capture_output=True, check=False, timeout=60, preexec_fn=limit,
                              env={**os.environ, **extra})


def expect(name, status, *words, absent=(), **extra):
    run = train(name, **extra)
    error = run.stderr.decode("utf-8", "replace")
    if run.returncode != status or any(w not in error for w in words) or any(w in error for w in absent):
        failures.append(f"{name}: status {run.returncode}, {error!r}; expected {status}, {words}")
    return run.stdout


def write(name, data):
    with open(name, "wb") as file:
        file.write(data)


rows = [f"{i / 7!r},{2 * i / 7!r}\n" for i in range(-20000, 20000)]
text = ("x,y\n" + "".join(rows)).encode()
packed = gzip.compress(text, mtime=0)
write("plain.csv", text)
wanted = expect("plain.csv", 0)
write("whole.csv", packed)
write("members.gz", gzip.compress(text[:1000]) + gzip.compress(text[1000:]) + b"\0" * 512)
write("twice.gz", gzip.compress(packed))
for name in ("whole.csv", "members.gz", "twice.gz"):
    if expect(name, 0) != wanted:
        failures.append(f"{name}: another result than the plain file's")
write("stdin.gz", packed)
if expect("stdin.gz", 0) != wanted:
    failures.append("standard input: another result than the plain file's")

write("five.gz", gzip.compress(gzip.compress(gzip.compress(gzip.compress(gzip.compress(b"x,y\n1,2\n"))))))
expect("five.gz", 1, "compressed more than 4 times")
write("crc.gz", packed[:-8] + bytes(4) + packed[-4:])
expect("crc.gz", 1, "the gzip data are damaged", "incorrect data check")
write("middle.gz", packed[:9000] + b"\xff" * 8 + packed[9008:])
expect("middle.gz", 1, "the gzip data are damaged", absent=("column",))
write("behind.gz", packed + b"more")
expect("behind.gz", 1, "bytes follow that are no gzip data")
small = gzip.compress(b"x,y\n1,2\n2,4\n", mtime=0)
for length in range(2, len(small)):
    write("cut.gz", small[:length])
    expect("cut.gz", 1, "the gzip data are cut")
write("empty.gz", gzip.compress(b""))
expect("empty.gz", 1, "the file is empty")
write("spaces.gz", gzip.compress(b"x,y\n" + b" " * 400_000_000 + b"\n"))  # 400 MB in 400 kB
expect("spaces.gz", 1, "error", memory=200 << 20)
expect("whole.csv", 1, "without the library `/none`", "zlib1g", GRADC_LIBZ="/none")

zstd = shutil.which("zstd")
if zstd:
    def compress(data, *words):
        return subprocess.run([zstd, "-q", "-c", *words], input=data, capture_output=True, check=True).stdout

    frame = compress(text, "--check")
    write("whole.zst", frame)
    write("frames.zst", compress(text[:777]) + b"\x50\x2a\x4d\x18\x03\0\0\0abc" + compress(text[777:]))
    write("fast.zst", compress(text, "--fast"))
    for name in ("whole.zst", "frames.zst", "fast.zst"):
        if expect(name, 0) != wanted:
            failures.append(f"{name}: another result than the plain file's")
    write("check.zst", frame[:-4] + bytes(4))
    expect("check.zst", 1, "the zstd data are damaged", "checksum")
    for length in (5, 9, 50, 20000, len(frame) - 1):
        write("cut.zst", frame[:length])
        expect("cut.zst", 1, "the zstd data are cut")
    write("middle.zst", frame[:9000] + b"\xff" * 8 + frame[9008:])
    expect("middle.zst", 1, "the zstd data are damaged")
    write("behind.zst", frame + b"more")
    expect("behind.zst", 1, "the zstd data are damaged")
    write("window.zst", compress(b"x,y\n" + b"1,2\n" * 100, "--long=31", "--ultra"))
    write("spaces.zst", compress(b"x,y\n" + b" " * 400_000_000 + b"\n"))
    expect("spaces.zst", 1, "error", memory=200 << 20)
    expect("whole.zst", 1, "without the library `/none`", "libzstd1", GRADC_LIBZSTD="/none")
print("\n".join(failures) or "as expected")
sys.exit(bool(failures))
