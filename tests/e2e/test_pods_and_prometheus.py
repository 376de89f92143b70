"""What Kubernetes and Prometheus do to a rollout: no GPU left, and no numbers."""

from dev.demo.scenarios import SCENARIOS, play
from dev.demo.stage import Stage
from tests.support import eventually

FIRST = SCENARIOS[0]


def test_a_candidate_that_fits_no_node_gets_no_traffic_and_says_why(stage: Stage) -> None:
    """Given a stable version, when the candidate asks for more GPUs than there are, then ..."""
    play(stage, FIRST)
    stable = stage.status["stable"]["revision"]
    server = stage.manifest["spec"]["server"]
    stage.manifest["spec"]["server"] = {
        "pool": "gpu",
        "resources": {"limits": {"nvidia.com/gpu": 64}, "requests": {"nvidia.com/gpu": 64}},
    }
    mark = stage.traffic.mark()
    stage.ask_for("1.1.0")
    stage.mdep.wait_for(
        "the reason in the status",
        lambda m: "Insufficient nvidia.com/gpu" in m["status"].get("message", ""),
        30,
    )
    assert stage.weights() == {stable: 100}
    rejected = stage.mdep.wait_for(
        "the deadline", lambda m: bool(m["status"].get("rejected")), 120
    )["status"]["rejected"]
    assert rejected["reason"] == "NotReady"
    assert "Insufficient nvidia.com/gpu" in rejected["message"]
    assert set(stage.traffic.by_revision(mark)) == {stable}
    assert stage.traffic.failures(mark) == []
    stage.manifest["spec"]["server"] = server


def test_without_prometheus_no_step_is_taken_and_deleting_works(stage: Stage) -> None:
    """Given a rollout, when Prometheus is down, then the clock stands still, and says so."""
    stage.kube("-n", "monitoring", "scale", "deployment/prometheus", "--replicas=0")
    try:
        stage.ask_for("1.1.0")
        blind = stage.mdep.wait_for(
            "MetricsAvailable is False",
            lambda m: any(
                c["type"] == "MetricsAvailable" and c["status"] == "False"
                for c in m["status"]["conditions"]
            ),
            90,
        )
        assert blind["status"]["candidate"]["step"] == 1
        held = blind["status"]["candidate"]["heldSeconds"]
        later = stage.mdep.wait_for(
            "some more evaluations",
            lambda m: (
                m["status"]["candidate"]["evaluatedAt"]
                > blind["status"]["candidate"]["evaluatedAt"]
            ),
            30,
        )
        assert later["status"]["candidate"]["heldSeconds"] == held
        stage.kube("-n", "demo", "delete", "mdep", "kepler", "--timeout=30s")
        owned = "transit.dev/model-deployment=kepler"
        kinds = "deployments,services,httproutes,controllerrevisions"
        eventually(
            "nothing of it is left",
            lambda: not stage.kube("-n", "demo", "get", kinds, "-l", owned, "-o", "name").strip(),
            60,
        )
    finally:
        stage.kube("-n", "monitoring", "scale", "deployment/prometheus", "--replicas=1")
        stage.kube.kubectl.rolled_out("monitoring", ["prometheus"], 60)
