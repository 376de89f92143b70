"""What the tests of notifications share: the operator's own logs."""

import io
import logging
from collections.abc import Iterator

import pytest

from transit_operator.runtime.logs import write_logs


@pytest.fixture
def logs() -> Iterator[io.StringIO]:
    """All that the operator's own log handler writes, at its most talkative."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    write_logs("debug")
    [handler] = root.handlers
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(stream := io.StringIO())
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)
