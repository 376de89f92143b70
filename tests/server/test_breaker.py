"""The circuit breaker by itself, and in a server whose model fails."""

from pathlib import Path

import pytest

from tests.server.running import RunningServer, eventually
from transit_server.errors import CircuitOpen
from transit_server.serving.breaker import Breaker, State

GOOD = [1.0] * 784
BAD = [1000.0, *GOOD[1:]]


class World:
    """A breaker and its clock."""

    def __init__(self, failures: int = 3) -> None:
        self.now = 0.0
        self.seen: list[str] = []
        self.breaker = Breaker("m 1.0.0", failures, 10.0, lambda: self.now, self.seen.append)

    def play(self, story: str) -> str:
        """Each letter a request: s(uccess), f(ailure), a(bandoned), r(efused); a digit: seconds."""
        for step in story:
            if step.isdigit():
                self.now += int(step)
            elif step == "r":
                with pytest.raises(CircuitOpen):
                    self.breaker.admit()
            else:
                ticket = self.breaker.admit()
                outcome = {"s": "succeeded", "f": "failed", "a": "abandoned"}[step]
                getattr(self.breaker, outcome)(ticket)
        return self.breaker.state


@pytest.mark.parametrize(
    ("story", "state"),
    [
        ("", "closed"),
        ("ff", "closed"),
        ("ffsffsff", "closed"),  # never three in a row
        ("ffaf", "open"),  # an abandoned request is no outcome
        ("fff", "open"),
        ("fffr9r", "open"),
        ("fff91s", "closed"),
        ("fff91sff", "closed"),  # counting begins anew
        ("fff91f", "open"),
        ("fff91fr9r", "open"),  # and the wait too
        ("fff91f91s", "closed"),
        ("fff91as", "closed"),  # an abandoned trial leaves it to the next
    ],
)
def test_story(story: str, state: str) -> None:
    assert World().play(story) == state


def test_one_trial_at_a_time() -> None:
    world = World()
    world.play("fff91")
    trial = world.breaker.admit()
    assert world.breaker.state is State.HALF_OPEN
    with pytest.raises(CircuitOpen):
        world.breaker.admit()
    world.breaker.succeeded(trial)
    assert world.seen == ["open", "half_open", "closed"]


def test_late_outcomes_of_earlier_requests_count_for_nothing() -> None:
    world = World()
    early = [world.breaker.admit() for _ in range(4)]
    world.play("fff")
    world.breaker.succeeded(early[0])
    world.play("r91")
    trial = world.breaker.admit()
    world.breaker.failed(early[1])
    world.breaker.succeeded(trial)
    world.breaker.failed(early[2])
    assert world.seen == ["open", "half_open", "closed"]


def test_it_says_when_to_come_again() -> None:
    world = World()
    world.play("fff3")
    with pytest.raises(CircuitOpen) as caught:
        world.breaker.admit()
    assert caught.value.retry_after == 7.0


def test_off() -> None:
    assert World(failures=0).play("f" * 1000) == "closed"


def circuit(server: RunningServer, model: str) -> str:
    (state,) = (
        dict(labels)["state"]
        for (name, labels), value in server.metrics().items()
        if name == "model_circuit_state" and dict(labels)["model"] == model and value == 1
    )
    return state


def test_open_and_closed_again(store: Path, tmp_path: Path) -> None:
    """Rows that fail open the circuit of their model only; it answers its probes, so the server
    stays ready, and says so.
    """
    with RunningServer(
        store,
        tmp_path,
        {"raises": "1.0.0", "random_forest": "1.0.0"},
        breaker_failures="4",
        breaker_open_for="1s",
    ) as server:
        server.until_ready()
        assert circuit(server, "raises") == "closed"
        for _ in range(4):
            assert server.predict(BAD).status_code == 500
        refused = server.predict(GOOD)
        assert refused.status_code == 503
        assert refused.json()["error"]["code"] == "circuit_open"
        assert refused.headers["retry-after"] == "1"
        assert circuit(server, "raises") == "open"
        ready = server.client.get("/health/ready")
        assert (ready.status_code, ready.json()["circuits"]) == (200, {"raises": "open"})
        states = {
            m["name"]: m["circuit"] for m in server.client.get("/api/v1/models").json()["models"]
        }
        assert states == {"raises": "open", "random_forest": "closed"}
        v2 = server.client.post(
            "/v2/models/raises/infer",
            json={"inputs": [{"name": "features", "shape": [1, 784], "datatype": "FP32",
                              "data": GOOD}]},
        )  # fmt: skip
        assert v2.status_code == 503
        assert isinstance(v2.json()["error"], str)
        assert server.predict(BAD, model="random_forest").status_code == 200
        # Every refusal is an error; none has a latency.
        labels = {"model": "raises", "version": "1.0.0"}
        assert server.metric("predictions_total", **labels, status="error") == 6
        assert server.metric("prediction_latency_seconds_count", **labels) == 4

        eventually(lambda: server.predict(GOOD).status_code == 200, "the trial", 10)
        assert circuit(server, "raises") == "closed"
        assert "circuits" not in server.client.get("/health/ready").json()


def test_a_model_that_fails_on_its_probes_too_is_not_ready(store: Path, tmp_path: Path) -> None:
    """Whatever the requests are: this process can't serve it, another may."""
    fault = tmp_path / "fault"
    with RunningServer(
        store,
        tmp_path,
        {"faulty": "1.0.0"},
        breaker_failures="2",
        breaker_open_for="300ms",
        TEST_FAULT=str(fault),
    ) as server:
        server.until_ready()
        fault.touch()
        for _ in range(2):
            assert server.predict(GOOD).status_code == 500
        eventually(lambda: server.status("/health/ready") == 503, "not ready", 10)
        reason = server.client.get("/health/ready").json()["reason"]
        assert reason == "model faulty fails on its own probe rows"
        assert server.status("/health/live") == 200
        fault.unlink()
        eventually(lambda: server.status("/health/ready") == 200, "ready again", 10)
        eventually(lambda: server.predict(GOOD).status_code == 200, "the trial", 10)
        assert circuit(server, "faulty") == "closed"
