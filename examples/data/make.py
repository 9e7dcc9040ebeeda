#!/usr/bin/python3
"""Makes diabetes.csv, breast_cancer.csv, iris.csv, digits.csv (from scikit-learn's bundled data, Debian's
python3-sklearn) and what is drawn with fixed seeds. Run in this folder; the results ship."""
import json, math, random
from sklearn import datasets

def standardised(rows):
    columns = list(zip(*rows))
    result = []
    for column in columns:
        mean = math.fsum(column) / len(column)
        deviation = math.sqrt(math.fsum((v - mean) ** 2 for v in column) / len(column))
        result.append([(v - mean) / deviation for v in column])
    return list(zip(*result))

def write(name, header, rows):
    with open(name, "w") as f:
        f.write(",".join(header) + "\n")
        for row in rows:
            f.write(",".join(row) + "\n")

d = datasets.load_diabetes(scaled=False)
write("diabetes.csv", d.feature_names + ["y"],
      [["%.6g" % v for v in x] + ["%g" % y] for x, y in zip(standardised(d.data.tolist()), d.target)])

d = datasets.load_breast_cancer()
write("breast_cancer.csv", [n.replace(" ", "_") for n in d.feature_names] + ["y"],
      [["%.6g" % v for v in x] + ["%d" % y] for x, y in zip(standardised(d.data.tolist()), d.target)])

d = datasets.load_iris()
write("iris.csv", ["sepal_length", "sepal_width", "petal_length", "petal_width", "y"],
      [["%.1f" % v for v in x] + [str(d.target_names[y])] for x, y in zip(d.data, d.target)])

d = datasets.load_digits()
write("digits.csv", ["x%d" % j for j in range(64)] + ["y"],
      [["%g" % (v / 16) for v in x] + ["%d" % y] for x, y in zip(d.data, d.target)])

random.seed(1)
rows = []
for _ in range(300):
    x = [random.gauss(0, 1) for _ in range(3)]
    mu = math.exp(1 + 0.5 * x[0] - 0.3 * x[1] + 0.1 * x[2])
    rate = random.gammavariate(2, mu / 2)
    limit, count, product = math.exp(-rate), 0, random.random()
    while product > limit:
        count, product = count + 1, product * random.random()
    rows.append(["%.4f" % v for v in x] + ["%d" % count])
write("negative_binomial.csv", ["x0", "x1", "x2", "y"], rows)

random.seed(1)
rows = [["%.6f" % random.random(), "%.6f" % random.random(), "0"] for _ in range(300)]
rows += [["%.6f" % (k / 59), "0", "1"] for k in range(60)]
rows += [["%d" % (k % 2), "%.6f" % random.random(), "2"] for k in range(60)]
write("heat.csv", ["x", "t", "kind"], rows)

# Series of a machine with two states, slow (3) and fast (10).
random.seed(2)
rows = []
for series in range(12):
    state = random.randrange(2)
    for _ in range(random.randrange(15, 40)):
        rows.append(["%d" % series, "%.3f" % random.gauss((3, 10)[state], (1, 2)[state])])
        state = state if random.random() < (0.8, 0.7)[state] else 1 - state
write("series.csv", ["series", "y"], rows)

# Sentences of a small grammar, DET (ADJ) NOUN VERB (DET NOUN), with features of each word that say little: its
# length, is it capital, does it end in -s, in -ed, in a vowel.
random.seed(3)
words = {"DET": "the a some this that", "ADJ": "old big red sorted tired naive", "VERB": "runs jumped sees rusts fades cooked",
         "NOUN": "dog seed bus house tree bed glass idea"}
rows = []
for sentence in range(60):
    labels = ["DET"] + ["ADJ"] * random.randrange(3) + ["NOUN", "VERB"]
    labels += ["DET", "NOUN"] * random.randrange(2)
    for k, label in enumerate(labels):
        word = random.choice(words[label].split())
        features = [len(word) / 4, k == 0, word.endswith("s"), word.endswith("ed"), word[-1] in "aeiou"]
        rows.append(["%d" % sentence, word] + ["%g" % v for v in features] + [label])
write("tags.csv", ["sentence", "word", "length", "capital", "s", "ed", "vowel", "y"], rows)

# A text, as rows with a 1 for the character, of the 14 that are most frequent; the state of the LSTM at its beginning.
text = "the rain in spain stays mainly in the plain; so it rains and rains on the train and on the tin"
known = " aeinorsthlmdp"
write("text.csv", ["x%d" % k for k in range(14)], [["%d" % (c == k) for k in known] for c in text if c in known])
random.seed(4)
write("state.csv", ["s%d" % k for k in range(14)], [["%.4f" % random.gauss(0, 0.1) for _ in range(14)] for _ in range(4)])

