"""Each format string of diag_error and diag_warning in src/ and grammar/ matches some line of a golden.

A call may be marked `/* rare: why */` on the line of its string where no small file can show it.
"""
import pathlib
import re
import sys

CALL = re.compile(r"\bdiag_(error|warning)\s*\(")
STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')
PLACE = re.compile(r"%[-+ #0]*(?:\d+|\*)?(?:\.(?:\d+|\*))?(?:hh|h|ll|l|z|j|t)?[a-zA-Z]")
ESCAPES = {'\\"': '"', "\\\\": "\\", "\\n": "\n", "\\t": "\t"}


def arguments(text, start):
    """The text between the parentheses that open at `start`."""
    depth, k = 0, start
    while k < len(text):
        if text[k] == '"':
            k = STRING.match(text, k).end()
            continue
        if text[k] == "'":
            k = text.index("'", k + 2 if text[k + 1] == "\\" else k + 1) + 1
            continue
        depth += text[k] == "("
        depth -= text[k] == ")"
        if depth == 0:
            return text[start + 1 : k]
        k += 1
    return text[start + 1 :]


def formats(call):
    """Format strings of a call: adjacent literals joined; a choice `a ? "x" : "y"` is both."""
    pieces, last = [], None
    for found in STRING.finditer(call):
        between = call[last : found.start()] if last is not None else None
        if between is not None and re.fullmatch(r"\s*(PRI\w+\s*)?", between):
            pieces[-1] += ("" if "PRI" not in between else "d") + found[1]
        else:
            pieces.append(found[1])
        last = found.end()
    return pieces


def pattern(fmt):
    for escape, plain in ESCAPES.items():
        fmt = fmt.replace(escape, plain)
    out, last = "", 0
    for found in PLACE.finditer(fmt.replace("%%", "\0")):
        text = fmt.replace("%%", "\0")
        out += re.escape(text[last : found.start()]) + ".*"
        last = found.end()
    out += re.escape(fmt.replace("%%", "\0")[last:])
    return re.compile(out.replace("\\\0", "%").replace("\0", "%"))


def main():
    root = pathlib.Path(sys.argv[1])
    goldens = "\n".join(f.read_text(encoding="utf-8", errors="replace")
                        for f in sorted((root / "tests/errors").glob("*.err")))
    missing = total = 0
    files = [*sorted((root / "src").rglob("*.c")), *sorted((root / "grammar").glob("*.[ly]"))]
    for file in files:
        if file.name == "diag.c":
            continue
        text = file.read_text(encoding="utf-8")
        for call in CALL.finditer(text):
            line_end = text.find(";", call.end())
            if "/* rare:" in text[call.start() : text.find("\n", max(line_end, 0))]:
                continue
            for fmt in formats(arguments(text, call.end() - 1))[:1]:
                if len(PLACE.sub("", fmt).strip(" `,;:")) < 4:
                    continue  # all of it is computed
                total += 1
                if not pattern(fmt).search(goldens):
                    line = text.count("\n", 0, call.start()) + 1
                    print(f"{file.relative_to(root)}:{line}: no golden shows \"{fmt}\"")
                    missing += 1
    print(f"{total - missing} of {total} messages are shown")
    sys.exit(1 if missing else 0)


main()
