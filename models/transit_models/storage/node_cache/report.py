"""What the init container tells the server of the node's cache, in a file of the pod's own.

Neighbours: the command `fetch` writes it; the server reads it at its start, for log and metrics.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, get_args

Result = Literal["hit", "miss", "failed"]  # from the cache; from the store, kept or not

RESULTS: tuple[Result, ...] = get_args(Result)
FILE = ".node-cache.json"


@dataclass(frozen=True)
class Told:
    """How a version came."""

    name: str
    version: str
    result: Result
    seconds: float
    problem: str


def write_report(into: Path, told: Iterable[Told]) -> None:
    """Leave it beside the versions. Raises `OSError`."""
    (into / FILE).write_text(json.dumps([asdict(one) for one in told]))


def read_report(into: Path) -> list[Told]:
    """What was left there: nothing where there was no such container. Raises `ValueError`."""
    try:
        text = (into / FILE).read_text()
    except FileNotFoundError:
        return []
    try:
        return [_read(one) for one in json.loads(text)]
    except (KeyError, TypeError) as error:
        raise ValueError(f"{into / FILE} is not understood: {error!r}") from None


def _read(one: dict[str, object]) -> Told:
    result = next((known for known in RESULTS if known == one["result"]), None)
    if result is None:
        raise KeyError("result")
    seconds = float(str(one["seconds"]))
    return Told(str(one["name"]), str(one["version"]), result, seconds, str(one["problem"]))