# A curve at forty places, with noise, for a Gaussian process.
random.seed(5)
rows = []
for x in sorted(random.uniform(0, 10) for _ in range(40)):
    y = math.sin(x) + math.cos(2.3 * x) / 2 + random.gauss(0, 0.2)
    rows.append(["%.4f" % x, "%.4f" % y])
write("gp.csv", ["x", "y"], rows)

# Ratings from 1 to 5 of forty films by sixty people: two tastes, biases and noise. Every sixth is kept for the test.
random.seed(6)
people = [[random.gauss(0, 0.7), random.gauss(0, 0.7), random.gauss(0, 0.3)] for _ in range(60)]
films = [[random.gauss(0, 1), random.gauss(0, 1), random.gauss(0, 0.4)] for _ in range(40)]
rows, test = [], []
for k, pair in enumerate(random.sample(range(60 * 40), 1200)):
    u, i = divmod(pair, 40)
    p, f = people[u], films[i]
    r = 3.4 + p[2] + f[2] + p[0] * f[0] + p[1] * f[1] + random.gauss(0, 0.3)
    (test if k % 6 == 5 else rows).append(["%d" % u, "%d" % i, "%g" % (round(2 * min(max(r, 1), 5)) / 2)])
write("ratings.csv", ["u", "i", "r"], rows)
write("ratings_test.csv", ["u", "i", "r"], test)

# A bundle adjustment problem: five cameras around forty points in a box see most of them, to half a pixel. What
# an adjustment starts from, cameras and points that are a little off, is bundle_start.json.
random.seed(7)
def cross(a, b):
    return [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
def project(c, point):
    x = [p - q for p, q in zip(point, c[3:6])]
    angle = math.sqrt(sum(v * v for v in c[:3]))
    axis = [v / angle for v in c[:3]]
    turned, along = cross(axis, x), sum(a * v for a, v in zip(axis, x))
    p = [v * math.cos(angle) + t * math.sin(angle) + a * along * (1 - math.cos(angle))
         for v, t, a in zip(x, turned, axis)]
    q = [p[0] / p[2], p[1] / p[2]]
    s = q[0] ** 2 + q[1] ** 2
    return [c[6] * v * (1 + c[9] * s + c[10] * s * s) + centre for v, centre in zip(q, c[7:9])]
cameras = []
for k in range(5):
    turn = 0.25 * (k - 2)
    cameras.append([random.gauss(0, 0.05), turn, random.gauss(0, 0.05), 5 * math.sin(turn), random.gauss(0, 0.3),
                    -5 * math.cos(turn), 500 + random.gauss(0, 10), 320, 240, -0.05, 0.01])
points = [[random.uniform(-1, 1) for _ in range(3)] for _ in range(40)]
rows = []
for i, camera in enumerate(cameras):
    for j, point in enumerate(points):
        if random.random() < 0.8:
            feature = [v + random.gauss(0, 0.5) for v in project(camera, point)]
            rows.append(["%d" % i, "%d" % j, "%d" % len(rows)] + ["%.3f" % v for v in feature])
write("bundle.csv", ["i", "j", "o", "feat0", "feat1"], rows)
off = [0.01] * 3 + [0.05] * 3 + [5, 0, 0, 0.01, 0.005]
cameras = [[round(v + random.gauss(0, s), 4) for v, s in zip(camera, off)] for camera in cameras]
points = [[round(v + random.gauss(0, 0.02), 4) for v in point] for point in points]
with open("bundle_start.json", "w") as f:
    json.dump({"model": "bundle", "params": {"cam": cameras, "X": points, "w": [1] * len(rows)}}, f)
    f.write("\n")

# Pairs of neighbours in sentences of a small language, for word2vec, with five other words drawn by their frequency.
random.seed(8)
things = {"ANIMAL": "dog cat horse cow sheep", "FOOD": "bread meat cheese fish grain", "DRINK": "water milk tea wine juice",
          "VEHICLE": "car train boat bus plane", "PLACE": "london paris rome berlin madrid"}
kinds = [["ANIMAL", "eats", "FOOD"], ["ANIMAL", "drinks", "DRINK"], ["VEHICLE", "goes", "PLACE"], ["VEHICLE", "leaves", "PLACE"]]
sentences = [[random.choice(things[w].split()) if w in things else w for w in random.choice(kinds)] for _ in range(400)]
bag = [w for s in sentences for w in s]
rows = [[s[k], s[j]] + random.sample(bag, 5) for s in sentences for k in range(3) for j in range(3) if j != k]
write("words.csv", ["word", "context"] + ["neg%d" % k for k in range(5)], rows)
