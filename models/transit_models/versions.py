"""Versions of models: semantic versions, compared as semver.org says, and the aliases that point
at them.

Neighbours: `storage` resolves an alias to a version; directories and objects are named `v` +
version.
"""

import re
from dataclasses import dataclass
from functools import total_ordering

from transit_models.errors import InvalidReference

ALIASES = ("latest", "stable")

_MAX_LENGTH = 64
_NUMBER = r"(0|[1-9][0-9]*)"
_PRERELEASE = r"(?:0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"
_SEMVER = re.compile(
    rf"v?{_NUMBER}\.{_NUMBER}\.{_NUMBER}"
    rf"(?:-({_PRERELEASE}(?:\.{_PRERELEASE})*))?"
    r"(?:\+([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?"
)
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")


@total_ordering
@dataclass(frozen=True)
class Version:
    """One semantic version. Ordered by precedence (1.9.0 < 1.10.0-rc.1 < 1.10.0).

    Builds of one version have the same precedence in the standard; here their text decides, so
    that sorting is always the same.
    """

    major: int
    minor: int
    patch: int
    prerelease: tuple[str, ...] = ()
    build: str = ""

    def __str__(self) -> str:
        text = f"{self.major}.{self.minor}.{self.patch}"
        if self.prerelease:
            text += "-" + ".".join(self.prerelease)
        return f"{text}+{self.build}" if self.build else text

    def __lt__(self, other: "Version") -> bool:
        return self._key() < other._key()

    def _key(self) -> tuple[int, int, int, bool, tuple[tuple[bool, int, str], ...], str]:
        # A number sorts below a word, and by value; a release sorts above all its prereleases.
        parts = tuple(
            (False, int(part), "") if part.isdigit() else (True, 0, part)
            for part in self.prerelease
        )
        return (self.major, self.minor, self.patch, not parts, parts, self.build)


def parse_version(text: str) -> Version:
    """The version that `text` writes, with or without a leading `v`.

    Raises `InvalidReference` when it is no semantic version.
    """
    match = _SEMVER.fullmatch(text) if is_version(text) else None
    if match is None:
        raise InvalidReference(
            f"{text[:80]!r} is no semantic version: "
            "write MAJOR.MINOR.PATCH, such as 1.10.0 or 2.0.0-rc.1"
        )
    major, minor, patch, prerelease, build = match.groups()
    return Version(
        int(major),
        int(minor),
        int(patch),
        tuple(prerelease.split(".")) if prerelease else (),
        build or "",
    )


def plain(text: str) -> str:
    """`text` as it stands in metadata and status: no leading `v`. Raises `InvalidReference`."""
    return str(parse_version(text))


def directory_name(version: str) -> str:
    """The name of the directory of `version`: `v1.1.0`. Raises `InvalidReference`."""
    return f"v{plain(version)}"


def is_version(text: str) -> bool:
    """Whether `text` is a semantic version, with or without a leading `v`."""
    return len(text.removeprefix("v")) <= _MAX_LENGTH and _SEMVER.fullmatch(text) is not None


def check_alias(alias: str) -> str:
    """`alias`, if it is one of `ALIASES`. Raises `InvalidReference` otherwise."""
    if alias not in ALIASES:
        raise InvalidReference(
            f"{alias[:80]!r} is neither an alias ({', '.join(ALIASES)}) "
            "nor a semantic version such as 1.1.0"
        )
    return alias


def is_name(text: str) -> bool:
    """Whether `text` can name a model."""
    return _NAME.fullmatch(text) is not None


def check_name(name: str) -> str:
    """`name`, if it can name a model. Raises `InvalidReference` otherwise."""
    if not is_name(name):
        raise InvalidReference(
            f"{name[:80]!r} cannot name a model: up to 63 letters, digits, '_', '.' and '-', "
            "first and last a letter or digit"
        )
    return name
