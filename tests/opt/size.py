"""The size of gradients in the IR: at most four times that of the function; linear in the length of a chain,
also for derivatives in the language; higher derivatives of a chain do not swell.

usage: size.py GRADC EXAMPLES FOLDER
"""
import glob
import os
import re
import subprocess
import sys

# digamma has no function in libm: its series stands in the gradient, where lgamma is one call
MOST = {"negative_binomial": 7}


def sizes(gradc, model, *options):
    """Values of each function after all passes, by name; the greatest of those with one name."""
    text = subprocess.run([gradc, "--dump=opt", *options, model], capture_output=True, text=True, check=True).stdout
    if "const nan" in text:
        print(f"{model}: an index is checked when it runs")
        return {"unproved_grad": 1000, "unproved": 1}
    found, name = {}, None
    for part in re.split(r"^# (\w+), optimised$", text, flags=re.M)[1:]:
        if name is None:
            name = part
        else:
            found[name] = max(found.get(name, 0), len(re.findall(r"^%\d+ = ", part, flags=re.M)))
            name = None
    return found


def examples(gradc, folder):
    wrong, ratios = 0, []
    for model in sorted(glob.glob(os.path.join(folder, "*.model"))):
        found = sizes(gradc, model)
        for name, size in found.items():
            if name.endswith("_grad") and name[:-5] in found:
                ratio = size / found[name[:-5]]
                ratios.append(ratio)
                most = MOST.get(os.path.basename(model)[:-6], 4)
                if ratio > most:
                    print(f"{name}: {size} values, {ratio:.1f} times those of the function, at most {most}")
                    wrong += 1
    print(f"{len(ratios)} gradients, {sorted(ratios)[len(ratios) // 2]:.2f} times the function in the median")
    return wrong if len(ratios) > 40 else 1


def linear(what, lengths, counts, limit):
    """Each step adds as much as the one before; at most `limit` values a link."""
    (a, b, c), (x, y, z) = lengths, counts
    first, second = (y - x) / (b - a), (z - y) / (c - b)
    print(f"{what}: {x}, {y}, {z} values; {second:.1f} a link")
    if second > 1.02 * first + 0.1 or second > limit:
        print(f"{what}: {first:.2f}, then {second:.2f} values a link, at most {limit}")
        return 1
    return 0


def chain(link, count, last):
    return "f(f0) {\n" + "".join(f"    f{k + 1} = {link.format(k=k)}\n" for k in range(count)) + last + "}\n"


def chains(gradc, folder):
    wrong, lengths = 0, (50, 100, 200)
    rows = [  # a link, what is asked of its end, the function, values a link
        ("sin(f{k}) * f{k}", "    return f{n}\n", "_grad", 7),
        ("tanh(0.5 * f{k} + 0.1)", "    return f{n}\n", "_grad", 16),
        ("f{k} / (1 + f{k}^2)", "    return f{n}\n", "_grad", 12),
        ("tanh(0.5 * f{k} + 0.1)", "    return deriv(f{n}, f0)\n", "", 16),
        ("tanh(0.5 * f{k} + 0.1)", "    u = deriv(f{n}, f0)\n    return deriv(u, f0)\n", "", 27),
        ("tanh(0.5 * f{k} + 0.1)", "    u = deriv(f{n}, f0)\n    v = deriv(u, f0)\n    return deriv(v, f0)\n", "", 44),
        ("sin(f{k}) * f{k}", "    u = deriv(f{n}, f0)\n    v = deriv(u, f0)\n    return deriv(v, f0)\n", "", 35),
        ("tanh(0.5 * f{k} + 0.1)", "    u = deriv(f{n}, f0)\n    v = deriv(u, f0)\n    return deriv(v, f0)\n", "_grad", 120),
    ]
    for link, last, function, limit in rows:
        counts = []
        for n in lengths:
            model = os.path.join(folder, "chain.model")
            with open(model, "w") as f:
                f.write(chain(link, n, last.replace("{n}", str(n))))
            counts.append(sizes(gradc, model)["chain_f" + function])
        order = last.count("deriv")
        what = f"{link.format(k='')}: " + (f"derivative {order}" if order else "") + function
        wrong += linear(what, lengths, counts, limit)
    return wrong


def main():
    gradc, folder, work = sys.argv[1:4]
    wrong = examples(gradc, folder) + chains(gradc, work)
    sys.exit(wrong != 0)


main()
