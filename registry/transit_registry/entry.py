"""What is written down of one thing that happened to a ModelDeployment.

Neighbours: the operator makes entries, `writing` makes rows of them. No database is needed here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

UNKNOWN = "unknown"  # who did it, where nothing says so


@dataclass(frozen=True)
class Model:
    """A version of a model, with the digest of its content where that is known."""

    name: str
    version: str
    digest: str | None = None


@dataclass(frozen=True)
class Entry:
    """One thing that happened. The same `id` written twice is one.

    `models` are those of the `revision` that it is about, `before` those of the stable revision at
    that time; empty where they are not known any more. `started` is when the rollout of the
    revision began. `ended` is whether the revision lost its traffic by this.
    """

    id: str
    time: datetime
    environment: str
    namespace: str
    name: str
    event: str
    by: str
    notes: str
    revision: str | None = None
    models: tuple[Model, ...] = ()
    before: tuple[Model, ...] = ()
    storage: str = ""
    started: datetime | None = None
    ended: bool = False
    evidence: tuple[Mapping[str, Any], ...] = ()
