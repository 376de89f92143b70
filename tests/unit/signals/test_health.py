"""What makes a probe fail: tables of signs of life."""

from typing import Any

import pytest

from transit_operator.runtime.telling.health import Signs, unhealthy, unready

FINE: dict[str, Any] = {
    "listed": True,
    "look_age": 10.0,
    "relist_seconds": 300.0,
    "workers": 2,
    "running": [0.1],
}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({}, "", id="a working leader"),
        pytest.param({"workers": 0, "running": []}, "", id="a follower"),
        pytest.param({"listed": False}, "", id="still listing: not ready, but healthy"),
        pytest.param({"look_age": 900.0}, "", id="three lists missed, just"),
        pytest.param({"look_age": 900.1}, "900 s ago, 900 are allowed", id="no look for too long"),
        pytest.param({"running": [121.0, 3.0]}, "", id="one slow look"),
        pytest.param({"running": [121.0, 119.0]}, "", id="one worker is not stuck yet"),
        pytest.param({"running": [121.0, 300.0]}, "all workers (2) are stuck", id="all are stuck"),
        pytest.param({"running": [601.0]}, "over 600 s", id="one is lost"),
        pytest.param({"ended": ["lists"]}, "lists has ended", id="a task that should run for ever"),
    ],
)
def test_liveness(changes: dict[str, Any], expected: str) -> None:
    problems = unhealthy(Signs(**(FINE | changes)))
    assert bool(problems) == bool(expected)
    assert expected in "".join(problems)


def test_readiness() -> None:
    assert unready(Signs(**FINE)) == []
    assert unready(Signs(**(FINE | {"listed": False}))) != []
