"""layers.py GRADC CC FOLDER: the layers and the functions of vectors of the standard library against loops written
here, from C and from LLVM at -O0 and -O3. Their derivatives are checked by `gradc --check`."""
import math
import os
import random
import sys

import native

gradc, cc, folder = sys.argv[1:4]
os.makedirs(folder, exist_ok=True)
random.seed(1)


def logistic(x):
    return 1 / (1 + math.exp(-x))


def draw(*shape):
    return [draw(*shape[1:]) for _ in range(shape[0])] if shape else random.uniform(-2, 2)


def flat(x):
    return [z for y in x for z in flat(y)] if isinstance(x, (list, tuple)) else [x]


def matvec(A, x):
    return [sum(a * b for a, b in zip(row, x)) for row in A]


def softmax(z):
    e = [math.exp(x - max(z)) for x in z]
    return [x / sum(e) for x in e]


def dense(x, W, b):
    return [s + t for s, t in zip(matvec(W, x), b)]


def conv1d(x, K, b):
    width, k = len(x[0]), len(K[0][0])
    return [[b[p] + sum(K[p][a][u] * x[a][i + u] for a in range(len(x)) for u in range(k)) for i in range(width - k + 1)]
            for p in range(len(K))]


def conv2d(x, K, b):
    h, w, r, s = len(x[0]), len(x[0][0]), len(K[0][0]), len(K[0][0][0])
    return [[[b[p] + sum(K[p][a][u][v] * x[a][i + u][j + v] for a in range(len(x)) for u in range(r) for v in range(s))
              for j in range(w - s + 1)] for i in range(h - r + 1)] for p in range(len(K))]


