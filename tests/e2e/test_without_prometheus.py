"""Given that Prometheus is down, then a candidate gets no traffic, and the status says why."""

import pytest

from dev.demo.play.scenarios import SCENARIOS, play
from dev.demo.play.stage import Stage
from tests.support import eventually

pytestmark = pytest.mark.disruptive
FIRST = SCENARIOS[0]


def test_without_prometheus_no_step_is_taken_and_deleting_works(stage: Stage) -> None:
    play(stage, FIRST)
    stable = stage.status["stable"]["revision"]
    stage.kube("-n", "monitoring", "scale", "deployment/prometheus", "--replicas=0")
    try:
        stage.ask_for("1.1.0")
        blind = stage.until(
            "MetricsAvailable is False, and pods that nobody measures",
            lambda s: (
                "pods ready, waiting for Prometheus to see them" in s["message"]
                and any(
                    c["type"] == "MetricsAvailable" and c["status"] == "False"
                    for c in s["conditions"]
                )
            ),
            90,
        )["candidate"]
        later = stage.until(
            "some more evaluations",
            lambda s: s["candidate"]["evaluatedAt"] > blind["evaluatedAt"],
            30,
        )["candidate"]
        assert (later["step"], later["weight"], later["heldSeconds"]) == (0, 0, 0)
        assert later["blindSince"] == blind["blindSince"]
        assert stage.weights() == {stable: 100}
        stage.kube("-n", stage.namespace, "delete", "mdep", "kepler", "--timeout=30s")
        owned = "transit.dev/model-deployment=kepler"
        kinds = "deployments,services,httproutes,controllerrevisions"
        eventually(
            "nothing of it is left",
            lambda: (
                not stage.kube(
                    "-n", stage.namespace, "get", kinds, "-l", owned, "-o", "name"
                ).strip()
            ),
            60,
        )
    finally:
        stage.kube("-n", "monitoring", "scale", "deployment/prometheus", "--replicas=1")
        stage.kube.kubectl.rolled_out("monitoring", ["prometheus"], 60)
