"""Given a rollout at 10 %, when the operator stops, then traffic goes on; and so does it, later."""

import json

import pytest

from dev.demo.play.scenarios import SCENARIOS, play
from dev.demo.play.stage import Stage, reached
from dev.demo.provision.install import DEPLOYMENT
from dev.demo.provision.install import NAMESPACE as SYSTEM
from tests.scenarios.history import evaluated_at, statuses
from tests.support import Object, eventually

pytestmark = pytest.mark.disruptive
FIRST = SCENARIOS[0]
AWAY_ANSWERS = 200


def scaled(stage: Stage, replicas: int) -> None:
    stage.kube("-n", SYSTEM, "scale", f"deployment/{DEPLOYMENT}", f"--replicas={replicas}")
    eventually(
        "the operator's pods to follow",
        lambda: (
            len(
                json.loads(
                    stage.kube(
                        *("-n", SYSTEM, "get", "pods", "-o", "json"),
                        *("-l", "app.kubernetes.io/name=transit-operator"),
                    )
                )["items"]
            )
            == replicas
        ),
        60,
    )


def test_goes_on_where_it_stopped(stage: Stage) -> None:
    play(stage, FIRST)
    stage.ask_for("1.1.0")
    at_ten = stage.until(
        "a first hold with data",
        lambda s: s.get("candidate", {}).get("heldSeconds", 0) >= 4,
        90,
    )
    revision = at_ten["candidate"]["revision"]

    scaled(stage, 0)
    before = stage.mdep.latest
    assert before is not None
    weights = stage.weights()
    mark = stage.traffic.mark()
    eventually("traffic goes on", lambda: len(stage.traffic.since(mark)) >= AWAY_ANSWERS, 60)
    assert stage.weights() == weights
    assert stage.traffic.failures(mark) == []
    assert stage.traffic.by_revision(mark)[revision] > 0
    assert stage.mdep.latest == before

    scaled(stage, 2)
    left = before["status"]["candidate"]

    last: str = left["evaluatedAt"]

    def evaluated_again(status: Object) -> bool:
        return evaluated_at(status) > last

    stage.until("the operator evaluates again", evaluated_again, 60)
    # Of the statuses since then the first: a busy machine shows this test several at once.
    after = next(s for s in statuses(stage.mdep.seen) if evaluated_again(s))
    # Time without the operator isn't watched time: at most one interval and a half is added.
    assert after["candidate"]["heldSeconds"] - left["heldSeconds"] <= 3.1
    done = stage.until("the promotion", lambda s: s["stable"]["revision"] == revision, 180)
    assert reached(done["history"], revision) == stage.steps
