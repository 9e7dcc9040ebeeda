"""pictures.py GRADC EXAMPLES: what --plot, --plot-fit, --plot-residuals, --plot-confusion and --report
write. Marks are counted in the SVG; PNGs are decoded."""
import base64
import ctypes
import hashlib
import html.parser
import json
import os
import pathlib
import re
import struct
import subprocess
import sys
import xml.etree.ElementTree as tree
import zlib

GRADC, EXAMPLES = sys.argv[1], pathlib.Path(sys.argv[2])
SVG = "{http://www.w3.org/2000/svg}"
BLUE, RED = (0, 0x72, 0xb2), (0xd5, 0x5e, 0)


def has_cairo():
    try:
        ctypes.CDLL("libcairo.so.2")
        return True
    except OSError:
        return False


def build(name, text=None):
    source = EXAMPLES / f"{name}.model"
    if text is not None:
        source = pathlib.Path(f"{name}.model")
        source.write_text(text, encoding="utf-8")
    subprocess.run([GRADC, source, "-o", name], check=True)


def run(name, *words, status=0, **environment):
    done = subprocess.run([f"./{name}", *map(str, words)], capture_output=True, check=False, timeout=300,
                          env=os.environ | environment)
    assert done.returncode == status, (words, done.returncode, done.stderr.decode())
    return done.stderr.decode()


def color(element):
    """The stroke, from attributes or style, as numbers of 0 … 255."""
    text = element.get("stroke") or (re.search(r"stroke:([^;]*)", element.get("style") or "") or [0, ""])[1]
    parts = re.findall(r"([\d.]+)(%?)", text)
    return tuple(round(float(v) * 2.55) if p else round(float(v)) for v, p in parts) if text != "none" else ()


def is_round(element):
    return element.get("stroke-linecap") == "round" or "stroke-linecap:round" in (element.get("style") or "")


def marks(svg):
    """The title, how many dots there are, and the points of the longest line of each colour."""
    root = tree.fromstring(svg)
    assert root.tag == SVG + "svg" and root.get("role") == "img", root.attrib
    title = root.find(SVG + "title").text
    text = svg.decode()
    assert not re.search(r"\bnan\b|\binf\b", text, re.I), "not a number"
    dots, lines = 0, {}
    for element in root.iter(SVG + "path"):
        path = element.get("d")
        for number in re.findall(r"-?[\d.]+(?:e[-+]?\d+)?", path):
            assert abs(float(number)) < 1e5, number
        if is_round(element):
            dots += path.count("M")
        elif color(element) in (BLUE, RED):
            lines[color(element)] = max(lines.get(color(element), 0), path.count("L"))
    return title, dots, lines


def picture(path):
    return marks(pathlib.Path(path).read_bytes())


def pixels(path):
    """Width, height and the set of colours of a PNG that is not interlaced."""
    data = pathlib.Path(path).read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n" and data[-8:-4] == b"IEND"
    at, body, head = 8, b"", None
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at:at + 8])
        chunk = data[at + 8:at + 8 + length]
        assert zlib.crc32(kind + chunk) == struct.unpack(">I", data[at + 8 + length:at + 12 + length])[0]
        head = struct.unpack(">IIBBBBB", chunk) if kind == b"IHDR" else head
        body += chunk if kind == b"IDAT" else b""
        at += 12 + length
    assert len(zlib.decompress(body)) == head[1] * (1 + head[0] * (4 if head[3] == 6 else 3)), head
    return head[:2]


def write(path, rows, header="x,y"):
    pathlib.Path(path).write_text(header + "\n" + "".join(f"{','.join(map(str, r))}\n" for r in rows), encoding="utf-8")
    return path


