"""make_lasso.py: writes lasso.csv, the coefficients of lasso and elastic net that scikit-learn finds on
examples/data/diabetes.csv. objective: (1/2m) |y − b − Xw|² + lambda (mix |w|₁ + (1 − mix)/2 |w|²)."""
import csv
import os

import numpy as np
from sklearn.linear_model import ElasticNet

HERE = os.path.dirname(os.path.abspath(__file__))
LAMBDAS = (100, 40, 20, 10, 5, 2, 1, 0.5, 0.1, 0.01)

with open(os.path.join(HERE, "../../examples/data/diabetes.csv"), encoding="ascii") as file:
    table = np.array([[float(v) for v in row] for row in list(csv.reader(file))[1:]])
with open(os.path.join(HERE, "lasso.csv"), "w", encoding="ascii", newline="") as file:
    file.write("lambda,mix,b," + ",".join(f"w{k}" for k in range(table.shape[1] - 1)) + "\n")
    for mix in (1, 0.5):
        for value in LAMBDAS:
            model = ElasticNet(alpha=value, l1_ratio=mix, tol=1e-15, max_iter=1000000)
            model.fit(table[:, :-1], table[:, -1])
            numbers = [model.intercept_, *model.coef_]
            file.write(f"{value},{mix}," + ",".join(repr(float(v)) for v in numbers) + "\n")
