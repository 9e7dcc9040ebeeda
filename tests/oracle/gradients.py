"""gradients.py GRADC CC EXAMPLES FOLDER [--table]: values and gradients of all examples against gradients.csv, which
make_gradients.py makes: from C and from LLVM at -O0 and -O3. `--table` prints the largest error of each."""
import collections
import csv
import json
import os
import sys

import native

TOLERANCE = 2e-14  # of the gradient's largest entry, and of the value

gradc, cc, examples, folder = sys.argv[1:5]
here = os.path.dirname(os.path.abspath(__file__))
with open(os.path.join(here, "gradients.csv"), encoding="utf-8") as f:
    rows = list(csv.DictReader(f))
models = collections.defaultdict(list)
for row in rows:
    models[row["model"], row["options"]].append(row)
worst = collections.defaultdict(float)
failed = False
for (model, options), group in models.items():
    place = os.path.join(folder, f"{model}{options}".replace(" ", ""))
    os.makedirs(place, exist_ok=True)
    path = os.path.join(examples, f"{model}.model")
    ways = native.build(gradc, cc, os.path.abspath(path), place, options.split())
    for row in group:
        wanted = [float(g) for g in row["gradient"].split()]
        for way, library in ways.items():
            value, (gradient,) = library.call(f"{model}_{row['function']}", json.loads(row["arguments"]), [len(wanted)])
            scale = max(abs(g) for g in wanted)
            errors = [abs(value - float(row["value"])) / abs(float(row["value"]))]
            errors += [abs(g - w) / scale for g, w in zip(gradient, wanted)]
            error = max(errors) if all(e == e for e in errors) else float("inf")
            worst[model] = max(worst[model], error)
            if not error <= TOLERANCE:
                print(f"{model} {row['function']} {options} from {way}: off by {error}\n{value} {row['value']}\n{gradient}\n{wanted}")
                failed = True
missing = {name[:-6] for name in os.listdir(examples) if name.endswith(".model")} - set(worst)
if missing:
    print(f"gradients.csv has nothing of {', '.join(sorted(missing))}")
for model, error in worst.items():
    if "--table" in sys.argv:
        print(f"| {model} | {sum(row['model'] == model for row in rows)} | {error:.1e} |")
sys.exit(failed or bool(missing))
