"""models.py GRADC ROOT FOLDER: each fenced `model` block of README.md and docs/*.md passes `gradc --check`.

Where the README shows `gradc --emit=text NAME.model`, what follows is what gradc prints for
examples/NAME.model.
"""
import pathlib
import re
import subprocess
import sys

BLOCK = re.compile(r"^```model\n(.*?)^```$", re.M | re.S)
FENCE = re.compile(r"^```.*?^```$", re.M | re.S)
COMMAND = re.compile(r"^\$ gradc --emit=text (\w+\.model)\n((?:(?!\$ |```).*\n)+)", re.M)


def run(*words):
    return subprocess.run(words, capture_output=True, text=True, errors="replace", timeout=120, check=False)


def check_models(gradc, page, folder):
    """Yields what is wrong; the number of blocks is returned."""
    text = page.read_text(encoding="utf-8")
    count = 0
    for block in BLOCK.finditer(text):
        count += 1
        line = text.count("\n", 0, block.start(1)) + 1
        model = folder / f"{page.stem}_{line}.model"
        model.write_text(block[1], encoding="utf-8")
        done = run(gradc, "--check", str(model))
        if done.returncode != 0:
            yield f"{page.name}:{line}: status {done.returncode}\n{done.stdout}{done.stderr}"
    if text.count("\n```model") != count:
        yield f"{page.name}: a model block does not end"
    return count


def check_outputs(gradc, root):
    page = root / "README.md"
    shown = 0
    for fence in FENCE.findall(page.read_text(encoding="utf-8")):
        for command in COMMAND.finditer(fence + "\n"):
            shown += 1
            done = run(gradc, "--emit=text", str(root / "examples" / command[1]))
            if done.returncode != 0 or done.stdout != command[2]:
                yield f"{page.name}: {command[1]}: shown\n{command[2]}printed\n{done.stdout}{done.stderr}"
    if shown == 0:
        yield f"{page.name}: shows no output of --emit=text"


def main():
    gradc, root, folder = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
    folder.mkdir(parents=True, exist_ok=True)
    wrong = []
    blocks = 0
    for page in [root / "README.md", *sorted((root / "docs").glob("*.md"))]:
        found = check_models(gradc, page, folder)
        while True:
            try:
                wrong.append(next(found))
            except StopIteration as end:
                blocks += end.value
                break
    if blocks == 0:
        wrong.append("there are no model blocks")
    wrong += check_outputs(gradc, root)
    print("\n".join(wrong))
    sys.exit(1 if wrong else 0)


main()
