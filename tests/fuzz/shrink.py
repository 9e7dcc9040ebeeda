"""Makes a program that fails smaller, as long as it fails in the same way.

Whole statements go first, with the blocks that they open; then what stands in brackets becomes a
number or one of its own parts; then operands go. Most candidates are wrong programs, and are
refused in a moment."""
import re
import time

OPERAND = r"-?[A-Za-z0-9_.]+(?:\([^()]*\)|\[[^\[\]]*\])?'?"
OPENING = {")": "(", "]": "[", "}": "{"}


def brackets(text):
    """The places [start, end) of all brackets, longest first."""
    open_at, found = [], []
    for k, letter in enumerate(text):
        if letter in "([{":
            open_at.append(k)
        elif letter in OPENING and open_at:
            found.append((open_at.pop(), k + 1))
    return sorted(found, key=lambda span: span[0] - span[1])


def parts(inner):
    """What commas separate, at the outermost level; of a comprehension its body too."""
    depth, start, found = 0, 0, []
    for k, letter in enumerate(inner + ","):
        depth += (letter in "([{") - (letter in ")]}")
        if letter == "," and depth == 0:
            found.append(inner[start:k].strip())
            start = k + 1
    return [p.split(" for ")[0] for p in found] + re.findall(r"then (.*) else (.*)", inner)[:1]


def block_end(lines, k):
    """The last line of the block that line k opens, k itself if it opens none."""
    depth = 0
    for end in range(k, len(lines)):
        depth += lines[end].count("{") - lines[end].count("}")
        if depth <= 0:
            return end
    return len(lines) - 1


def without_lines(text, fails, end):
    """Statements go, with the blocks that they open; then blocks' heads and ends alone."""
    for outer in (True, False):
        k = len(text.split("\n")) - 1
        while k >= 0 and time.time() < end:
            lines = text.split("\n")
            last = block_end(lines, k) if k < len(lines) else k
            if k < len(lines) and (not outer or not lines[k].startswith((" ", "}"))):
                other = "\n".join(lines[:k] + lines[last + 1:])
                inner = "\n".join(lines[:k] + lines[k + 1:last] + lines[last + 1:])
                if fails(other):
                    text = other
                elif last > k and not outer and fails(inner):
                    text = inner
            k -= 1
    return text


def with_less(text):
    for start, end in brackets(text):
        if text[start] == "{":
            continue
        name = re.search(r"[A-Za-z_0-9]*$", text[:start]).start()
        inner = parts(text[start + 1:end - 1])
        inner = [p for group in inner for p in ([group] if isinstance(group, str) else group)]
        for first in {name, start}:
            for other in ["0.31", "(x)", "p", "q", "[0.3, 0.7]"] + [f"({p})" for p in inner] + inner:
                if len(other) < end - first:
                    yield text[:first] + other + text[end:]
    for match in re.finditer(rf" (?:[-+*/@^<>]|and|or|<=|>=) {OPERAND}|{OPERAND} (?:[-+*/@]|and|or) |\^{OPERAND}|not |, {OPERAND}", text):
        yield text[:match.start()] + text[match.end():]
    for match in re.finditer(rf"{OPERAND}", text):
        if len(match.group()) > 4:
            yield text[:match.start()] + "0.31" + text[match.end():]


def shrink(text, fails, seconds=120):
    """The smallest text found for which `fails(text)` stays true."""
    end = time.time() + seconds
    before = None
    while text != before and time.time() < end:
        before = text
        text = without_lines(text, fails, end)
        again = True
        while again and time.time() < end:
            again = False
            for candidate in with_less(text):
                if time.time() > end:
                    break
                if len(candidate) < len(text) and fails(candidate):
                    text, again = candidate, True
                    break
    return text
