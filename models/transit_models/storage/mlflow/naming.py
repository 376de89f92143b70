"""What servers, versions and aliases are called: MLflow's words and ours.

Pure. MLflow counts versions: 3 is 3.0.0 here, where all versions are semantic. Neighbours:
`storage` and `registry`.
"""

import re
from dataclasses import dataclass

from transit_models.errors import InvalidReference
from transit_models.versions import parse_version

_HOST = r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]+)?"
_PART = r"[A-Za-z0-9_~-][A-Za-z0-9._~-]*"
_ADDRESS = re.compile(rf"mlflow://({_HOST})((?:/{_PART})*)/?")
_ALIAS = re.compile(r"[A-Za-z0-9_-]{1,255}")
_NUMBER = re.compile(r"[1-9][0-9]{0,17}")
LATEST = "latest"


@dataclass(frozen=True)
class Address:
    """A server, `host` with its port, and the `prefix` of its paths, as `/ml`; empty for none."""

    host: str
    prefix: str

    @property
    def uri(self) -> str:
        return f"mlflow://{self.host}{self.prefix}"


def split_address(uri: str) -> Address:
    """Raises `InvalidReference`."""
    match = _ADDRESS.fullmatch(uri)
    if match is None:
        raise InvalidReference(
            f"{uri!r}: write mlflow://mlflow.example.com:5000, or with the prefix of the server's "
            "paths, without an account and without a model"
        )
    return Address(match[1], match[2])


def version_of(number: int) -> str:
    """The version that a number of MLflow's is here: 3 → 3.0.0."""
    return f"{number}.0.0"


def number_of(version: str) -> int | None:
    """MLflow's number of a version: 3.0.0 → 3, and so is 3; None for one that it can't have."""
    if _NUMBER.fullmatch(version):
        return int(version)
    parsed = parse_version(version)
    number = parsed.major
    return number if number and str(parsed) == version_of(number) else None


def is_number(text: str) -> bool:
    """Whether it is a number as MLflow counts."""
    return _NUMBER.fullmatch(text) is not None


def check_alias(alias: str) -> str:
    """`alias`, if MLflow can have it. Raises `InvalidReference`."""
    if _ALIAS.fullmatch(alias) is None:
        raise InvalidReference(
            f"{alias[:80]!r} is neither a version, such as 3.0.0 for MLflow's version 3, nor an "
            "alias, which has letters, digits, '_' and '-' only"
        )
    return alias
