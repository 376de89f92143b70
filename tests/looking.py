"""Models are looked into in the test's own process, for tests that pack many: `pack` starts one for
each, which imports their libraries anew. `tests/models/test_pack.py` has the real one as well.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from transit_models.packing import desk

ASK = desk.ask


@contextmanager
def looked_into_here() -> Iterator[None]:
    """What else is asked at the desk still has a process of its own."""

    def ask(module: str, *arguments: str | Path) -> dict[str, Any]:
        from transit_server.desk import look

        if module != "look":
            return ASK(module, *arguments)
        directory, *tasks = arguments
        said = look.said(Path(directory), tuple(map(str, tasks)))
        told: dict[str, Any] = json.loads(json.dumps(said))
        return told

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(desk, "ask", ask)
        yield
