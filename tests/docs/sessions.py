"""sessions.py GRADC ROOT FOLDER PAGE… [--write]: each command that a page shows after `$ ` prints what stands below it.

The commands of a page run in order, in bash, in a copy of examples/, with gradc in the PATH. A `model` or `c` block
whose first line is a comment with the name of a file is that file. A line `…` stands for any number of lines, a `…`
in a line for any text; numbers may differ by 1e-6 of themselves. With --write what is printed is put into the page,
if it is shorter than thirty lines.
"""
import math
import os
import pathlib
import re
import shutil
import subprocess
import sys

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)
NAME = re.compile(r"(?:#|/\*) (\w+\.(?:model|c))(?: \*/)?\n")
NUMBER = re.compile(r"[-+]?\d+\.?\d*(?:[eE][-+]?\d+)?")


def same_line(shown, printed):
    """Word by word, numbers as numbers; `…` stands for any text, behind digits for more of them."""
    shown, printed = " ".join(shown.split()), " ".join(printed.split())
    pattern, numbers, end = "", [], 0
    for number in NUMBER.finditer(shown):
        if not shown.startswith("…", number.end()):
            pattern += re.escape(shown[end:number.start()]) + f"({NUMBER.pattern})"
            numbers.append(number[0])
            end = number.end()
    found = re.fullmatch((pattern + re.escape(shown[end:])).replace("…", ".*"), printed)
    return found is not None and all(
        math.isclose(float(a), float(b), rel_tol=1e-6, abs_tol=1e-12) for a, b in zip(numbers, found.groups()))


def same(shown, printed):
    if not shown:
        return not printed
    if shown[0] == "…":
        return any(same(shown[1:], printed[k:]) for k in range(len(printed) + 1))
    return bool(printed) and same_line(shown[0], printed[0]) and same(shown[1:], printed[1:])


def sessions(text):
    """(command, what is shown, where that begins and ends in the text)"""
    for fence in FENCE.finditer(text):
        name = NAME.match(fence[2])
        if name:
            yield name[1], fence[2][name.end():], None
            continue
        lines = [(m.start() + fence.start(2), m[0]) for m in re.finditer(r".*\n", fence[2])]
        if fence[1] or not lines or not lines[0][1].startswith("$ "):
            continue
        starts = [k for k, (_, line) in enumerate(lines) if line.startswith("$ ")] + [len(lines)]
        for k, end in zip(starts, starts[1:]):
            begin = lines[k][0] + len(lines[k][1])
            yield lines[k][1][2:].rstrip("\n"), "".join(line for _, line in lines[k + 1:end]), begin


def main():
    words = [w for w in sys.argv[1:] if w != "--write"]
    gradc, root, folder = words[0], pathlib.Path(words[1]), pathlib.Path(words[2])
    write = "--write" in sys.argv
    bin_folder = folder / "bin"
    bin_folder.mkdir(parents=True)
    (bin_folder / "gradc").symlink_to(os.path.abspath(gradc))
    environment = dict(os.environ, PATH=f"{bin_folder.absolute()}:{os.environ['PATH']}")
    wrong, count = [], 0
    for page in words[3:]:
        path = root / page
        text = path.read_text(encoding="utf-8")
        here = folder / page.replace("/", "_")
        shutil.copytree(root / "examples", here / "examples")
        at = "examples" if page.startswith(("docs", "examples")) else "."
        edits = []
        for command, shown, begin in sessions(text):
            if begin is None:
                (here / at / command).write_text(shown, encoding="utf-8")
                continue
            if command.startswith("cd "):
                at = os.path.join(at, command[3:])
                continue
            count += 1
            done = subprocess.run(["bash", "-c", command], cwd=here / at, env=environment, capture_output=True,
                                  text=True, timeout=120, check=False)
            printed = done.stdout + done.stderr
            if not same(shown.splitlines(), printed.splitlines()):
                if write and len(printed.splitlines()) < 30:
                    edits.append((begin, len(shown), printed))
                else:
                    line = text.count("\n", 0, begin)
                    wrong.append(f"{page}:{line}: {command}: shown\n{shown}printed\n{printed}")
        for begin, length, printed in reversed(edits):
            text = text[:begin] + printed + text[begin + length:]
        if edits:
            path.write_text(text, encoding="utf-8")
    if count == 0:
        wrong.append("no command is shown")
    print("\n".join(wrong))
    sys.exit(1 if wrong else 0)


main()
