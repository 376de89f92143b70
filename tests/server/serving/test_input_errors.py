"""Rows that the schema allows and the model fails on: whose fault it is, its own probes say.

Against the real process. `tests/unit/signals/test_input_errors.py` has what a rollout makes of the
status `input_error`.
"""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.server.running import RunningServer, eventually

GOOD = [1.0] * 784
BAD = [1000.0, *GOOD[1:]]  # what the models of these tests fail on


def counting(server: RunningServer, model: str) -> Callable[[str], float]:
    return lambda status: server.metric(
        "predictions_total", model=model, version="1.0.0", status=status
    )


def rows(server: RunningServer, model: str, status: str) -> float:
    return server.metric("predicted_rows_total", model=model, version="1.0.0", status=status)


def test_rows_that_the_model_fails_on_are_no_errors(store: Path, tmp_path: Path) -> None:
    """Alone and in a batch; the client is told what it was told before."""
    with RunningServer(store, tmp_path, {"raises": "1.0.0"}) as server:
        server.until_ready()
        counted = counting(server, "raises")
        assert counted("input_error") == 0
        for _ in range(12):
            answer = server.predict(BAD)
            assert answer.status_code == 500
            assert answer.json()["error"]["code"] == "prediction_failed"
            assert server.predict(GOOD).status_code == 200
        batch = {"features": [GOOD, BAD, BAD, GOOD]}
        assert server.client.post("/api/v1/predict/batch", json=batch).status_code == 207
        eventually(lambda: counted("input_error") >= 12.5, "all of them counted", 30)
        assert counted("input_error") == 12.5
        assert counted("success") == 12.5
        assert counted("error") == 0
        assert (rows(server, "raises", "input_error"), rows(server, "raises", "error")) == (14, 0)
        latencies = {"model": "raises", "version": "1.0.0"}
        assert server.metric("prediction_latency_seconds_count", **latencies) == 25


@pytest.mark.parametrize("failures", ["0", "10"])
def test_a_model_that_fails_on_its_probes_has_errors(
    store: Path, tmp_path: Path, failures: str
) -> None:
    """Whether or not there is a circuit to open, and until it answers them again."""
    fault = tmp_path / "fault"
    with RunningServer(
        store, tmp_path, {"faulty": "1.0.0"}, breaker_failures=failures, TEST_FAULT=str(fault)
    ) as server:
        server.until_ready()
        counted = counting(server, "faulty")
        fault.touch()
        for _ in range(3):
            assert server.predict(GOOD).status_code == 500
        eventually(lambda: counted("error") == 3, "all of them counted", 30)
        assert counted("input_error") == 0
        assert server.status("/health/ready") == 200, "three are too few to open the circuit"
        fault.unlink()
        assert server.predict(GOOD).status_code == 200


def test_one_who_repeats_such_rows_has_the_model_tried_rarely(store: Path, tmp_path: Path) -> None:
    """Ten times a second at most, however often they come: each trial is work others wait for."""
    asked = tmp_path / "asked"
    with RunningServer(
        store, tmp_path, {"raises": "1.0.0"}, breaker_failures="3", TEST_ASKED=str(asked)
    ) as server:
        server.until_ready()
        counted = counting(server, "raises")
        loaded = asked.stat().st_size
        assert server.predict(BAD).status_code == 500
        eventually(lambda: counted("input_error") == 1, "the first one counted", 30)
        once, start = asked.stat().st_size - loaded, time.monotonic()
        for _ in range(300):
            assert server.predict(BAD).status_code == 500
        eventually(lambda: counted("input_error") == 301, "all of them counted", 30)
        took = time.monotonic() - start
        trials = (asked.stat().st_size - loaded) / once - 1
        assert 1 <= trials <= 1 + 10 * took
