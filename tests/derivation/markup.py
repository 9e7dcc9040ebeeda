"""markup.py GRADC EXAMPLES FOLDER: the pages and documents of all models are well formed.

Pages are valid XML, tables have rows of equal length, all formulas are MathML of known elements;
LaTeX has balanced braces, \\left with \\right, and environments that end.
"""
import pathlib
import re
import subprocess
import sys
import xml.etree.ElementTree as xml

XHTML = "{http://www.w3.org/1999/xhtml}"
MATH = {"math", "mrow", "mi", "mn", "mo", "mtext", "msub", "msup", "mfrac", "msqrt", "munder", "mover",
        "mtable", "mtr", "mtd"}
CHILDREN = {"msub": 2, "msup": 2, "mfrac": 2, "munder": 2, "mover": 2}


def check_page(text):
    root = xml.fromstring(text)
    formulas = list(root.iter(XHTML + "math"))
    if not formulas:
        yield "a page without formulas"
    for formula in formulas:
        for element in formula.iter():
            name = element.tag.replace(XHTML, "")
            if name not in MATH:
                yield f"{name} is no element of MathML"
            if len(element) != CHILDREN.get(name, len(element)):
                yield f"{name} has {len(element)} children"
            if name in ("mi", "mn") and not (element.text or "").strip():
                yield f"an empty {name}"


def check_document(text):
    depth = 0
    plain = re.sub(r"\\[{}]", "", text)
    for c in plain:
        depth += (c == "{") - (c == "}")
        if depth < 0:
            break
    if depth != 0:
        yield "braces are not balanced"
    if len(re.findall(r"\\left\b", text)) != len(re.findall(r"\\right\b", text)):
        yield "\\left and \\right do not match"
    if re.findall(r"\\begin\{(.*?)\}", text).count("document") != 1:
        yield "not one document"
    stack = []
    for kind, name in re.findall(r"\\(begin|end)\{(.*?)\}", text):
        if kind == "begin":
            stack.append(name)
        elif not stack or stack.pop() != name:
            yield f"\\end{{{name}}} ends nothing"


def main():
    gradc, folder = sys.argv[1], pathlib.Path(sys.argv[3])
    folder.mkdir(parents=True, exist_ok=True)
    wrong = []
    for model in sorted(pathlib.Path(sys.argv[2]).glob("*.model")):
        for kind, check in (("html", check_page), ("tex", check_document)):
            made = folder / f"{model.stem}.{kind}"
            done = subprocess.run([gradc, f"--emit={kind}", "--derivatives=grad,jvp,hessian", "-o", str(made),
                                   str(model)], capture_output=True, text=True, check=False)
            if done.returncode != 0:
                wrong.append(f"{model.name}: {kind}: status {done.returncode}\n{done.stderr}")
                continue
            text = made.read_text(encoding="utf-8")
            wrong += [f"{made.name}: {line}" for line in check(text)]
            if len(text) > 4_000_000:
                wrong.append(f"{made.name}: {len(text)} bytes")
    print("\n".join(wrong))
    sys.exit(1 if wrong else 0)


main()
