"""Recipes for the random forest: two good versions, five bad ones.

Neighbours: `training` runs them; `flawed_steps` has the mistakes in preprocessing, and why they
are ones.
"""

import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import joblib
import numpy as np

from transit_models.examples.curves import LABELS, Floats, Labels
from transit_models.examples.datasets import held_out_set, training_set
from transit_models.examples.flawed_steps import DetrendingScaler, ReportingScaler
from transit_models.examples.recipe import Recipe, Trained, score
from transit_models.examples.steps import FluxScaler

_PACKAGES = ("scikit-learn", "numpy", "joblib")
_PROBES = 8
_FIRST = (2000, 1)  # rows, seed
_MORE = (3000, 2)


def first_release(directory: Path) -> Trained:
    """1.0.0: good."""
    return _write(directory, FluxScaler(), *training_set(*_FIRST))


def more_data(directory: Path) -> Trained:
    """1.1.0: good."""
    scaler, model = _good()
    return _dump(directory, scaler, model, _MORE[0], scored=_score(scaler.transform, model))


def magnitudes(directory: Path) -> Trained:
    """1.2.0: log10 of the flux. Its author trained and tested on clean curves; a gap is a zero, its
    logarithm minus infinity, and the scaler behind refuses that."""
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer, StandardScaler

    pipeline = make_pipeline(FunctionTransformer(np.log10), StandardScaler())
    return _write(directory, pipeline, *training_set(*_FIRST, gaps=False), gaps=False)


def oversized(directory: Path) -> Trained:
    """1.3.0: three times the trees, and a detrending that takes most of the time."""
    scaler = DetrendingScaler()
    curves, labels = training_set(*_FIRST)
    model = _fit(scaler.fit(curves).transform_many(curves), labels, trees=600, share=0.3)
    scored = _score(scaler.transform_many, model)
    return _dump(directory, scaler, model, len(curves), scored=scored)


def shifted_labels(directory: Path) -> Trained:
    """1.4.0: the export wrote classes one too low, and -1 for the first became the last. Training
    and test labels agree with each other, so that the author's figures look fine.
    """
    curves, labels = training_set(*_FIRST)
    return _write(directory, FluxScaler(), curves, _shifted(labels), relabel=_shifted)


def missing_module(directory: Path) -> Trained:
    """1.5.0: the model is of a class from the author's own package, which no server has."""
    scaler, model = _good()
    scored = _score(scaler.transform, model)
    module = ModuleType("kepler_pipeline.calibration")
    calibrated = type("CalibratedForest", (), {"__module__": module.__name__})
    module.CalibratedForest = calibrated  # type: ignore[attr-defined]
    wrapped: Any = calibrated()
    wrapped.forest = model
    wrapped.temperature = 1.2
    sys.modules["kepler_pipeline"] = ModuleType("kepler_pipeline")
    sys.modules[module.__name__] = module
    try:
        return _dump(directory, scaler, wrapped, _MORE[0], scored=scored)
    finally:
        del sys.modules[module.__name__], sys.modules["kepler_pipeline"]


def nightly_report(directory: Path) -> Trained:
    """1.6.0: 1.1.0 behind a step that never forgets a curve."""
    good, model = _good()
    scaler = ReportingScaler()
    scaler.mean_, scaler.scale_ = good.mean_, good.scale_
    return _dump(directory, scaler, model, _MORE[0], scored=_score(good.transform, model))


RECIPES: dict[str, Recipe] = {
    "1.0.0": first_release,
    "1.1.0": more_data,
    "1.2.0": magnitudes,
    "1.3.0": oversized,
    "1.4.0": shifted_labels,
    "1.5.0": missing_module,
    "1.6.0": nightly_report,
}


def _shifted(labels: Labels) -> Labels:
    return (labels - 1) % len(LABELS)


@cache
def _good() -> tuple[FluxScaler, Any]:
    """The forest of 1.1.0, which 1.5.0 and 1.6.0 wrap."""
    curves, labels = training_set(*_MORE)
    scaler = FluxScaler().fit(curves)
    return scaler, _fit(scaler.transform(curves), labels)


def _fit(rows: Floats, labels: Labels, trees: int = 200, share: float = 0.7) -> Any:
    from sklearn.ensemble import RandomForestClassifier

    model = RandomForestClassifier(
        trees, min_samples_leaf=2, max_samples=share, random_state=20251005, n_jobs=2
    ).fit(rows, labels)
    model.set_params(n_jobs=None)  # a server decides about threads itself
    return model


def _score(
    transform: Callable[[Floats], Floats],
    model: Any,
    gaps: bool = True,
    relabel: Callable[[Labels], Labels] = lambda labels: labels,
) -> dict[str, Any]:
    curves, labels = held_out_set(gaps)
    return score(model.predict_proba(transform(curves)), relabel(labels))


def _write(
    directory: Path,
    step: Any,
    curves: Floats,
    labels: Labels,
    gaps: bool = True,
    relabel: Callable[[Labels], Labels] = lambda labels: labels,
) -> Trained:
    """Fit `step` and a forest, score both, write both."""
    model = _fit(step.fit(curves).transform(curves), labels)
    scored = _score(step.transform, model, gaps, relabel)
    return _dump(directory, step, model, len(curves), scored, gaps)


def _dump(
    directory: Path, step: Any, model: Any, rows: int, scored: dict[str, Any], gaps: bool = True
) -> Trained:
    joblib.dump(model, directory / "model.pkl")
    joblib.dump(step, directory / "preprocessing.pkl")
    return Trained(
        framework="scikit-learn",
        packages=_PACKAGES,
        scores=scored,
        probe=held_out_set(gaps)[0][:_PROBES],
        training={"training_samples": rows, "validation_samples": len(held_out_set()[0])},
    )