def tiles(x, k, f):
    return [[[f([m[k * i + u][k * j + v] for u in range(k) for v in range(k)]) for j in range(len(m[0]) // k)]
             for i in range(len(m) // k)] for m in x]


def mean(x):
    return sum(x) / len(x)


def scaled(x, gain, bias):
    m = mean(x)
    s = math.sqrt(mean([(a - m) ** 2 for a in x]) + 1e-5)
    return [g * (a - m) / s + b for a, g, b in zip(x, gain, bias)]


def instance_norm(x, gain, bias):
    channels = []
    for m, g, b in zip(x, gain, bias):
        row = scaled(flat(m), [g] * len(flat(m)), [b] * len(flat(m)))
        channels.append(row)
    return channels


def rnn(x, h, W, U, b):
    return [math.tanh(p + q + r) for p, q, r in zip(matvec(W, x), matvec(U, h), b)]


def lstm(x, h, c, W, U, b):
    z = [[p + q + r for p, q, r in zip(matvec(W[g], x), matvec(U[g], h), b[g])] for g in range(4)]
    memory = [logistic(f) * old + logistic(i) * math.tanh(new) for i, f, new, old in zip(z[0], z[1], z[3], c)]
    return [logistic(o) * math.tanh(m) for o, m in zip(z[2], memory)], memory


def gru(x, h, W, U, b, d):
    new = []
    for k in range(len(h)):
        wx = [matvec(W[g], x)[k] + b[g][k] for g in range(3)]
        uh = [matvec(U[g], h)[k] for g in range(3)]
        reset, update = logistic(wx[0] + uh[0]), logistic(wx[1] + uh[1])
        new.append((1 - update) * math.tanh(wx[2] + reset * (uh[2] + d[k])) + update * h[k])
    return new


def attention(q, K, V):
    weights = softmax([a / math.sqrt(len(q)) for a in matvec(K, q)])
    return [sum(w * row[j] for w, row in zip(weights, V)) for j in range(len(V[0]))]


def cross(a, b):
    return [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]


x, gain, bias = draw(5), draw(5), draw(5)
image = draw(2, 6, 4)
# formals with their sizes in numbers, call, arguments, value
CASES = [
    ("x[5], W[3, 5], b[3]", "dense(x, W, b)", [x, draw(3, 5), draw(3)], dense),
    ("x[2, 9], K[3, 2, 4], b[3]", "conv1d(x, K, b)", [draw(2, 9), draw(3, 2, 4), draw(3)], conv1d),
    ("x[2, 6, 4], K[3, 2, 3, 2], b[3]", "conv2d(x, K, b)", [image, draw(3, 2, 3, 2), draw(3)], conv2d),
    ("x[2, 6, 4]", "max_pool(x, 2)", [image], lambda x: tiles(x, 2, max)),
    ("x[2, 6, 4]", "avg_pool(x, 2)", [image], lambda x: tiles(x, 2, mean)),
    ("x[2, 6, 4]", "global_avg_pool(x)", [image], lambda x: [mean(flat(m)) for m in x]),
    ("x[5], g[5], b[5]", "layer_norm(x, g, b)", [x, gain, bias], scaled),
    ("x[5], g[5]", "rms_norm(x, g)", [x, gain], lambda x, g: [a * b / math.sqrt(mean([c * c for c in x]) + 1e-5) for a, b in zip(x, g)]),
    ("x[2, 6, 4], g[2], b[2]", "instance_norm(x, g, b)", [image, draw(2), draw(2)], instance_norm),
    ("x[5], h[3], W[3, 5], U[3, 3], b[3]", "rnn_cell(x, h, W, U, b)", [x, draw(3), draw(3, 5), draw(3, 3), draw(3)], rnn),
    ("x[5], h[3], c[3], W[4, 3, 5], U[4, 3, 3], b[4, 3]", "lstm_cell(x, h, c, W, U, b)",
     [x, draw(3), draw(3), draw(4, 3, 5), draw(4, 3, 3), draw(4, 3)], lstm),
    ("x[5], h[3], W[3, 3, 5], U[3, 3, 3], b[3, 3], d[3]", "gru_cell(x, h, W, U, b, d)",
     [x, draw(3), draw(3, 3, 5), draw(3, 3, 3), draw(3, 3), draw(3)], gru),
    ("q[4], K[3, 4], V[3, 2]", "attention(q, K, V)", [draw(4), draw(3, 4), draw(3, 2)], attention),
    ("z[5]", "softmax(z)", [x], softmax),
    ("z[5]", "log_softmax(z)", [x], lambda z: [math.log(p) for p in softmax(z)]),
    ("a[3], b[3]", "cross(a, b)", [draw(3), draw(3)], cross),
    ("a[3], b[2]", "outer(a, b)", [draw(3), draw(2)], lambda a, b: [p * q for p in a for q in b]),
    ("u[5]", "normalize(u)", [x], lambda u: [a / math.sqrt(sum(b * b for b in u)) for a in u]),
    ("x[5], y[5]", "[covariance(x, y), correlation(x, y), dot(x, y)]", [x, gain], lambda x, y: [
        mean([(a - mean(x)) * (b - mean(y)) for a, b in zip(x, y)]),
        mean([(a - mean(x)) * (b - mean(y)) for a, b in zip(x, y)])
        / math.sqrt(mean([(a - mean(x)) ** 2 for a in x]) * mean([(b - mean(y)) ** 2 for b in y])),
        sum(a * b for a, b in zip(x, y))]),
    ("a[5], n[5], f[5]", "[triplet_loss(a, n, f, 0.5), multi_lgamma(3.5, 3)]", [x, gain, bias], lambda a, n, f: [
        max(0, math.dist(a, n) - math.dist(a, f) + 0.5),
        1.5 * math.log(math.pi) + math.lgamma(3.5) + math.lgamma(3) + math.lgamma(2.5)]),
]
model = os.path.join(folder, "m.model")
with open(model, "w", encoding="utf-8") as f:
    for k, (formals, call, _, _) in enumerate(CASES):
        body = f" {{\n    h2, c2 = {call}\n    return h2, c2\n}}" if call.startswith("lstm") else f" = {call}"
        f.write(f"t{k}({formals}){body}\n")
native.run(gradc, "--check", model)
ways = native.build(gradc, cc, model, folder)
failures = []
for k, (_, call, arguments, f) in enumerate(CASES):
    value = f(*arguments)
    wanted = [flat(part) for part in value] if isinstance(value, tuple) else [flat(value)]
    for way, library in ways.items():
        _, found = library.call(f"m_t{k}", [flat(a) for a in arguments], [len(part) for part in wanted])
        for part, other in zip(found, wanted):
            for i, (a, b) in enumerate(zip(part, other)):
                if abs(a - b) > 1e-13 * (1 + abs(b)):
                    failures.append(f"{call}, {way}: entry {i} is {a!r}, wanted {b!r}")
print("\n".join(failures))
sys.exit(1 if failures else 0)
