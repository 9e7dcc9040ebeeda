#!/usr/bin/python3
"""Makes diabetes.csv, breast_cancer.csv, iris.csv, digits.csv (from scikit-learn's bundled data, Debian's
python3-sklearn) and negative_binomial.csv (drawn with a fixed seed). Run in this folder; the results ship."""
import random, math
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