def test_curve():
    build("danwood")
    data = EXAMPLES / "data/danwood.csv"
    run("danwood", "train", data, "-q", "--plot=c.svg", "--log=c.csv")
    title, dots, lines = picture("c.svg")
    log = pathlib.Path("c.csv").read_text(encoding="utf-8").splitlines()[1:]
    # cairo joins what lies on one line
    assert dots == 0 and 3 <= lines[BLUE] < len(log) and RED not in lines, (dots, lines, len(log))
    assert title.startswith("The objective by epoch: from 24.95 at epoch 0 to 0.00071"), title
    run("danwood", "train", data, "-q", "--plot=c.png", "--plot-fit=c.pdf")
    assert pixels("c.png") == (1280, 800)
    assert pathlib.Path("c.pdf").read_bytes().startswith(b"%PDF-1")
    # one point only
    run("danwood", "train", data, "-q", "--epochs=0", "--plot=one.svg")
    assert picture("one.svg")[1:] == (1, {}), picture("one.svg")
    # more epochs than there is room for
    for method, low, high in (("bgd", 1000, 2001), ("sgd", 100, 202)):
        run("danwood", "train", data, "-q", f"--method={method}", "--rate=1e-6", "--epochs=7777", "--plot=l.svg")
        count = picture("l.svg")[2][BLUE]
        assert low / 4 <= count <= high, (method, count)


def test_same_run():
    """A picture changes nothing of the result."""
    build("linreg")
    data = EXAMPLES / "data/diabetes.csv"
    for method in ("sgd", "adam", "lbfgs", "bgd"):
        words = ("train", data, "-q", f"--method={method}", "--epochs=30")
        run("linreg", *words, "-o", "plain.json")
        run("linreg", *words, "-o", "plotted.json", "--plot=p.svg", "--report=p.html")
        assert pathlib.Path("plain.json").read_bytes() == pathlib.Path("plotted.json").read_bytes(), method
    page = pathlib.Path("p.html").read_bytes()
    run("linreg", *words, "-o", "plotted.json", "--plot=p.svg", "--report=p.html")
    assert page == pathlib.Path("p.html").read_bytes()


def test_fit():
    data = EXAMPLES / "data/danwood.csv"
    run("danwood", "train", data, "-q", "--plot-fit=f.svg", "--plot-residuals=r.svg", "-o", "d.json")
    title, dots, lines = picture("f.svg")
    assert dots == 6 + 1 and 100 < lines[RED] < 300, (dots, lines)  # a dot is in the legend
    assert title == "y by x: the data of 6 rows as dots, what the model says as a line", title
    assert picture("r.svg")[1] == 6
    run("danwood", "eval", "-m", "d.json", data, "--plot-fit=e.svg")
    assert pathlib.Path("e.svg").read_bytes() == pathlib.Path("f.svg").read_bytes()
    diabetes = EXAMPLES / "data/diabetes.csv"
    run("linreg", "train", diabetes, "-q", "--method=lbfgs", "--plot-fit=f.svg", "--plot-residuals=r.svg")
    assert picture("f.svg")[1] == picture("r.svg")[1] == 442
    # many rows are thinned; names are what they are
    build("line", (EXAMPLES / "line.model").read_text(encoding="utf-8"))
    write("many.csv", [(i % 1000, i % 7) for i in range(12345)])
    run("line", "train", "many.csv", "-q", "--epochs=1", "--rate=1e-9", "--plot-fit=m.svg")
    assert 1000 < picture("m.svg")[1] <= 2001, picture("m.svg")
    write("names.csv", [(1, 2), (2, 4)], "größe,<&>")
    run("line", "train", "names.csv", "-q", "--columns", "x=<&> y=größe", "--plot-fit=n.svg", "--report=n.html")
    assert picture("n.svg")[0].startswith("größe by <&>: the data of 2 rows")
    assert "&lt;&amp;&gt;" in check_page("n.html")[0]


