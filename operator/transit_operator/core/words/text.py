"""Pieces of text that rules and descriptions share."""

from collections.abc import Iterable, Sequence
from typing import Any


def models_text(models: Iterable[Any]) -> str:
    """Return models for people: `keras_cnn 1.1.0, xgboost 1.0.0`."""
    return ", ".join(f"{model.name} {model.version}" for model in models)


def versions_text(models: Sequence[Any]) -> str | None:
    """Return models for a column: `1.1.0`, of several `3 models`.

    None where nothing is known, as of a revision from before a lost status.
    """
    if len(models) == 1:
        return str(models[0].version)
    return f"{len(models)} models" if models else None
