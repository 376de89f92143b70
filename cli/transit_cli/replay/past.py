"""What is known of one past rollout: what happened, and every figure that the rules would ask for.

It can be saved and read again, so that a rollout is replayed after Prometheus has forgotten it.
Neighbours: `gather` asks Prometheus, `simulate` decides.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, FiniteFloat, ValidationError

from ..rollout.status.shown import Value
from ..rollout.status.times import seconds

FORMAT = 1
Samples = list[tuple[dict[str, str], float]]


class NotReadable(Exception):
    """The file holds no past rollouts, or those of another version."""


class Recorded(Value):
    """One series: its labels, and its values by time."""

    labels: dict[str, str]
    points: tuple[tuple[FiniteFloat, float], ...]


class Past(Value):
    """One rollout. `series` has each query's series by its name; times are epoch seconds."""

    namespace: str
    name: str
    candidate: str
    stable: str
    models: tuple[dict[str, str], ...]
    stable_models: tuple[dict[str, str], ...]
    spec: dict[str, Any]
    started: FiniteFloat
    ended: float | None
    end: str | None = Field(description="How it ended: a reason of the history; None: it goes on.")
    message: str = ""
    straight: bool = False
    given: dict[float, int] = Field(
        default_factory=dict, description="The weights that it was given, by time."
    )
    interval: Annotated[FiniteFloat, Field(gt=0)]
    window: Annotated[FiniteFloat, Field(gt=0)]
    namespace_label: str
    series: dict[str, tuple[Recorded, ...]] = Field(default_factory=dict)
    custom: dict[str, tuple[Recorded, ...]] = Field(default_factory=dict)
    ready: tuple[Recorded, ...] = ()

    @property
    def title(self) -> str:
        """Its models, for people."""
        return ", ".join(f"{m['name']} {m['version']}" for m in self.models) or self.candidate

    def fits(self, interval: str, window: str) -> bool:
        """Tell whether the figures are those that a policy's evaluations would have asked for."""
        return (seconds(interval), seconds(window)) == (self.interval, self.window)


class Figures:
    """The figures of a past rollout, by time."""

    def __init__(self, past: Past) -> None:
        self._interval = past.interval
        self._by_query = {name: self._indexed(found) for name, found in past.series.items()}
        self._custom = {name: self._indexed(found) for name, found in past.custom.items()}
        self._ready = self._indexed(past.ready)
        self.knows_pods = bool(past.ready)

    def _indexed(self, series: tuple[Recorded, ...]) -> dict[int, Samples]:
        found: dict[int, Samples] = {}
        for one in series:
            for at, value in one.points:
                found.setdefault(round(at / self._interval), []).append((one.labels, value))
        return found

    def at(self, now: float) -> Mapping[str, Samples]:
        """Return the samples of each query in the evaluation at or before a time."""
        tick = int(now / self._interval + 1e-6)
        return {name: by_time.get(tick, []) for name, by_time in self._by_query.items()}

    def custom_at(self, now: float) -> Mapping[str, Samples]:
        """Return the answers of the custom queries at that time."""
        tick = int(now / self._interval + 1e-6)
        return {name: by_time.get(tick, []) for name, by_time in self._custom.items()}

    def ready_at(self, now: float, revision: str) -> int:
        """Return how many pods of a revision said that they were ready."""
        samples = self._ready.get(int(now / self._interval + 1e-6), [])
        return round(sum(v for labels, v in samples if labels.get("revision") == revision))


def save(pasts: list[Past], file: Path) -> None:
    """Write past rollouts. Raises: OSError."""
    data = [past.model_dump(mode="json", by_alias=True) for past in pasts]
    file.write_text(json.dumps({"format": FORMAT, "rollouts": data}), encoding="utf-8")


def load(file: Path) -> list[Past]:
    """Read past rollouts. Raises: NotReadable."""
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
        if data["format"] != FORMAT:
            raise NotReadable(f"{file} is of format {data['format']}, this program reads {FORMAT}")
        return [Past.model_validate(one) for one in data["rollouts"]]
    except OSError as error:
        raise NotReadable(f"{file} can't be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, ValidationError) as error:
        raise NotReadable(f"{file} holds no saved rollouts: {error}") from error
