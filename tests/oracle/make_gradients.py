"""make_gradients.py > gradients.csv: values and gradients of all examples at random points, from mpmath.

Each example is written here once more, apart from gradc, as plain Python over numbers of 90 digits: the objective
over a few samples, priors and penalties with it. Its gradient is made of central differences with steps of
1e-30, whose error is some 1e-58. A row of the table is
    model; options; C function; its arguments before the outputs, in JSON; value; gradient.
"""
import csv
import json
import random
import sys

from mpmath import mp, mpf, atan, cos, exp, fsum, log, loggamma, matrix, pi, sin, sqrt, tanh
import mpmath

mp.dps = 90
STEP = mpf(10) ** -30
rows = []
draw = random.Random(7)


def normal(count, scale=1.0):
    return [round(draw.gauss(0, scale), 4) for _ in range(count)]


def uniform(count, low, high):
    return [round(draw.uniform(low, high), 4) for _ in range(count)]


def whole(count, below):
    return [draw.randrange(below) for _ in range(count)]


# ---- what models are made of

def dot(a, b):
    return fsum(x * y for x, y in zip(a, b))


def sigmoid(z):
    return 1 / (1 + exp(-z))


def softplus(z):
    return log(1 + exp(z))


def lse(values):
    return log(fsum(exp(v) for v in values))


def normal_lpdf(y, mu, sigma):
    return -((y - mu) / sigma) ** 2 / 2 - log(sigma) - log(2 * pi) / 2


def cut(flat, size):
    return [flat[k:k + size] for k in range(0, len(flat), size)]


def affine(weights, bias, x):
    return [b + dot(row, x) for row, b in zip(weights, bias)]


class Take:
    """The arrays of a flat vector of params, one after the other."""

    def __init__(self, flat):
        self.flat, self.at = flat, 0

    def number(self):
        return self.list(1)[0]

    def list(self, count):
        self.at += count
        return self.flat[self.at - count:self.at]

    def table(self, height, width):
        return cut(self.list(height * width), width)


# ---- the table

def add(model, function, objective, params, sizes, given, options=""):
    """`objective` of the params; the C function has sizes, params and then `given`."""
    exact = [mpf(p) for p in params]
    gradient = []
    for k, p in enumerate(exact):
        up, down = exact[:k] + [p + STEP] + exact[k + 1:], exact[:k] + [p - STEP] + exact[k + 1:]
        gradient.append((objective(up) - objective(down)) / (2 * STEP))
    rows.append([model, options, function, json.dumps([*sizes, params, *given]), mpmath.nstr(objective(exact), 20),
                 " ".join(mpmath.nstr(g, 20) for g in gradient)])


def mean(samples, loss):
    return fsum(loss(*sample) for sample in samples) / len(samples)


def linear(model, loss, penalty=lambda w: 0, target=None, more=(), scale=1.0, y_scale=1.0):
    """Models of b + w x; loss(score, y, *more), params b, w, *more."""
    for _ in range(3):
        m, d = 5, 4
        x = normal(m * d, scale)
        y = target(m) if target else normal(m, y_scale)
        extra = list(more)

        def objective(p):
            b, w = p[0], p[1:1 + d]
            samples = zip(cut(x, d), y)
            return mean(list(samples), lambda a, t: loss(b + dot(w, a), t, *p[1 + d:])) + penalty(w)

        add(model, "loss_batch_grad", objective, normal(1 + d) + extra, [d], [m, x, y])


def labels(count):
    return [draw.randrange(2) for _ in range(count)]


