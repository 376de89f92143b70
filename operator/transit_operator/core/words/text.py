"""Pieces of text that rules and descriptions share."""

from collections.abc import Iterable
from typing import Any


def models_text(models: Iterable[Any]) -> str:
    """Return models for people: `keras_cnn 1.1.0, xgboost 1.0.0`."""
    return ", ".join(f"{model.name} {model.version}" for model in models)
