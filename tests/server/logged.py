"""What a prediction log has written, read back, and rows to ask for."""

import gzip
import json
from pathlib import Path
from typing import Any

from tests.server.example_store import Data
from transit_models.storage.opening import open_objects

Lines = list[dict[str, Any]]


def written(uri: str, kind: str = "predictions", secret: Path | None = None) -> Lines:
    """All lines of one kind, in the order of the files' names."""
    objects = open_objects(uri, secret)
    found: Lines = []
    for name in sorted(objects.keys(f"{kind}/")):
        body = objects.read(f"{kind}/{name}")
        assert body is not None
        found += [json.loads(line) for line in gzip.decompress(body).splitlines()]
    return found


def rows_of(data: Data, count: int) -> list[list[float]]:
    return [[float(value) for value in row] for row in data.rows[:count]]