def regressions():
    lam, mix, tau, delta = mpf(0.1), mpf(0.5), mpf(0.9), mpf(1.345)
    square = lambda f, y: (f - y) ** 2 / 2
    linear("linreg", square)
    linear("ridge", square, lambda w: lam / 2 * dot(w, w))
    linear("lasso", square, lambda w: lam * fsum(abs(v) for v in w))
    linear("elastic_net", square, lambda w: lam * (mix * fsum(abs(v) for v in w) + (1 - mix) / 2 * dot(w, w)))
    linear("logistic", lambda f, y: -log(sigmoid(f)) if y else -log(1 - sigmoid(f)), target=labels)
    linear("poisson", lambda f, y: exp(f) - y * f + loggamma(y + 1), target=lambda m: [float(k) for k in whole(m, 9)])

    def negative_binomial(f, y, u):
        mu, phi = exp(f), exp(u)
        return (loggamma(phi) + loggamma(y + 1) - loggamma(y + phi) + phi * log(1 + mu / phi)
                + y * log(1 + phi / mu))

    linear("negative_binomial", negative_binomial, target=lambda m: [float(k) for k in whole(m, 9)], more=[0.3])
    linear("huber", lambda f, y: (f - y) ** 2 / 2 if abs(f - y) <= delta else delta * (abs(f - y) - delta / 2), y_scale=2.0)
    linear("quantile", lambda f, y: max(tau * (y - f), (tau - 1) * (y - f)))
    linear("hinge", lambda f, y: max(0, 1 - (2 * y - 1) * f), lambda w: mpf(1e-3) / 2 * dot(w, w), target=labels)


def curves():
    for _ in range(3):
        x, y = uniform(4, 0.5, 3), uniform(4, 0.5, 3)
        def fitted(model, forward, params):
            add(model, "loss_batch_grad", lambda p: mean(list(zip(x, y)), lambda a, b: (forward(p, mpf(a)) - b) ** 2),
                params, [], [4, x, y])
        fitted("line", lambda p, a: p[0] * a, normal(1))
        fitted("misra1a", lambda p, a: p[0] * (1 - exp(-p[1] * a)), uniform(2, 0.3, 2))
        fitted("danwood", lambda p, a: p[0] * a ** p[1], uniform(2, 0.3, 4))
        fitted("thurber", lambda p, a: (p[0] + p[1] * a + p[2] * a ** 2 + p[3] * a ** 3) /
               (1 + p[4] * a + p[5] * a ** 2 + p[6] * a ** 3), uniform(7, 0.1, 2))


# ---- nets, tables, mixtures

def cross_entropy(scores, y):
    return lse(scores) - scores[y]


def nets():
    relu = lambda v: v if v > 0 else mpf(0)
    for _ in range(2):
        m, d, h, k = 3, 3, 4, 3
        x, y = normal(m * d), whole(m, k)

        def softmax(p):
            W, b = cut(p[:k * d], d), p[k * d:]
            return mean(list(zip(cut(x, d), y)), lambda a, t: cross_entropy(affine(W, b, a), t))

        def mlp(p):
            take = Take(p)
            W1, b1, W2, b2 = take.table(h, d), take.list(h), take.table(k, h), take.list(k)
            return mean(list(zip(cut(x, d), y)),
                        lambda a, t: cross_entropy(affine(W2, b2, [relu(v) for v in affine(W1, b1, a)]), t))

        def autoencoder(p):
            take = Take(p)
            W, b, V, c = take.table(h, d), take.list(h), take.table(d, h), take.list(d)
            def loss(a):
                out = affine(V, c, [tanh(v) for v in affine(W, b, a)])
                return fsum((o - v) ** 2 for o, v in zip(out, a)) / 2
            return mean([(a,) for a in cut(x, d)], loss)

        add("softmax", "loss_batch_grad", softmax, normal(k * d + k), [d, k], [m, x, y])
        add("mlp", "loss_batch_grad", mlp, normal(h * d + h + k * h + k), [d, k], [m, x, y], f"-D H={h}")
        add("autoencoder", "loss_batch_grad", autoencoder, normal(2 * h * d + h + d), [d], [m, x], f"-D H={h}")
    image, y = normal(2 * 36), whole(2, 3)

    def convnet(p):
        take = Take(p)
        F, a, W, b = take.table(2, 9), take.list(2), take.table(3, 8), take.list(3)
        def loss(flat, t):
            x, pooled = cut(flat, 6), []
            for c in range(2):
                hidden = [[relu(a[c] + fsum(F[c][3 * u + v] * x[i + u][j + v] for u in range(3) for v in range(3)))
                           for j in range(4)] for i in range(4)]
                pooled += [max(hidden[2 * i + u][2 * j + v] for u in range(2) for v in range(2))
                           for i in range(2) for j in range(2)]
            return cross_entropy(affine(W, b, pooled), t)
        return mean(list(zip(cut(image, 36), y)), loss)

    add("convnet", "loss_batch_grad", convnet, normal(2 * 9 + 2 + 24 + 3, 0.5), [], [2, image, y], "-D H=6 -D C=2 -D K=3")


