"""Holds the tree against Makefile.am and against the rules on files."""
import pathlib
import re
import sys

GENERATED = {"grammar/parse.c", "grammar/parse.h", "grammar/scan.c", "src/front/library.c"}
LISTED = {"src": (".c", ".h", ".def"), "grammar": (".l", ".y", ".h", ".def"),
          "runtime": (".c", ".h", ".def", ".model"), "examples": (".model", ".c", ".csv"),
          "tests/unit": (".c",)}
LINES = 1000
# split, so that this file does not hold them
UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME|X" r"XX|HA" r"CK)\b|not imple" r"mented")
TEXT = {".c", ".h", ".l", ".y", ".py", ".sh", ".am", ".ac", ".model", ".md", ".test", ".def", ".awk"}


def listed_files(makefile):
    words = re.sub(r"\\\n", " ", makefile)
    words = re.sub(r"(?m)^(tests_\S+|\S+) = ?", " ", words)
    return {re.sub(r"[^\w./-]", "", w) for w in words.split()}


def main():
    root = pathlib.Path(sys.argv[1])
    wrong = []
    listed = listed_files((root / "Makefile.am").read_text(encoding="utf-8"))
    for folder, suffixes in LISTED.items():
        for file in sorted((root / folder).rglob("*")):
            name = str(file.relative_to(root))
            if file.suffix not in suffixes or name in GENERATED or "Output" in file.parts:
                continue
            known = name in listed or name.removesuffix(".c") in listed
            if not known:
                wrong.append(f"{name}: not in Makefile.am")
    for name in sorted(listed):
        if re.match(r"(src|grammar|runtime|examples|docs|tests/unit)/[\w/.-]+\.\w+$", name) and \
           name not in GENERATED and not (root / name).exists():
            wrong.append(f"{name}: in Makefile.am, but not in the tree")
    skip = {".git", "Output", "autom4te.cache", "build-aux", "__pycache__"}
    for file in sorted(root.rglob("*")):
        name = file.relative_to(root)
        if skip & set(name.parts) or file.suffix not in TEXT or str(name) in GENERATED or \
           not file.is_file() or name.parts[0].startswith(("build", "gradc-")) or \
           name.name in ("config.h", "aclocal.m4"):
            continue
        text = file.read_text(encoding="utf-8", errors="replace")
        lines = text.count("\n")
        if file.suffix in (".c", ".h", ".l", ".y") and lines > LINES:
            wrong.append(f"{name}: {lines} lines; split it")
        for number, line in enumerate(text.splitlines(), 1):
            if UNFINISHED.search(line):
                wrong.append(f"{name}:{number}: unfinished: {line.strip()}")
    print("\n".join(wrong))
    sys.exit(1 if wrong else 0)


main()