def test_standardised():
    """What is shown is in the units of the data."""
    build("affine", "param w, b\nforward(x) = w * x + b\nloss(x, y) = (forward(x) - y)^2\n")
    write("units.csv", [(1000 + 3 * i, 7 * i + i % 3) for i in range(40)])
    texts = []
    for words in ((), ("--standardize",)):
        run("affine", "train", "units.csv", "-q", "--method=lbfgs", *words, "--plot-fit=u.svg", "--report=u.html")
        texts.append(re.findall("<use [^>]*>", pathlib.Path("u.svg").read_text(encoding="utf-8")))
        cells = re.findall(r'<td class="n">([^<]*)</td>', check_page("u.html")[0])
        assert "1000" in cells and "1058.5" in cells and "1117" in cells, cells
    assert texts[0] == texts[1] and len(texts[0]) > 20, texts


def test_numbers():
    """Points that are huge, tiny, equal, or one."""
    cases = {"huge": [(-1e150, 1e150), (1e150, -1e150)], "tiny": [(1e-300, 2e-300), (3e-300, 1e-300)],
             "equal": [(1, 5), (1, 5)], "one": [(3, 4)], "zero": [(0, 0), (0, 0)],
             "far": [(1e9 + 1e-3, 1), (1e9 + 2e-3, 2)]}
    for name, rows in cases.items():
        write(f"{name}.csv", rows)
        plots = [f"--plot{k}={name}{k}.svg" for k in ("", "-fit", "-residuals")]
        run("line", "train", f"{name}.csv", "-q", "--epochs=2", "--rate=1e-320", *plots, f"--report={name}.html")
        assert picture(f"{name}-fit.svg")[1] == len(rows) + 1, name
        assert picture(f"{name}-residuals.svg")[1] == len(rows), name
        picture(f"{name}.svg")
        check_page(f"{name}.html")


def test_classes():
    for name, data, classes, rows in (("softmax", "iris", 3, 150), ("logistic", "breast_cancer", 2, 569),
                                      ("hinge", "breast_cancer", 2, 569)):
        build(name)
        data = EXAMPLES / f"data/{data}.csv"
        run(name, "train", data, "-q", "--method=lbfgs", "--plot-confusion=c.svg", "-o", "m.json")
        done = subprocess.run([f"./{name}", "eval", "-m", "m.json", data], capture_output=True, check=True)
        accuracy = float(re.search(rb"accuracy = (\S+)", done.stdout)[1])
        title, _, _ = picture("c.svg")
        right, whole = map(int, re.search(r"(\d+) of (\d+) rows are right", title).groups())
        assert whole == rows and abs(right / rows - accuracy) < 1e-9, (name, title, accuracy)
        root = tree.parse("c.svg")
        cells = [e for e in root.iter(SVG + "path") if e.get("fill-rule") or "fill-rule" in (e.get("style") or "")]
        assert len(cells) >= classes * classes, len(cells)
    message = run("softmax", "train", EXAMPLES / "data/iris.csv", "-q", "--plot-fit=x.svg", status=1)
    assert "--plot-fit: there is no fit to draw: the target is a class" in message, message
    message = run("danwood", "train", EXAMPLES / "data/danwood.csv", "-q", "--plot-confusion=x.svg", status=1)
    assert "the target is a number, not a class" in message and not os.path.exists("x.svg"), message


