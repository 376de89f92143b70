"""Given a rollout at 10 %, when the operator stops, then traffic goes on; and so does it, later."""

import json

from dev.demo.install import DEPLOYMENT
from dev.demo.install import NAMESPACE as SYSTEM
from dev.demo.scenarios import SCENARIOS, play
from dev.demo.stage import Stage, reached
from tests.support import eventually

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
    at_ten = stage.mdep.wait_for(
        "a first hold with data",
        lambda m: m["status"].get("candidate", {}).get("heldSeconds", 0) >= 4,
        90,
    )
    revision = at_ten["status"]["candidate"]["revision"]

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
    after = stage.mdep.wait_for(
        "the operator evaluates again",
        lambda m: (
            m["status"].get("candidate", {}).get("evaluatedAt", "")
            > before["status"]["candidate"]["evaluatedAt"]
        ),
        60,
    )
    # Time without the operator isn't watched time: at most one interval and a half is added.
    gained = after["status"]["candidate"]["heldSeconds"]
    assert gained - before["status"]["candidate"]["heldSeconds"] <= 3.1
    done = stage.mdep.wait_for(
        "the promotion", lambda m: m["status"]["stable"]["revision"] == revision, 180
    )
    assert reached(done["status"]["history"], revision) == stage.steps
