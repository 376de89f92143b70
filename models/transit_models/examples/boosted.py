"""Recipes for the boosted trees. Neighbours: `training` runs them."""

from functools import partial
from pathlib import Path

import joblib

from transit_models.examples.curves import LABELS
from transit_models.examples.datasets import held_out_set, training_set
from transit_models.examples.recipe import Recipe, Trained, score
from transit_models.examples.steps import FluxScaler

_ROUNDS = 100
_PARAMETERS = {
    "objective": "multi:softprob",
    "num_class": len(LABELS),
    "max_depth": 5,
    "eta": 0.15,
    "subsample": 0.8,
    "colsample_bytree": 0.1,
    "max_bin": 32,
    "seed": 20251005,
    "nthread": 1,  # on two shared cores, OpenMP's spinning threads take ten times as long
}


def _boost(directory: Path, rows: int, seed: int) -> Trained:
    import xgboost

    curves, labels = training_set(rows, seed)
    test_curves, test_labels = held_out_set()
    scaler = FluxScaler().fit(curves)
    matrix = xgboost.DMatrix(scaler.transform(curves), label=labels)
    booster = xgboost.train(_PARAMETERS, matrix, _ROUNDS)
    booster.save_model(directory / "model.json")
    joblib.dump(scaler, directory / "preprocessing.pkl")
    answers = booster.predict(xgboost.DMatrix(scaler.transform(test_curves)))
    return Trained(
        framework="xgboost",
        packages=("xgboost-cpu|xgboost", "numpy", "joblib"),
        scores=score(answers, test_labels),
        probe=test_curves[:8],
        training={
            "training_samples": rows,
            "validation_samples": len(test_labels),
            "rounds": _ROUNDS,
        },
    )


RECIPES: dict[str, Recipe] = {
    "1.0.0": partial(_boost, rows=2000, seed=1),
    "1.1.0": partial(_boost, rows=3000, seed=2),
}
