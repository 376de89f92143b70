"""The circuit breaker by itself, and in a server whose model fails."""

import itertools
from pathlib import Path

import pytest

from tests.server.running import RunningServer, eventually
from transit_server.errors import CircuitOpen
from transit_server.serving.one_model.breaker import Breaker

GOOD = [1.0] * 784
BAD = [1000.0, *GOOD[1:]]


def play(story: str, failures: int = 3) -> tuple[Breaker, str]:
    """Each letter a request: s(uccess), f(ailure), r(efused); or the probes: a(nswered), n(ot).
    What comes back has a ? for each time that the probes were asked for.
    """
    seen: list[str] = []
    breaker = Breaker("m 1.0.0", failures, 10.0, seen.append)
    asked = ""
    for step in story:
        if step in "an":
            breaker.probed(step == "a")
        elif step == "r":
            with pytest.raises(CircuitOpen) as caught:
                breaker.admit()
            assert caught.value.retry_after == 10.0
        else:
            breaker.admit()
            if step == "s":
                breaker.succeeded()
            elif breaker.failed():
                asked += "?"
    assert seen == [state for state, _ in itertools.groupby(seen)], "told of changes only"
    return breaker, asked


@pytest.mark.parametrize(
    ("story", "asked", "state"),
    [
        ("", "", "closed"),
        ("ff", "", "closed"),
        ("ffsffsff", "", "closed"),  # never three in a row
        ("fff", "?", "closed"),  # nobody is refused before the probes have answered
        ("ffff", "??", "closed"),
        ("fffaff", "?", "closed"),  # the requests are at fault; counting begins anew
        ("fffafff", "??", "closed"),
        ("fffnr", "?", "open"),
        ("fffnrnr", "?", "open"),
        ("fffnra", "?", "closed"),
        ("fffnraff", "?", "closed"),
    ],
)
def test_story(story: str, asked: str, state: str) -> None:
    breaker, times = play(story)
    assert (times, breaker.state) == (asked, state)


def test_off() -> None:
    assert play("f" * 1000, failures=0)[1] == ""


def circuit(server: RunningServer, model: str) -> str:
    (state,) = (
        dict(labels)["state"]
        for (name, labels), value in server.metrics().items()
        if name == "model_circuit_state" and dict(labels)["model"] == model and value == 1
    )
    return state


def test_rows_that_fail_open_no_circuit(store: Path, tmp_path: Path) -> None:
    """The model answers its probes, so nobody is refused, and nothing is said of it."""
    with RunningServer(
        store, tmp_path, {"raises": "1.0.0"}, breaker_failures="4", breaker_open_for="1s"
    ) as server:
        server.until_ready()
        for _ in range(12):
            assert server.predict(BAD).status_code == 500
            assert circuit(server, "raises") == "closed"
        assert server.predict(GOOD).status_code == 200
        assert server.probes.get("/health/ready").json() == {"status": "ready"}
        assert "answers its probe rows: the requests are at fault" in server.log.read_text()


def test_a_model_that_fails_on_its_probes_too_is_not_ready(store: Path, tmp_path: Path) -> None:
    """Whatever the requests are: this process can't serve it, another may. What it is not given are
    errors without a latency, and it comes back by itself.
    """
    fault = tmp_path / "fault"
    labels = {"model": "faulty", "version": "1.0.0"}
    with RunningServer(
        store,
        tmp_path,
        {"faulty": "1.0.0", "random_forest": "1.0.0"},
        breaker_failures="2",
        breaker_open_for="300ms",
        TEST_FAULT=str(fault),
    ) as server:
        server.until_ready()
        assert server.metric("model_ready", **labels) == 1
        fault.touch()
        for _ in range(2):
            assert server.predict(GOOD).status_code == 500
        eventually(lambda: server.status("/health/ready") == 503, "not ready", 10)
        answer = server.probes.get("/health/ready").json()
        assert answer["reason"] == "model faulty fails on its own probe rows"
        assert circuit(server, "faulty") == "open"
        assert server.metric("model_ready", **labels) == 0
        assert server.metric("model_ready", model="random_forest", version="1.0.0") == 1
        assert server.client.get("/v2/models/faulty/ready").status_code == 503
        assert server.client.get("/v2/models/random_forest/ready").status_code == 200
        assert server.status("/health/live") == 200
        refused = server.predict(GOOD)
        assert refused.status_code == 503
        assert refused.json()["error"]["code"] == "circuit_open"
        assert refused.headers["retry-after"] == "1"
        assert server.predict(GOOD, model="random_forest").status_code == 200
        states = {m["name"]: m for m in server.client.get("/api/v1/models").json()["models"]}
        assert (states["faulty"]["circuit"], states["faulty"]["ready"]) == ("open", False)
        assert (states["random_forest"]["circuit"], states["random_forest"]["ready"]) == (
            "closed",
            True,
        )
        assert server.metric("predictions_total", **labels, status="error") == 3
        assert server.metric("predictions_total", **labels, status="refused") == 0
        assert server.metric("prediction_latency_seconds_count", **labels) == 2
        fault.unlink()
        eventually(lambda: server.status("/health/ready") == 200, "ready again", 10)
        assert server.predict(GOOD).status_code == 200
        assert circuit(server, "faulty") == "closed"
        assert server.metric("model_ready", **labels) == 1
