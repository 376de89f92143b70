"""Prometheus answers badly: no step, no rollback, the clock stands still, and the status says why.

An operator of its own asks a proxy in place of the real Prometheus. One rollout goes through all of
it, in the order of the file.
"""

from collections.abc import Iterator

import pytest

from dev.client.kube import Kube
from tests.scenarios.history import condition
from tests.scenarios.scene import Scene

from .bad_prometheus import BadPrometheus, asked_by_an_operator

# what each mode must be called; a slow answer is given up after the limit, plus one second
REASONS = {
    "error": "PrometheusError",
    "html": "PrometheusMalformed",
    "slow": "PrometheusSlow",
    "trickle": "PrometheusSlow",
    "empty": "NoSeries",
    "nan": "NoSeries",
}


@pytest.fixture(scope="module")
def asked(alone: Kube) -> Iterator[tuple[BadPrometheus, Scene]]:
    """A proxy, and the scene of an operator that asks it."""
    with asked_by_an_operator(alone, "answers") as (proxy, (scene,)):
        yield proxy, scene


@pytest.fixture(scope="module")
def bad(asked: tuple[BadPrometheus, Scene]) -> BadPrometheus:
    """The proxy."""
    return asked[0]


@pytest.fixture(scope="module")
def rollout(asked: tuple[BadPrometheus, Scene]) -> tuple[Scene, str]:
    """A candidate at 10 % whose hold is long, and passes; its scene and its revision."""
    scene = asked[1]
    scene.holds("600s", "1s", "1s")
    scene.serving()
    revision = scene.roll_out("1.1.0")
    scene.until_judged(revision)
    return scene, revision


def holds_and_says(scene: Scene, reason: str) -> None:
    """Wait until the status says it; then the clock stands still for some evaluations."""
    blind = scene.until(
        f"MetricsAvailable is False, {reason}",
        lambda s: condition(s, "MetricsAvailable").get("reason") == reason,
        20,
    )
    held = blind["candidate"]["heldSeconds"]
    for status in scene.evaluations(3, 40):
        said = condition(status, "MetricsAvailable")
        assert (said["status"], said["reason"]) == ("False", reason), said
        assert said["message"]
        assert status["phase"] == "Progressing"
        assert (status["candidate"]["step"], status["candidate"]["weight"]) == (1, 10)
        assert status["candidate"]["heldSeconds"] == held


def sees_again(scene: Scene) -> None:
    """Wait for two evaluations with data. The first adds nothing: the time before it was blind."""
    held = scene.status["candidate"]["heldSeconds"]
    first = scene.until("data again", lambda s: s["candidate"].get("blindSince") is None, 30)
    assert first["candidate"]["heldSeconds"] == held, "blind time was counted as soak time"
    scene.until("held time grows", lambda s: s["candidate"]["heldSeconds"] > held, 30)
    assert condition(scene.status, "MetricsAvailable")["status"] == "True"


@pytest.mark.parametrize("mode", REASONS)
def test_a_bad_answer_holds(bad: BadPrometheus, rollout: tuple[Scene, str], mode: str) -> None:
    scene, _ = rollout
    bad.answers(mode)
    holds_and_says(scene, REASONS[mode])
    bad.answers("pass")
    sees_again(scene)


def test_more_series_than_were_asked_for_hold(
    bad: BadPrometheus, rollout: tuple[Scene, str]
) -> None:
    scene, _ = rollout
    bad.answers("many")
    try:
        holds_and_says(scene, "ManySeries")
    finally:
        bad.answers("pass")
    sees_again(scene)


def test_while_it_cannot_be_reached_commands_work(
    bad: BadPrometheus, rollout: tuple[Scene, str]
) -> None:
    scene, revision = rollout
    bad.stop()
    holds_and_says(scene, "PrometheusUnreachable")
    scene.commanded("pause")
    scene.until("it is paused", lambda s: s["phase"] == "Paused", 10)
    scene.commanded("resume")
    scene.command("promote")
    scene.until_step(revision, 2, 15)
    scene.commanded("promote")
    scene.command("abort")
    scene.until_rejected(revision, "Aborted", 15)
    scene.commanded("retry")
    scene.until("nobody sees it", lambda s: "waiting for Prometheus" in s["message"], 30)
    assert scene.status["traffic"] == [
        {"revision": scene.status["stable"]["revision"], "weight": 100}
    ]
    scene.command("promote")
    scene.until_step(revision, 1, 15)
    assert scene.status["candidate"]["heldSeconds"] == 0


def test_when_it_is_back_the_rollout_goes_on(
    bad: BadPrometheus, rollout: tuple[Scene, str]
) -> None:
    scene, revision = rollout
    bad.start()
    scene.holds("2s", "1s", "1s")
    scene.apply()
    scene.until_stable(revision)
    assert scene.given_weights(revision)[-3:] == [10, 50, 100]
