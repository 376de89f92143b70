"""Registers models as their authors do, with MLflow's own client; run in MLflow's environment.

churn 1 and 2, a classifier with a signature, of which 1 is `champion`; price 1, a regression.
Argument: a file that is there when the server answers. Prints what MLflow itself says of rows.
"""

import json
import sys
import time
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
from mlflow import MlflowClient
from sklearn.linear_model import LinearRegression, LogisticRegression

rows = pd.DataFrame(
    np.random.default_rng(2).normal(size=(80, 3)), columns=["age", "income", "debt"]
)
yes = np.where(rows.age > rows.income, "yes", "no")
end = time.monotonic() + 300
while not Path(sys.argv[1]).exists() and time.monotonic() < end:
    time.sleep(0.05)  # until the server answers

for strength in (1.0, 0.01):
    model = LogisticRegression(C=strength).fit(rows, yes)
    signature = mlflow.models.infer_signature(rows, model.predict(rows))
    mlflow.sklearn.log_model(
        model, name="churn", registered_model_name="churn", signature=signature,
        pip_requirements=["scikit-learn"],
    )  # fmt: skip
    if strength == 1.0:
        first = model.predict_proba(rows[:3]).tolist()
price = LinearRegression().fit(rows, rows.age + 2 * rows.debt)
mlflow.sklearn.log_model(
    price, name="price", registered_model_name="price", pip_requirements=["scikit-learn"]
)
MlflowClient().set_registered_model_alias("churn", "champion", "1")
print(json.dumps({"rows": rows[:3].to_numpy().tolist(), "churn": first}))
