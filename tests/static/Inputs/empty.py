"""empty.py TRAINER DATA: the trainer has no program interpreter and no needed libraries; trains, here and in a root folder
that holds nothing but it and the data, where that is allowed."""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

trainer, data = sys.argv[1:]
dynamic = subprocess.run(["readelf", "-l", "-d", trainer], capture_output=True, text=True, check=True).stdout
assert "INTERP" not in dynamic and "NEEDED" not in dynamic, dynamic
print("no interpreter, no libraries")
words = ["train", "data.csv", "-q", "--epochs=3", "-o", "-"]
with tempfile.TemporaryDirectory() as folder:
    root = pathlib.Path(folder)
    shutil.copy(trainer, root / "trainer")
    shutil.copy(data, root / "data.csv")
    here = subprocess.run([root / "trainer", *words], cwd=root, capture_output=True, check=True).stdout
    again = subprocess.run(["./trainer", *words], cwd=root, capture_output=True, check=True, env={}).stdout
    assert here == again and b'"params"' in here
    print("the same result")
    inside = ["chroot", folder] if os.geteuid() == 0 else ["unshare", "-r", "chroot", folder]
    try:
        done = subprocess.run([*inside, "/trainer", *words], capture_output=True, check=False)
    except FileNotFoundError:
        done = None
    if done is None or (done.returncode != 0 and done.stderr.startswith((b"chroot:", b"unshare:"))):
        print("an empty root is not allowed here")
    else:
        assert done.stdout == here, (done.stdout, done.stderr)
        print("ran in an empty root")
