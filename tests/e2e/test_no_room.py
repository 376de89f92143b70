"""Given a stable version, when the candidate asks for more GPUs than there are, then it says so."""

from dev.demo.play.scenarios import SCENARIOS, play
from dev.demo.play.stage import Stage

FIRST = SCENARIOS[0]


def test_a_candidate_that_fits_no_node_gets_no_traffic_and_says_why(stage: Stage) -> None:
    play(stage, FIRST)
    stable = stage.status["stable"]["revision"]
    server = stage.manifest["spec"]["server"]
    stage.manifest["spec"]["server"] = {
        "pool": "gpu",
        "resources": {"limits": {"nvidia.com/gpu": 64}, "requests": {"nvidia.com/gpu": 64}},
    }
    mark = stage.traffic.mark()
    stage.ask_for("1.1.0")
    stage.until(
        "the reason in the status",
        lambda s: "Insufficient nvidia.com/gpu" in s.get("message", ""),
        30,
    )
    assert stage.weights() == {stable: 100}
    rejected = stage.until("the deadline", lambda s: bool(s.get("rejected")), 120)["rejected"]
    assert rejected["reason"] == "NotReady"
    assert "Insufficient nvidia.com/gpu" in rejected["message"]
    assert set(stage.traffic.by_revision(mark)) == {stable}
    assert stage.traffic.failures(mark) == []
    stage.manifest["spec"]["server"] = server