class Page(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.links, self.images, self.tags = [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        for name, value in attrs:
            if name in ("src", "href", "action"):
                self.links.append(value)
        if tag == "img":
            self.images.append(dict(attrs))


def check_page(path):
    """Well-formed, self-contained, its pictures too; returns its text and pictures."""
    data = pathlib.Path(path).read_bytes()
    tree.fromstring(data)
    page = Page()
    page.feed(data.decode())
    assert all(link.startswith("data:image/svg+xml;base64,") for link in page.links), page.links
    assert "script" not in page.tags and "http" not in re.sub(r"http://www\.w3\.org/\S*", "", data.decode())
    assert all(image["alt"] for image in page.images)
    return data.decode(), [marks(base64.b64decode(image["src"].split(",")[1])) for image in page.images]


def test_page():
    data = EXAMPLES / "data/iris.csv"
    run("softmax", "train", data, "-q", "--method=lbfgs", "--report=5", "--report=s.html", "-o", "s.json")
    text, pictures = check_page("s.html")
    assert len(pictures) == 2, pictures
    values = json.loads(pathlib.Path("s.json").read_text(encoding="utf-8"))["params"]["W"]
    for expected in ("<math", "sepal_length", "setosa", hashlib.sha256(data.read_bytes()).hexdigest(),
                     f'title="{values[1][2]!r}"', "-log_softmax(scores(x))[y]", "--method=lbfgs", "recall"):
        assert expected in text, expected
    run("linreg", "train", EXAMPLES / "data/diabetes.csv", "-q", "--method=lbfgs", "--report=l.html")
    text, pictures = check_page("l.html")
    assert len(pictures) == 4 and text.count("<svg class") == 11, len(pictures)
    # what names and texts can be
    build("odd", "# <b>&amp; ]]> é\nparam größe\nforward(x) = größe * x\nloss(x, y) = (forward(x) - y)^2\n")
    write("odd <&\">'.csv", [(1, 2), (2, 4.1)])
    run("odd", "train", "odd <&\">'.csv", "-q", "--report=o.html", "--plot=o.svg")
    text, _ = check_page("o.html")
    assert "# &lt;b&gt;&amp;amp; ]]&gt; é" in text and "größe" in text
    # a run that diverges, one that is stopped before it began
    run("odd", "train", "odd <&\">'.csv", "-q", "--method=bgd", "--rate=1e200", "--report=d.html", status=1)
    assert "diverged; these are the last good parameters" in check_page("d.html")[0]
    run("odd", "train", "odd <&\">'.csv", "-q", "--epochs=0", "--report=z.html")
    check_page("z.html")


def test_examples():
    """Pages of models with other shapes: samples of many rows, no forward, params in rows."""
    for name, words in (("hmm", ("series.csv", "--sample=series")), ("crf", ("tags.csv", "--sample=sentence", "--columns", "x=length..vowel y=y")),
                        ("gp_fit", ("gp.csv",)), ("poisson", ("counts.csv",)), ("word2vec", ("words.csv",)),
                        ("eight_schools", ("eight_schools.csv",)), ("mlp", ("digits.csv",))):
        build(name)
        run(name, "train", EXAMPLES / "data" / words[0], *words[1:], "-q", "--epochs=3", f"--report={name}.html")
        check_page(f"{name}.html")


def test_failures():
    data = EXAMPLES / "data/danwood.csv"
    for word in ("--plot=x.gif", "--plot-fit=", "--plot-residuals=svg"):
        message = run("danwood", "train", data, word, status=2)
        assert "expected a name that ends in .svg, .png or .pdf" in message, message
    assert "expected a whole number" in run("danwood", "train", data, "--report=x.htm", status=2)
    for path in ("nowhere/x.svg", "nowhere/x.html"):
        kind = "--report" if path.endswith("html") else "--plot"
        message = run("danwood", "train", data, "-q", f"{kind}={path}", "-o", "kept.json", status=1)
        assert f"cannot write `{path}`" in message and os.path.exists("kept.json"), message
        os.remove("kept.json")
    os.symlink("/dev/full", "full.svg")
    assert "cannot write `full.svg`" in run("danwood", "train", data, "-q", "--plot=full.svg", status=1)
    # without the library
    message = run("danwood", "train", data, "-q", "--plot=x.svg", status=1, GRADC_LIBCAIRO="/nowhere.so")
    assert "apt-get install libcairo2" in message and not os.path.exists("x.svg"), message
    message = run("danwood", "train", data, "-q", "--report=w.html", GRADC_LIBCAIRO="/nowhere.so")
    assert "warning: the page will be without pictures" in message, message
    text, pictures = check_page("w.html")
    assert not pictures and "There are no pictures" in text


if has_cairo():
    for test in (test_curve, test_same_run, test_fit, test_standardised, test_numbers, test_classes, test_page, test_examples,
                 test_failures):
        test()
else:
    print("cairo is not installed: pictures are not tested")
