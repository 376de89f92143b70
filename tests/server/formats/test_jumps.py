"""Trees, neighbours and bins behind a scaler are not computed in 32 bits: whole numbers lie on
their very bounds, so that up to a third of a probability went to another class, and every check of
rows that are made up was fine.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn import ensemble, linear_model, naive_bayes, neighbors, preprocessing, svm, tree
from sklearn.calibration import CalibratedClassifierCV
from sklearn.pipeline import make_pipeline

from tests.server.example_store import publish
from transit_models.integrity import verify_version
from transit_server import formats
from transit_server.formats.base import NotCompiled
from transit_server.formats.compile.continuous import refuse_jumps

RANDOM = np.random.default_rng(0)
ROWS = np.stack(
    [RANDOM.integers(0, 10, 300), RANDOM.integers(18, 80, 300), RANDOM.integers(0, 3, 300)], axis=1
).astype(float)
KINDS = ((ROWS[:, 0] > 4) ^ (ROWS[:, 1] > 40) ^ (ROWS[:, 2] == 1)).astype(int)


def scaled(*steps: Any) -> Any:
    return make_pipeline(preprocessing.StandardScaler(), *steps)


def test_a_forest_behind_a_scaler_answers_as_its_library(tmp_path: Path) -> None:
    model = scaled(ensemble.RandomForestClassifier(5, random_state=0)).fit(ROWS, KINDS)
    directory = publish(tmp_path, "m", "1.0.0", ".pkl", lambda path: joblib.dump(model, path),
                        features=3, labels=("0", "1"), probe=ROWS[:40],
                        input_schema={"features": 3, "dtype": "float64"})  # fmt: skip
    served = formats.load(verify_version(directory), tmp_path / "work")
    assert "the last bits decide" in served.note
    assert served.predict(ROWS) == pytest.approx(model.predict_proba(ROWS), abs=1e-9)


BINS: dict[str, Any] = {"n_bins": 4, "encode": "ordinal"}
JUMPING: dict[str, Callable[[], Any]] = {
    "tree": lambda: scaled(tree.DecisionTreeClassifier()),
    "neighbours": lambda: scaled(neighbors.KNeighborsClassifier(3)),
    "histograms": lambda: ensemble.HistGradientBoostingClassifier(max_iter=3),
    "neighbours alone": lambda: neighbors.KNeighborsClassifier(3),
    "bins": lambda: scaled(
        preprocessing.KBinsDiscretizer(**BINS), linear_model.LogisticRegression()
    ),
    "quantiles": lambda: scaled(
        preprocessing.QuantileTransformer(n_quantiles=9), linear_model.LogisticRegression()
    ),
    "steps of a calibration": lambda: CalibratedClassifierCV(
        naive_bayes.GaussianNB(), method="isotonic", cv=2
    ),
    "trees of answers": lambda: ensemble.StackingClassifier(
        [("a", naive_bayes.GaussianNB())], tree.DecisionTreeClassifier(), cv=2
    ),
    "shares of nothing": lambda: scaled(linear_model.SGDClassifier(loss="modified_huber")),
}
CONTINUOUS: dict[str, Callable[[], Any]] = {
    "linear": lambda: scaled(linear_model.LogisticRegression()),
    "of a kernel": lambda: scaled(svm.SVC()),
    "calibrated": lambda: CalibratedClassifierCV(scaled(svm.LinearSVC()), cv=2),
    "boosted trees": lambda: ensemble.GradientBoostingClassifier(n_estimators=3),
    "trees of rows": lambda: ensemble.AdaBoostClassifier(n_estimators=3),
    "a vote": lambda: ensemble.VotingClassifier(
        [("a", tree.DecisionTreeClassifier()), ("b", naive_bayes.GaussianNB())], voting="soft"
    ),
}


@pytest.mark.parametrize("name", JUMPING)
def test_what_jumps_stays_as_it_is(name: str) -> None:
    with pytest.raises(NotCompiled, match="the last bits decide"):
        refuse_jumps(JUMPING[name]().fit(ROWS, KINDS))


@pytest.mark.parametrize("name", CONTINUOUS)
def test_what_does_not_may_be_compiled(name: str) -> None:
    refuse_jumps(CONTINUOUS[name]().fit(ROWS, KINDS))
