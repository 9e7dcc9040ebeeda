"""data.py TRAINER bad|good [--update]: every file of the folder through `TRAINER train`.

Bad files: exit status 1, the message that stands in bad/messages (FILE, then what standard error says),
and an output file that is not touched. Good files: status 0 and the lines of good/messages."""
import os
import subprocess
import sys
import tempfile

trainer, kind = os.path.abspath(sys.argv[1]), sys.argv[2]
folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), kind)
golden = os.path.join(folder, "messages")
os.chdir(folder)
failures, lines = [], []
with tempfile.TemporaryDirectory() as place:
    result = os.path.join(place, "result.json")
    for name in sorted(n for n in os.listdir(".") if n.endswith((".csv", ".npy"))):
        with open(result, "w", encoding="utf-8") as file:
            file.write("old")
        run = subprocess.run([trainer, "train", name, "-o", result, "--method=bgd", "--epochs=2", "--report=2"],
                             capture_output=True, check=False, timeout=60)
        with open(result, encoding="utf-8") as file:
            kept = file.read() == "old"
        program = os.path.basename(trainer)
        error = run.stderr.decode("utf-8", "backslashreplace").replace(program, "line")
        lines.append(f"--- {name}\n{error}")
        if run.returncode != (1 if kind == "bad" else 0):
            failures.append(f"{name}: exit status {run.returncode}")
        if kept != (kind == "bad"):
            failures.append(f"{name}: the output file was {'kept' if kept else 'touched'}")
        if kind == "good":
            last = run.stdout.decode().splitlines()[-1:]
            lines.append("\n".join(last) + "\n")
text = "".join(lines)
if "--update" in sys.argv:
    with open(golden, "w", encoding="utf-8") as file:
        file.write(text)
else:
    with open(golden, encoding="utf-8") as file:
        expected = dict(block.split("\n", 1) for block in file.read().split("--- ")[1:])
    found = dict(block.split("\n", 1) for block in text.split("--- ")[1:])
    for name in sorted(expected.keys() | found.keys()):
        if expected.get(name) != found.get(name):
            failures.append(f"{name}:\n  expected {expected.get(name)!r}\n  found    {found.get(name)!r}")
print("\n".join(failures) or f"{len(found) if 'found' in dir() else len(lines)} files as expected")
sys.exit(bool(failures))
