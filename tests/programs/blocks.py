"""blocks.py GRADC CC FOLDER: batches whose loops go in blocks of samples give what the samples give.

The loss and gradient of a batch, in rows that share loads and in matrix products, are compared with the
mean over the functions of one sample, for sizes around the blocks, tiles and vectors; as machine code for
this machine and for any, and as C.
"""
import os
import subprocess
import sys

MODELS = {
    "linear": """dim D
param w[D], b
loss(x[D], y in 3) = (b + dot(w, x) - y)^2 / 2
""",
    "logistic": """dim D
param w[D], b
loss(x[D], y in 3) = softplus(b + dot(w, x)) - y * (b + dot(w, x)) + abs(dot(w, x) / 3 - b)
""",
    "two": """dim D
param u[D], v[D], b
loss(x[D], y in 3) = exp(-(dot(u, x) - b)^2) * sin(dot(v, x)) + y * dot(u, x)
""",
    "softmax": """dim D
param W[3, D], b[3]
loss(x[D], y in 3) = -log_softmax(W @ x + b)[y]
""",
    "mlp": """dim D, H = 21, K = 5
param W1[H, D], b1[H], W2[K, H], b2[K]
loss(x[D], y in 3) = -log_softmax(W2 @ tanh(W1 @ x + b1) + b2)[y]
""",
    "mixture": """dim D, K = 5
param a[K], m[K, D], f[K, D, D]
below(x[D], k) = sum(sum(f[k, i, j] * (x[j] - m[k, j]) for j in 0..i)^2 for i in D)
loss(x[D], y in 3) = logsumexp(a[k] - below(x, k) / D^2 / 2 for k in K) * (1 + y / 7) + a[y]
""",
    "choice": """dim D, K = 4
param w[K, D], v[K, 3]
part(x[D], k) = sum(w[k, j] * x[j] * max(w[k, i] - x[i] for i in D) for j in D) / D
loss(x[D], y in 3) = if x[0] > 0 then sum(relu(part(x, k)) * v[k, y] for k) else sum(v[k, y]^2 * part(x, k) for k)
""",
    "windows": """dim D, C = 3
param F[C, 3, 3], b[C], g[D]
at(i, j) = i * 5 + j
loss(x[D], y in 3) = sum(sigmoid(b[c] + sum(F[c, u, v] * x[at(i + u, j + v) % D] for u in 3, v in 3)) for c, i in 4, j in 4) - b[y] + dot(g, x)^2
""",
    "deep": """dim D, H = 40
param U[H, D], V[H, H], w[H]
loss(x[D], y in 3) = (dot(w, relu(V @ sigmoid(U @ x))) - y)^2
""",
}

MAIN = """#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include "NAME.h"
enum { MOST = 1 << 20 };
static double params[MOST], x[MOST], grad[MOST], mean[MOST], one[MOST], work[4 * MOST];
static int64_t y[MOST];
int main(void) {
    static const size_t features[] = {1, 2, 8, 20, 33, 64, 131},
                        samples[] = {1, 4, 31, 32, 63, 65, 131};
    for (size_t k = 0; k < MOST; k++) {
        params[k] = sin((double)k * 1.7) / 4;
        x[k] = cos((double)k * 0.9);
        y[k] = (int64_t)(k * 7 % 3);
    }
    for (size_t d = 0; d < 7; d++) {
        for (size_t s = 0; s < 7; s++) {
            size_t D = features[d], m = samples[s], count = NAME_param_count(D);
            double expected = 0;
            for (size_t k = 0; k < count; k++) {
                mean[k] = 0;
            }
            for (size_t n = 0; n < m; n++) {
                expected += NAME_loss_grad(D, params, x + n * D, y[n], oneWORK1) / (double)m;
                for (size_t k = 0; k < count; k++) {
                    mean[k] += one[k] / (double)m;
                }
            }
            double value = NAME_loss_batch_grad(D, params, m, x, y, gradWORK2);
            double worst = fabs(value - expected) / (1 + fabs(expected));
            for (size_t k = 0; k < count; k++) {
                worst = fmax(worst, fabs(grad[k] - mean[k]) / (1 + fabs(mean[k])));
            }
            if (!(worst < 1e-12)) {
                printf("NAME: D %zu, m %zu: off by %g\\n", D, m, worst);
                return 1;
            }
        }
    }
    return 0;
}
"""


def takes_work(header, function):
    start = header.index(function + "(")
    return "work" in header[start:header.index(";", start)]


def goes_in_lanes(gradc, folder, name):
    path = os.path.join(folder, name + ".model")
    with open(path, "w") as file:
        file.write(MODELS[name])
    report = subprocess.run([gradc, "--report", "--batch", path], check=True, capture_output=True,
                            text=True).stdout
    return any("_loss_batch_grad" in line and "innermost" in line for line in report.splitlines())


def main():
    gradc, cc, folder = sys.argv[1:]
    os.makedirs(folder, exist_ok=True)
    nests = [name for name in MODELS if goes_in_lanes(gradc, folder, name)]
    print("samples innermost:", *nests)
    for name, text in MODELS.items():
        path = os.path.join(folder, name)
        with open(path + ".model", "w") as file:
            file.write(text)
        for how in (["-c", "-march=native"], ["-c"], ["-c", "--strict"], ["--emit=c"]):
            made = path + (".c" if "--emit=c" in how else ".o")
            subprocess.run([gradc, *how, path + ".model", "-o", made], check=True)
            with open(path + ".h") as file:
                header = file.read()
            one = takes_work(header, name + "_loss_grad")
            batch = takes_work(header, name + "_loss_batch_grad")
            with open(path + "_main.c", "w") as file:
                file.write(MAIN.replace("NAME", name).replace("WORK1", ", work" if one else "")
                           .replace("WORK2", ", work" if batch else ""))
            program = path + "_main"
            subprocess.run([cc, "-O1", path + "_main.c", made, "-o", program, "-lm"], check=True)
            subprocess.run([program], check=True)
    print("all agree")


main()
