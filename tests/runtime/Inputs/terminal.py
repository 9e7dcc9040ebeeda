"""terminal.py LINE: what `train` draws on a terminal: never wider than the window, gone at the end,
also after the window became narrower; no colour with NO_COLOR, no redrawing on a dumb terminal."""
import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import tempfile
import termios
import time

LINE = os.path.abspath(sys.argv[1])
os.chdir(tempfile.mkdtemp())
with open("rows.csv", "w", encoding="utf-8") as out:
    out.write("x,y\n" + "".join(f"{i % 17},{2 * (i % 17) + 1}\n" for i in range(20000)))


class Screen:
    """A terminal of a few rows that wraps, as real ones do."""

    def __init__(self, width):
        self.width, self.rows, self.row, self.column, self.wrapped = width, [[]], 0, 0, 0

    def put(self, char):
        if self.column == self.width:
            self.wrapped += 1
            self.down()
            self.column = 0
        line = self.rows[self.row]
        line.extend(" " * (self.column + 1 - len(line)))
        line[self.column] = char
        self.column += 1

    def down(self):
        self.row += 1
        if self.row == len(self.rows):
            self.rows.append([])

    def clear(self):
        del self.rows[self.row][self.column:]
        del self.rows[self.row + 1:]

    def resize(self, width):
        """Rows that are too long are wrapped; the cursor stays at its character."""
        text = [c for row in self.rows[:self.row] for c in row] + self.rows[self.row]
        self.rows = [text[i:i + width] for i in range(0, max(len(text), 1), width)]
        self.width, self.row = width, len(self.rows) - 1
        self.column = len(self.rows[-1])

    def feed(self, text):
        for part in re.findall(r"\033\[[0-9;]*[A-Za-z]|.", text, re.S):
            if part == "\033[J":
                self.clear()
            elif part == "\033[A":
                self.row -= 1
            elif part in ("\033[2m", "\033[22m"):
                pass
            elif part == "\r":
                self.column = 0
            elif part == "\n":
                self.down()
            else:
                assert not part.startswith("\033"), part
                self.put(part)

    def text(self):
        return "\n".join("".join(row).rstrip() for row in self.rows)


def train(width, resized=None, epochs=2000, **environment):
    """All that came, what a line looked like half-way, and the screen when it is over."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
    settings = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "COLUMNS")}
    settings |= {"TERM": "xterm"} | environment
    command = [LINE, "train", "rows.csv", f"--epochs={epochs}", "--method=bgd", "--rate=1e-6", "--tolerance=0", "--threads=1",
               "--statistics=no"]
    with subprocess.Popen(command, stdout=slave, stderr=slave, env=settings) as child:
        os.close(slave)
        screen, whole, lines, start = Screen(width), "", [], time.time()
        while True:
            ready, _, _ = select.select([master], [], [], 0.5)
            try:
                piece = os.read(master, 65536).decode() if ready else None
            except OSError:
                break
            if piece == "":
                break
            if piece:
                whole += piece
                screen.feed(piece)
                if child.poll() is None and "w = " not in whole:  # the end has lines of its own, in pieces
                    lines.append(screen.text())
            if resized and "/" in whole:
                fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", 24, resized, 0, 0))
                screen.resize(resized)
                resized = None
            assert time.time() - start < 120
        child.wait()
        os.close(master)
    assert child.returncode == 0, whole
    return whole, lines, screen


def end_is_clean(screen):
    text = screen.text()
    assert "left" not in text and "epoch " not in text, text
    assert text.startswith("w = "), text


def test_widths():
    for width in (200, 80, 60, 40, 30, 20, 14, 7, 1):
        whole, lines, screen = train(width)
        drawn = [line for line in lines if line]
        assert drawn, whole
        for line in drawn:
            assert "\n" not in line and len(line) < max(width, 2), (width, line)
        if width >= 14:
            assert re.match(r"(epoch )?\d+/2000", drawn[-1]), drawn
        if width >= 60:
            assert any("objective" in line and re.search(r"\d:\d\d left", line) for line in drawn), drawn
        if width >= 200:
            assert any("|gradient|" in line and "rate 1e-06" in line for line in drawn), drawn
        if width >= 200:
            assert any(re.search(r"\d+(\.\d+)?[kMG]? samples/s", line) for line in drawn), drawn
        if width > 14:
            end_is_clean(screen)


def test_resize():
    for before, after in ((120, 50), (120, 30), (40, 120)):
        _, lines, screen = train(before, resized=after, epochs=3000)
        assert len(lines[-1]) < after, lines[-1]
        end_is_clean(screen)


def test_environment():
    whole, lines, _ = train(120, COLUMNS="40")
    assert all(len(line) < 40 for line in lines) and "\033[2m" in whole, whole
    whole, _, _ = train(120, COLUMNS="junk", NO_COLOR="1")
    assert not re.search(r"\033\[[0-9;]*m", whole) and "\033[J" in whole, whole
    for term in ("dumb", ""):
        whole, _, _ = train(120, TERM=term)
        assert "\033" not in whole and re.match(r"epoch=0 objective=\S+ grad_norm=\S+ rate=1e-06", whole), whole


test_widths()
test_resize()
test_environment()
