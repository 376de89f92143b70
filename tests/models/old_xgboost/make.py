"""How the files here were made: `python make.py` under XGBoost 0.90 (with numpy<2), then 1.7.6.

Each writes small models in the old binary format, and what that version answers to the rows in
`answers-VERSION.json`. They are kept since no XGBoost that still writes them installs beside
today's.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import xgboost

HERE = Path(__file__).parent
VERSION = xgboost.__version__
ENDING = ".model" if VERSION.startswith("0.") else ".deprecated"
RANDOM = np.random.default_rng(16)
ROWS = RANDOM.normal(size=(120, 4)).astype(np.float32)
KNOWN = ROWS.copy()
ROWS[RANDOM.random(ROWS.shape) < 0.1] = np.nan
CLASSES = (KNOWN[:, 0] > 0.3).astype(int) + (KNOWN[:, 1] > 0.5)
ASKED = 12

CASES: dict[str, tuple[dict[str, Any], Any]] = {
    "logistic": ({"objective": "binary:logistic", "base_score": 0.3}, CLASSES > 0),
    "softprob": ({"objective": "multi:softprob", "num_class": 3}, CLASSES),
    "number": ({"objective": "reg:squarederror", "base_score": 2.5}, KNOWN[:, 0] * 3 + 5),
    "counts": ({"objective": "count:poisson"}, CLASSES),
    "linear": ({"objective": "binary:logistic", "booster": "gblinear"}, CLASSES > 0),
}
if not VERSION.startswith("0."):  # which drops trees at random when it answers
    CASES["dart"] = (
        {"objective": "binary:logistic", "booster": "dart", "rate_drop": 0.5},
        CLASSES > 0,
    )

answers = {}
for name, (parameters, target) in CASES.items():
    booster = xgboost.train(
        {"max_depth": 2, "seed": 1, "verbosity": 0, "nthread": 1, **parameters},
        xgboost.DMatrix(ROWS, label=target.astype(np.float32)),
        num_boost_round=3,
    )
    booster.save_model(str(HERE / f"{VERSION}-{name}{ENDING}"))
    answers[name] = booster.predict(xgboost.DMatrix(ROWS[:ASKED])).tolist()
rows = [[None if np.isnan(value) else float(value) for value in row] for row in ROWS[:ASKED]]
(HERE / f"answers-{VERSION}.json").write_text(json.dumps({"rows": rows, "answers": answers}))
