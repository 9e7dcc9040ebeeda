"""load_files.py FOLDER: small data files of all kinds, to be changed at random."""
import bz2
import gzip
import io
import os
import shutil
import sqlite3
import subprocess
import sys

import numpy as np

os.chdir(sys.argv[1])
rng = np.random.default_rng(3)
X = rng.normal(size=(12, 3)).round(3)
y = np.arange(12) % 3
text = "x0,x1,x2,y\n" + "".join(",".join(map(str, row)) + f",{k}\n" for row, k in zip(X, y))
names = text.replace(",0\n", ",a\n").replace(",1\n", ',"b ""c"""\n').replace(",2\n", ",NA\n")
rows = "j,v,y\n" + "".join(f"{k},{row[0]},1\n" for row, k in zip(X, y))
svm = "".join(f"{k} " + " ".join(f"{i + 1}:{v}" for i, v in enumerate(row)) + "\n" for row, k in zip(X, y))


def write(name, data):
    with open(name, "wb") as file:
        file.write(data)


def saved(save, *words, **arrays):
    buffer = io.BytesIO()
    save(buffer, *words, **arrays)
    return buffer.getvalue()


write("text.csv", text.encode())
write("names.csv", names.encode())
write("rows.csv", rows.encode())
write("data.svm", svm.encode())
write("text.gz", gzip.compress(text.encode(), mtime=0))
write("twice.gz", gzip.compress(gzip.compress(text.encode(), mtime=0), mtime=0))
write("other.bz2", bz2.compress(text.encode()))
write("c.npy", saved(np.save, np.c_[X, y]))
write("fortran.npy", saved(np.save, np.asfortranarray(np.c_[X, y])))
write("big.npy", saved(np.save, np.c_[X, y].astype(">f4")))
write("half.npy", saved(np.save, np.c_[X, y].astype("f2")))
write("plain.npz", saved(np.savez, x=X, y=y))
write("packed.npz", saved(np.savez_compressed, x=X, y=np.array(["a", "bb", "ä"])[y]))
write("rows.npz", saved(np.savez, j=y, v=X[:, 0], y=np.ones(12)))
with sqlite3.connect("t.db") as base:
    base.execute("pragma page_size = 512")
    base.execute("create table t (x0, x1, x2, y, j, v)")
    base.executemany("insert into t values (?, ?, ?, ?, ?, ?)", [[*map(float, r), int(k), int(k), 1.5] for r, k in zip(X, y)])
if shutil.which("zstd"):
    write("text.zst", subprocess.run(["zstd", "-qc"], input=text.encode(), capture_output=True, check=True).stdout)
