"""Reads the operator's configuration file."""

from pathlib import Path

import yaml
from pydantic import ValidationError

from ..api.config.operator import OperatorConfig


class InvalidConfig(Exception):
    """The configuration file can't be used; the message names the field."""


def load(path: Path | None) -> OperatorConfig:
    """Return the configuration in a file, or the defaults without one.

    Raises:
        InvalidConfig: the file is missing, is no YAML, or has a wrong value.
    """
    if path is None:
        return OperatorConfig()
    try:
        raw = yaml.safe_load(path.read_text()) or {}
    except (OSError, yaml.YAMLError) as error:
        raise InvalidConfig(f"{path}: {error}") from error
    try:
        return OperatorConfig.model_validate(raw)
    except ValidationError as error:
        raise InvalidConfig(f"{path}: {_explain(error)}") from error


def _explain(error: ValidationError) -> str:
    """Say which keys are wrong, and how."""
    said = []
    for item in error.errors():
        field = ".".join(str(part) for part in item["loc"]) or "the file"
        known = "is not a key of the configuration"
        said.append(f"{field}: {known if item['type'] == 'extra_forbidden' else item['msg']}")
    return "; ".join(said)
