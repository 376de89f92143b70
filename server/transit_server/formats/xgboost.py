"""Gradient-boosted trees of XGBoost: `.json` and `.ubj`."""

from pathlib import Path

import numpy as np
import xgboost

from transit_server.formats.base import (
    Engine,
    ModelShape,
    Rows,
    Scores,
    UnsupportedModel,
    as_class_scores,
)


def load(path: Path, shape: ModelShape) -> Engine:
    booster = xgboost.Booster()
    booster.load_model(path)
    features, got = booster.num_features(), shape.probes.shape[1]
    if features != got:
        raise UnsupportedModel(f"it takes {features} features, and gets {got}")
    # A few rows at a time: waking more threads costs more than they bring.
    booster.set_param({"nthread": 1})

    def score(rows: Rows) -> Scores:
        return as_class_scores(np.asarray(booster.inplace_predict(rows)))

    return Engine(score, "xgboost")