def tables():
    users, items, words, m = 4, 3, 6, 4
    u, i, r = whole(m, users), whole(m, items), uniform(m, 1, 5)

    def factorisation(p):
        take = Take(p)
        U, V, bu, bi, mu = take.table(users, 2), take.table(items, 2), take.list(users), take.list(items), take.number()
        def loss(a, b, rating):
            size = dot(U[a], U[a]) + dot(V[b], V[b]) + bu[a] ** 2 + bi[b] ** 2
            return (mu + bu[a] + bi[b] + dot(U[a], V[b]) - rating) ** 2 + mpf(0.05) * size
        return mean(list(zip(u, i, r)), loss)

    add("factorisation", "loss_batch_grad", factorisation, normal(2 * users + 2 * items + users + items + 1),
        [users, items], [m, u, i, r])
    word, context, negative = whole(m, words), whole(m, words), whole(5 * m, words)

    def word2vec(p):
        U, C = cut(p[:words * 3], 3), cut(p[words * 3:], 3)
        def loss(w, c, neg):
            return softplus(-dot(U[w], C[c])) + fsum(softplus(dot(U[w], C[n])) for n in neg)
        return mean(list(zip(word, context, cut(negative, 5))), loss)

    add("word2vec", "loss_batch_grad", word2vec, normal(2 * words * 3), [words], [m, word, context, negative], "-D E=3")
    bundle()


def turned(r, x):
    s = dot(r, r)
    angle = sqrt(s)
    k = [v / angle for v in r]
    across = [k[1] * x[2] - k[2] * x[1], k[2] * x[0] - k[0] * x[2], k[0] * x[1] - k[1] * x[0]]
    along = dot(k, x)
    return [x[n] * cos(angle) + across[n] * sin(angle) + k[n] * along * (1 - cos(angle)) for n in range(3)]


def project(c, x):
    p = turned(c[:3], [x[n] - c[3 + n] for n in range(3)])
    q = [p[0] / p[2], p[1] / p[2]]
    s = dot(q, q)
    return [c[6] * v * (1 + c[9] * s + c[10] * s ** 2) + c[7 + n] for n, v in enumerate(q)]


def bundle():
    cams, points, obs, m = 2, 3, 3, 3
    i, j, o, feat = whole(m, cams), whole(m, points), [0, 1, 2], normal(2 * m)

    def objective(p):
        take = Take(p)
        cam, X, w = take.table(cams, 11), take.table(points, 3), take.list(obs)
        def loss(a, b, n, seen):
            out = [w[n] * (v - f) for v, f in zip(project(cam[a], X[b]), seen)]
            return (dot(out, out) + (1 - w[n] ** 2) ** 2) / 2
        return mean(list(zip(i, j, o, cut(feat, 2))), loss)

    params = normal(11 * cams, 0.3) + [v + 2 for v in normal(3 * points)] + uniform(obs, 0.5, 1.5)
    add("bundle", "loss_batch_grad", objective, params, [cams, points, obs], [m, i, j, o, feat])


def schools():
    n = 4
    j, y, sigma = [0, 1, 2, 3], normal(n, 9), uniform(n, 8, 16)

    def objective(p):
        mu, tau, eta = p[0], exp(p[1]), p[2:]
        prior = normal_lpdf(mu, 0, 5) + fsum(normal_lpdf(e, 0, 1) for e in eta)
        prior -= log(pi * 5) + log(1 + (tau / 5) ** 2)
        return (-fsum(normal_lpdf(y[k], mu + tau * eta[k], sigma[k]) for k in range(n)) - prior) / n

    add("eight_schools", "loss_batch_grad", objective, normal(2 + n), [n], [n, j, y, sigma])


