"""A server of this process for one test."""

from collections.abc import Iterator

import pytest

from .bare import IMPATIENT, Uvicorn, listening


@pytest.fixture
def own() -> Iterator[Uvicorn]:
    with listening(IMPATIENT) as own:
        yield own
