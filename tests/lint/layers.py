"""Reads every #include of the tree and holds it against the table of layers."""
import pathlib
import re
import sys

# folder: what it may include, besides itself and the C library
ALLOWED = {
    "base": [],
    "ir": ["base"],
    "front": ["base", "grammar"],
    "grammar": ["base", "front"],
    "sema": ["base", "front", "ir/builtin.h", "runtime/option.def", "runtime/optimizer.def"],
    "lower": ["base", "front", "sema", "ir"],
    "diff": ["base", "ir"],
    "opt": ["base", "ir"],
    "loop": ["base", "ir"],
    "emit": ["base", "ir", "loop", "diff/trace.h", "runtime/abi.h"],
    "driver": ["base", "front", "sema", "ir", "lower", "diff", "opt", "loop", "emit",
               "runtime/abi.h", "config.h"],
    "runtime": [],
}
LLVM = re.compile(r"^src/emit/(llvm\w*|jit)\.[ch]$")
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def folder_of(path):
    parts = path.parts
    return parts[1] if parts[0] == "src" else parts[0]


def allowed(folder, path, header):
    if header.startswith("llvm"):
        return bool(LLVM.match(str(path)))
    if "/" not in header:
        # beside the file, or made by configure
        return header != "config.h" or "config.h" in ALLOWED[folder]
    target = header.split("/")[0]
    return target == folder or target in ALLOWED[folder] or header in ALLOWED[folder]


def main():
    root = pathlib.Path(sys.argv[1])
    wrong = 0
    files = [f for d in ("src", "grammar", "runtime") for f in sorted((root / d).rglob("*"))
             if f.suffix in (".c", ".h", ".l", ".y")]
    for file in files:
        path = file.relative_to(root)
        if path.name in ("parse.c", "parse.h", "scan.c", "library.c"):
            continue  # made by tools
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
            found = INCLUDE.match(line)
            if not found or (found[1] == "<" and not found[2].startswith("llvm")):
                continue
            if not allowed(folder_of(path), path, found[2]):
                print(f"{path}:{number}: {folder_of(path)}/ may not include {found[2]}")
                wrong += 1
    if not files:
        sys.exit("no source was found")
    sys.exit(1 if wrong else 0)


main()
