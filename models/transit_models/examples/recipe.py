"""What a recipe for an example model is given, and what it gives back.

Neighbours: `forests`, `boosted` and `cnn` hold recipes; `training` runs them and seals what they
wrote.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from transit_models.examples.curves import LABELS, Floats, Labels
from transit_models.metadata import Framework


@dataclass(frozen=True)
class Trained:
    """A model that is trained, its files written.

    `scores` is what its author measured; `probe` are raw rows to warm it up with; `packages` are
    the distributions it needs, the framework's own first, by alternatives (`xgboost-cpu|xgboost`).
    """

    framework: Framework
    packages: Sequence[str]
    scores: dict[str, Any]
    probe: Floats
    training: dict[str, Any]
    shape: Sequence[int] = ()
    dependencies: dict[str, str] = field(default_factory=dict)


# Trains, and writes `model.<ext>` and `preprocessing.pkl` into the directory.
Recipe = Callable[[Path], Trained]


def installed(packages: Sequence[str]) -> dict[str, str]:
    """Distribution → version, of what is installed of `packages`."""
    found = {}
    for alternatives in packages:
        for name in alternatives.split("|"):
            try:
                found[alternatives.split("|")[-1]] = version(name)
                break
            except PackageNotFoundError:
                continue
    return found


def score(probabilities: NDArray[np.floating], labels: Labels) -> dict[str, Any]:
    """Accuracy and its kin of `probabilities`, (n, 3), against the true `labels`, (n,)."""
    from sklearn import metrics

    predicted = probabilities.argmax(axis=1)
    precision, recall, f1, _ = metrics.precision_recall_fscore_support(
        labels, predicted, average="macro", zero_division=0
    )
    normal = probabilities.astype(np.float64)
    normal /= normal.sum(axis=1, keepdims=True)
    return {
        "accuracy": round(float(metrics.accuracy_score(labels, predicted)), 4),
        "precision": round(float(precision), 4),
        "recall": round(float(recall), 4),
        "f1_score": round(float(f1), 4),
        "roc_auc": round(float(metrics.roc_auc_score(labels, normal, multi_class="ovr")), 4),
        "confusion_matrix": metrics.confusion_matrix(labels, predicted).tolist(),
        "predicted_share": {
            label: round(float((predicted == index).mean()), 4)
            for index, label in enumerate(LABELS)
        },
    }