def mixture():
    d, k, m = 3, 2, 4
    below = lambda i, j: d + j * d - j * (j + 1) // 2 + i - j - 1
    x = normal(m * d)

    def density(p, a):
        take = Take(p)
        alpha, mu, icf = take.list(k), take.table(k, d), take.table(k, d * (d + 1) // 2)
        main = []
        for c in range(k):
            e = [v - n for v, n in zip(a, mu[c])]
            q = [exp(icf[c][i]) * e[i] + fsum(icf[c][below(i, j)] * e[j] for j in range(i)) for i in range(d)]
            main.append(alpha[c] + fsum(icf[c][:d]) - dot(q, q) / 2)
        return lse(main) - lse(alpha) - mpf(d) / 2 * log(2 * pi)

    def prior(p):
        icf = cut(p[k + k * d:], d * (d + 1) // 2)
        n = d + 1
        gammas = mpf(d * (d - 1)) / 4 * log(pi) + fsum(loggamma(mpf(n - j) / 2) for j in range(d))
        c = n * d * (-log(2) / 2) - gammas
        return fsum(c - (fsum(exp(2 * v) for v in row[:d]) + fsum(v ** 2 for v in row[d:])) / 2 for row in icf)

    params = normal(k + k * d + k * d * (d + 1) // 2)
    add("gmm", "loss_batch_grad", lambda p: (-fsum(density(p, a) for a in cut(x, d)) - prior(p)) / m, params, [d, k], [m, x])
    add("gmm", "adbench_grad", lambda p: fsum(density(p, a) for a in cut(x, d)) - prior(p), params, [d, k, m], [x], "--function=adbench")
    add("gmm", "gradbench_grad", lambda p: fsum(density(p, a) for a in cut(x, d)) + prior(p), params, [d, k, m], [x], "--function=gradbench")


# ---- equations and sequences

def heat():
    h = 3
    x, t, kind = uniform(4, 0.1, 0.9), uniform(4, 0.1, 0.9), [0, 0, 1, 2]

    def objective(p):
        take = Take(p)
        W1, b1, W2, b2 = take.table(h, 2), take.list(h), take.table(h, h), take.list(h)
        w3, b3 = take.list(h), take.number()
        def loss(a, b, of):
            z = affine(W1, b1, [a, b])
            h1 = [tanh(v) for v in z]
            h2 = [tanh(v) for v in affine(W2, b2, h1)]
            u = dot(w3, h2) + b3
            if of:
                return (u - sin(pi * a)) ** 2 if of == 1 else u ** 2
            slope = [1 - v ** 2 for v in h1]                   # of tanh; its second derivative is -2 v slope
            by_t = [fsum(W2[k][n] * slope[n] * W1[n][1] for n in range(h)) for k in range(h)]
            by_x = [fsum(W2[k][n] * slope[n] * W1[n][0] for n in range(h)) for k in range(h)]
            twice = [fsum(-2 * W2[k][n] * h1[n] * slope[n] * W1[n][0] ** 2 for n in range(h)) for k in range(h)]
            u_t = fsum(w3[k] * (1 - h2[k] ** 2) * by_t[k] for k in range(h))
            u_xx = fsum(w3[k] * (1 - h2[k] ** 2) * (twice[k] - 2 * h2[k] * by_x[k] ** 2) for k in range(h))
            return (u_t - mpf(0.1) * u_xx) ** 2
        return mean([(mpf(a), mpf(b), k) for a, b, k in zip(x, t, kind)], loss)

    add("heat", "loss_batch_grad", objective, normal(2 * h + h + h * h + h + h + 1), [], [4, x, t, kind], f"-D H={h}")


def pelts():
    lengths, steps = [3, 2], 4
    y = uniform(2 * sum(lengths), 4, 40)

    def objective(p):
        alpha, beta, gamma, delta, *rest = [exp(v) for v in p]
        start, sigma = rest[:2], rest[2:]
        move = lambda z: [(alpha - beta * z[1]) * z[0], (delta * z[0] - gamma) * z[1]]
        on = lambda z, d, s: [v + s * w for v, w in zip(z, d)]
        total, seen = mpf(0), iter(cut(y, 2))
        for length in lengths:
            z = start
            for t in range(length):
                for _ in range(steps if t else 0):
                    a = move(z)
                    b = move(on(z, a, mpf(1) / (2 * steps)))
                    c = move(on(z, b, mpf(1) / (2 * steps)))
                    d = move(on(z, c, mpf(1) / steps))
                    z = [v + (e + 2 * f + 2 * g + i) / (6 * steps) for v, e, f, g, i in zip(z, a, b, c, d)]
                for v, w, s in zip(next(seen), z, sigma):
                    total -= normal_lpdf(log(mpf(v)), log(w), s) - log(mpf(v))
        prior = normal_lpdf(alpha, 1, mpf(0.5)) + normal_lpdf(gamma, 1, mpf(0.5))
        prior += normal_lpdf(beta, mpf(0.05), mpf(0.05)) + normal_lpdf(delta, mpf(0.05), mpf(0.05))
        prior += fsum(normal_lpdf(log(v), log(mpf(10)), 1) - log(v) for v in start)
        prior += fsum(normal_lpdf(log(v), -1, 1) - log(v) for v in sigma)
        return (total - prior) / len(lengths)

    params = [v + w for v, w in zip([-0.6, -3.5, -0.2, -3.9, 2.3, 2.3, -0.5, -0.5], normal(8, 0.2))]
    add("lotka_volterra", "loss_batch_grad", objective, params, [], [2, lengths, y], f"-D Steps={steps}")


def hidden_markov():
    lengths = [5, 1, 3]
    y = normal(sum(lengths), 3)

    def objective(p):
        first = [sigmoid(p[0]), sigmoid(-p[0])]
        move = [[sigmoid(v), sigmoid(-v)] for v in p[1:3]]
        mu, sigma = [p[3], p[3] + exp(p[4])], [exp(v) for v in p[5:7]]
        total, at = mpf(0), 0
        for length in lengths:
            paths = []                                         # all of them
            for path in range(2 ** length):
                k = [path >> t & 1 for t in range(length)]
                chance = first[k[0]]
                for t in range(1, length):
                    chance *= move[k[t - 1]][k[t]]
                paths.append(chance * exp(fsum(normal_lpdf(y[at + t], mu[k[t]], sigma[k[t]]) for t in range(length))))
            total -= log(fsum(paths))
            at += length
        return total / len(lengths)

    add("hmm", "loss_batch_grad", objective, normal(7), [], [3, lengths, y])


def random_field():
    d, k, lengths = 2, 3, [4, 1, 2]
    x, y = normal(d * sum(lengths)), whole(sum(lengths), k)

    def objective(p):
        take = Take(p)
        W, b, A, first, last = take.table(k, d), take.list(k), take.table(k, k), take.list(k), take.list(k)
        total, at = mpf(0), 0
        for length in lengths:
            e = [affine(W, b, a) for a in cut(x, d)[at:at + length]]
            def score(path):
                return (first[path[0]] + last[path[-1]] + fsum(e[t][n] for t, n in enumerate(path))
                        + fsum(A[i][j] for i, j in zip(path, path[1:])))
            paths = [[n // k ** t % k for t in range(length)] for n in range(k ** length)]
            total += lse([score(path) for path in paths]) - score(y[at:at + length])
            at += length
        return total / len(lengths) + mpf(0.01) * dot(p, p)

    add("crf", "loss_batch_grad", objective, normal(k * d + k + k * k + 2 * k), [d, k], [3, lengths, x, y])


def memory():
    layers, b, lengths = 2, 3, [4, 3]
    state, x = normal(layers * 2 * b), uniform(b * sum(lengths), 0, 1)

    def objective(p):
        take = Take(p)
        main, extra = [take.table(8, b) for _ in range(layers)], take.table(3, b)
        total, at = mpf(0), 0
        for length in lengths:
            rows_of = cut(x, b)[at:at + length]
            h, c = cut(state, b)[0::2], cut(state, b)[1::2]
            part = mpf(0)
            for t in range(length - 1):
                z = [v * w for v, w in zip(rows_of[t], extra[0])]
                for n in range(layers):
                    g = main[n]
                    c[n] = [c[n][i] * sigmoid(z[i] * g[0][i] + g[4][i])
                            + sigmoid(h[n][i] * g[1][i] + g[5][i]) * tanh(h[n][i] * g[3][i] + g[7][i]) for i in range(b)]
                    h[n] = [sigmoid(z[i] * g[2][i] + g[6][i]) * tanh(c[n][i]) for i in range(b)]
                    z = h[n]
                out = [z[i] * extra[1][i] + extra[2][i] for i in range(b)]
                norm = log(2 + fsum(exp(v) for v in out))
                part += fsum(rows_of[t + 1][i] * (out[i] - norm) for i in range(b))
            total -= part / ((length - 1) * b)
            at += length
        return total / len(lengths)

    add("lstm", "loss_batch_grad", objective, normal(layers * 8 * b + 3 * b), [], [state, 2, lengths, x], f"-D B={b}")


# ---- processes, and functions for solvers

def likelihood(K, y):
    """log N(y; 0, K), by elimination without pivots."""
    n = len(y)
    a, z = [row[:] for row in K], [mpf(v) for v in y]
    half = mpf(0)
    for c in range(n):
        half += log(a[c][c]) / 2
        for r in range(c + 1, n):
            factor = a[r][c] / a[c][c]
            a[r] = [v - factor * w for v, w in zip(a[r], a[c])]
            z[r] -= factor * z[c]
    form = fsum(z[c] ** 2 / a[c][c] for c in range(n))          # of L D L', z = L⁻¹ y
    return -form / 2 - half - mpf(n) / 2 * log(2 * pi)


def processes():
    def covariance(x, signal, length, noise):
        return [[signal ** 2 * exp(-((a - b) / length) ** 2 / 2) + (noise ** 2 if i == j else 0)
                 for j, b in enumerate(x)] for i, a in enumerate(x)]

    n, x, y = 5, [mpf(v) / 16 for v in whole(5, 64)], normal(5)
    at = [float(v) for v in x]

    def log_likelihood(p):
        return likelihood(covariance(p[3:3 + n], exp(p[0]), exp(p[1]), exp(p[2])), p[3 + n:])

    everything = normal(3, 0.4) + at + y
    exact = [mpf(v) for v in everything]
    gradient = [(log_likelihood(exact[:k] + [v + STEP] + exact[k + 1:]) -
                 log_likelihood(exact[:k] + [v - STEP] + exact[k + 1:])) / (2 * STEP) for k, v in enumerate(exact)]
    rows.append(["gp", "", "log_likelihood_grad", json.dumps([n, everything[:3], at, y]),
                 mpmath.nstr(log_likelihood(exact), 20), " ".join(mpmath.nstr(g, 20) for g in gradient)])
    lengths = [4, 1, 3]
    x, y = uniform(8, 0, 3), normal(8)

    def objective(p):
        total, begin = mpf(0), 0
        for length in lengths:
            part = slice(begin, begin + length)
            total -= likelihood(covariance([mpf(v) for v in x[part]], *(exp(v) for v in p)), y[part])
            begin += length
        return total / len(lengths)

    add("gp_fit", "loss_batch_grad", objective, normal(3, 0.4), [], [3, lengths, x, y])


def solvers():
    def rosenbrock(x):
        return fsum(100 * (x[k + 1] - x[k] ** 2) ** 2 + (1 - x[k]) ** 2 for k in range(0, len(x), 2))

    def helical(x):
        turns = atan(x[1] / x[0]) / (2 * pi) + (0 if x[0] > 0 else mpf(0.5))
        return 100 * (x[2] - 10 * turns) ** 2 + 100 * (sqrt(x[0] ** 2 + x[1] ** 2) - 1) ** 2 + x[2] ** 2

    def wood(x):
        return (100 * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2 + 90 * (x[3] - x[2] ** 2) ** 2 + (1 - x[2]) ** 2
                + 10 * (x[1] + x[3] - 2) ** 2 + (x[1] - x[3]) ** 2 / 10)

    def powell(x):
        return (x[0] + 10 * x[1]) ** 2 + 5 * (x[2] - x[3]) ** 2 + (x[1] - 2 * x[2]) ** 4 + 10 * (x[0] - x[3]) ** 4

    def beale(x):
        return fsum((c - x[0] * (1 - x[1] ** k)) ** 2 for k, c in ((1, mpf(1.5)), (2, mpf(2.25)), (3, mpf(2.625))))

    for _ in range(2):
        for name, function, count in (("rosenbrock", rosenbrock, 2), ("beale", beale, 2), ("helical_valley", helical, 3),
                                      ("wood", wood, 4), ("powell_singular", powell, 4)):
            add("mgh", f"{name}_grad", function, normal(count), [], [])
        add("mgh", "extended_rosenbrock_grad", rosenbrock, normal(6), [6], [])


regressions()
curves()
nets()
tables()
schools()
mixture()
heat()
pelts()
hidden_markov()
random_field()
memory()
processes()
solvers()
table = csv.writer(sys.stdout, lineterminator="\n")
table.writerow(["model", "options", "function", "arguments", "value", "gradient"])
table.writerows(rows)
