"""How the files here were made: `python make.py` under scikit-learn 1.2.2, 1.3.2 and 1.5.2, with
numpy<2 and joblib<1.4.

Each writes a dict of small models as that version pickles them, and what it answers to the rows in
`answers-VERSION.json`. They are kept since these versions don't install beside today's.
"""

import json
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import sklearn
from sklearn.cross_decomposition import PLSRegression
from sklearn.ensemble import (
    AdaBoostClassifier,
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
    StackingClassifier,
)
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer, TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import (
    LogisticRegression,
    PoissonRegressor,
    RidgeClassifier,
    SGDClassifier,
)
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import MultinomialNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

HERE = Path(__file__).parent
RANDOM = np.random.default_rng(5)
ROWS = RANDOM.normal(size=(60, 3))
NUMBER = ROWS[:, 0] * 2 + ROWS[:, 1]
TWO = (ROWS[:, 0] > 0).astype(int)
THREE = (ROWS[:, 0] > 0.3).astype(int) + (ROWS[:, 1] > 0.4)
NAMED = np.array(["a", "b", "c"])[THREE]
WORDS = ["free", "win", "money", "call", "now", "please", "good", "bad", "news", "day"]
TEXTS = [" ".join(RANDOM.choice(WORDS, 5)) for _ in ROWS]
SMALL: dict[str, Any] = {"max_depth": 2, "random_state": 0}
FEW: dict[str, Any] = {"n_estimators": 3, "random_state": 0}
LEAVES: dict[str, Any] = {"max_iter": 3, "max_leaf_nodes": 4, "max_bins": 8, "random_state": 0}

MODELS: dict[str, tuple[Any, Any]] = {
    "tree": (DecisionTreeClassifier(**SMALL), NAMED),
    "tree-number": (DecisionTreeRegressor(**SMALL), NUMBER),
    "forest": (RandomForestClassifier(n_estimators=3, **SMALL), NAMED),
    "forest-number": (RandomForestRegressor(n_estimators=3, **SMALL), NUMBER),
    "extra-trees": (ExtraTreesClassifier(n_estimators=3, **SMALL), THREE),
    "boosting": (GradientBoostingClassifier(max_depth=2, **FEW), TWO),
    "boosting-three": (GradientBoostingClassifier(max_depth=2, **FEW), THREE),
    "boosting-exponential": (
        GradientBoostingClassifier(loss="exponential", max_depth=2, **FEW),
        TWO,
    ),
    "boosting-number": (GradientBoostingRegressor(max_depth=2, **FEW), NUMBER),
    "boosting-huber": (GradientBoostingRegressor(loss="huber", max_depth=2, **FEW), NUMBER),
    "histograms": (HistGradientBoostingClassifier(**LEAVES), TWO),
    "histograms-three": (HistGradientBoostingClassifier(**LEAVES), THREE),
    "histograms-number": (HistGradientBoostingRegressor(**LEAVES), NUMBER),
    "stack": (StackingClassifier([("t", DecisionTreeClassifier(**SMALL))], cv=2), TWO),
    "outliers": (IsolationForest(max_samples=16, **FEW), None),
    "neighbours": (KNeighborsClassifier(3, algorithm="kd_tree"), THREE),
    "neighbours-ball": (KNeighborsClassifier(3, algorithm="ball_tree"), THREE),
    "neighbours-number": (KNeighborsRegressor(3), NUMBER),
    "gradient": (SGDClassifier(loss="log_loss", random_state=0), THREE),
    "ridge": (RidgeClassifier(), NAMED),
    "counts": (PoissonRegressor(), np.abs(NUMBER)),
    "filled": (make_pipeline(SimpleImputer(), LogisticRegression()), TWO),
    "search": (
        GridSearchCV(DecisionTreeClassifier(random_state=0), {"max_depth": [1, 2]}, cv=2),
        THREE,
    ),
    "words": (make_pipeline(TfidfVectorizer(), MultinomialNB()), THREE),
    "words-counted": (
        make_pipeline(CountVectorizer(), TfidfTransformer(), LogisticRegression()),
        TWO,
    ),
    # What is computed otherwise today, and therefore refused.
    "real-boosting": (AdaBoostClassifier(n_estimators=3, random_state=0), THREE),
    "one-against-the-rest": (LogisticRegression(multi_class="ovr"), THREE),
    "scaled-parts": (PLSRegression(2), NUMBER),
}
ASKED = RANDOM.normal(size=(12, 3))

answers = {}
for name, (model, target) in MODELS.items():
    texts = name.startswith("words")
    model.fit(TEXTS if texts else ROWS, target)
    method = "predict_proba" if hasattr(model, "predict_proba") else "predict"
    said = getattr(model, method)(TEXTS[:12] if texts else ASKED)
    answers[name] = [method, np.asarray(said).tolist()]
joblib.dump({k: m for k, (m, _) in MODELS.items()}, HERE / f"{sklearn.__version__}.pkl", compress=9)
(HERE / f"answers-{sklearn.__version__}.json").write_text(
    json.dumps({"rows": ASKED.tolist(), "texts": TEXTS[:12], "answers": answers})
)
