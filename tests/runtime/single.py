"""single.py GRADC EXAMPLES: trainers with --precision=f32 reach what those in f64 do, within what floats
can tell; their files hold floats; with any number of threads the bits are the same."""
import json
import os
import struct
import subprocess
import sys
import tempfile

# model, data, options, and how far the objectives may be apart, relative to 1 + |objective|
RUNS = [
    ("line", "line.csv", "", 1e-6),
    ("line", "line.csv", "--method=sgd", 1e-6),
    ("linreg", "diabetes.csv", "", 1e-5),
    ("ridge", "diabetes.csv", "--method=lbfgs", 1e-5),
    ("poisson", "counts.csv", "--method=lbfgs", 1e-5),
    ("huber", "diabetes.csv", "--method=lbfgs", 1e-5),
    ("logistic", "breast_cancer.csv", "--method=bgd --rate=0.5 --epochs=200", 1e-5),
    ("logistic", "breast_cancer.csv", "--method=adam --epochs=20", 1e-4),
    ("softmax", "iris.csv", "--method=bgd --rate=0.3 --epochs=500", 1e-5),
    ("mlp", "digits.csv", "--epochs=3", 2e-3),
    ("mlp", "digits.csv", "--method=sgd --rate=0.01 --epochs=2", 1e-5),
    ("factorisation", "ratings.csv", "--epochs=5", 1e-3),
    ("eight_schools", "eight_schools.csv", "--method=lbfgs", 1e-4),
    ("hmm", "series.csv", "--sample=series --method=lbfgs --epochs=30", 1e-3),
]


def run(*command, status=0):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != status:
        sys.exit(f"{' '.join(command)}\n{done.stdout[-2000:]}{done.stderr}status {done.returncode}")
    return done.stdout + done.stderr


def tensors(path):
    with open(path, "rb") as f:
        (length,) = struct.unpack("<Q", f.read(8))
        header = json.loads(f.read(length))
        header.pop("__metadata__")
        return header, f.read()


def main():
    gradc, examples = sys.argv[1:3]
    data = os.path.join(examples, "data")
    made = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, file, options, tolerance in RUNS:
            found = {}
            for precision in ("f64", "f32"):
                program = os.path.join(folder, f"{name}-{precision}")
                if program not in made:
                    run(gradc, f"--precision={precision}", os.path.join(examples, name + ".model"), "-o", program)
                    made[program] = True
                out = os.path.join(folder, f"{precision}.json")
                run(program, "train", os.path.join(data, file), "--quiet", "-o", out, *options.split())
                with open(out, encoding="utf-8") as f:
                    found[precision] = json.load(f)
            a, b = found["f64"]["objective"], found["f32"]["objective"]
            off = abs(a - b) / (1 + abs(a))
            print(f"{name:16} {options[:40]:40} {a:.9g} {b:.9g} {off:.1e}")
            if not off <= tolerance:
                sys.exit(f"{name} {options}: {b} in f32, {a} in f64")
        program = os.path.join(folder, "mlp-f32")
        digits = os.path.join(data, "digits.csv")
        kept = []
        for threads in (1, 2, 3):
            out = os.path.join(folder, f"mlp{threads}.safetensors")
            run(program, "train", digits, "--quiet", "--method=bgd", "--epochs=3", f"--threads={threads}", "-o", out)
            kept.append(tensors(out))
        if kept[0] != kept[1] or kept[0] != kept[2]:
            sys.exit("other bits with other threads")
        header, numbers = kept[0]
        entries = 0
        for tensor in header.values():
            count = 1
            for size in tensor["shape"]:
                count *= size
            entries += count
            if tensor["dtype"] != "F32" or tensor["data_offsets"][1] - tensor["data_offsets"][0] != 4 * count:
                sys.exit(f"no floats: {tensor}")
        if len(numbers) != 4 * entries:
            sys.exit("another size")
        run(program, "check", digits)
    print("all agree")


main()
