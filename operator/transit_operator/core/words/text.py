"""Pieces of text that rules and descriptions share."""

from collections.abc import Iterable
from typing import Any

MESSAGE_LENGTH = 1000  # of what status keeps; etcd refuses an object of 1.5 MiB


def capped(text: str, length: int = MESSAGE_LENGTH) -> str:
    """Return the text, shortened in its middle: the cause is often at its end."""
    if len(text) <= length:
        return text
    half = (length - 3) // 2
    return f"{text[:half]}...{text[-half:]}"


def models_text(models: Iterable[Any]) -> str:
    """Return models for people: `keras_cnn 1.1.0, xgboost 1.0.0`."""
    return ", ".join(f"{model.name} {model.version}" for model in models)
