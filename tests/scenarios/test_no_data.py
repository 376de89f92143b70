"""Few samples and none: no verdict is never Pass, unless the evidence is overwhelming."""

from .history import condition
from .scene import Scene


def test_one_error_of_three_is_no_verdict_and_ten_of_ten_is(scene: Scene) -> None:
    scene.serving()
    second = scene.roll_out("1.1.0", rate=0.375, errors=1 / 3)
    scene.until("three samples", lambda _: scene.signal("errorRate").get("samples", 0) > 2, 45)
    for status in scene.evaluations(5):
        found = next(e for e in status["signals"] if e["signal"] == "errorRate")
        assert (found["verdict"], found["reason"]) == ("NoData", "TooFewSamples"), found
        assert status["candidate"]["heldSeconds"] == 0
        assert condition(status, "MetricsAvailable")["reason"] == "TooFewSamples"
    scene.tell(second, rate=4, errors=1)
    rejected = scene.until_rejected(second, "ErrorRate", 20)
    assert rejected["rejected"]["evidence"]["samples"] < 40


def test_without_predictions_it_holds_and_goes_on_with_them(scene: Scene) -> None:
    """noData.policy Hold: blind time is no soak time, though it is long over noData.after."""
    scene.analysis["noData"] = {"policy": "Hold", "after": "1s"}
    scene.serving()
    second = scene.roll_out("1.1.0", rate=0)
    scene.until_step(second, 1)
    blind = scene.evaluations(6)
    assert {s["candidate"]["heldSeconds"] for s in blind} == {0}
    assert {s["candidate"]["step"] for s in blind} == {1}
    assert condition(blind[-1], "MetricsAvailable")["status"] == "False"
    assert condition(blind[-1], "MetricsAvailable")["reason"] == "NoSeries"
    assert "no data for errorRate" in blind[-1]["message"]
    scene.tell(second, rate=20)
    scene.until_stable(second)


def test_without_predictions_for_long_it_is_turned_back_if_the_policy_says_so(
    scene: Scene,
) -> None:
    """`after` is long enough for Prometheus to find the pods: that wait is blind time, too."""
    scene.analysis["noData"] = {"policy": "Rollback", "after": "20s"}
    scene.serving()
    second = scene.roll_out("1.1.0", rate=0)
    scene.until_step(second, 1)
    rejected = scene.until_rejected(second, "NoData", 60)["rejected"]
    assert "no data for" in rejected["message"]
    assert scene.given_weights(second) == [10]


def test_without_a_baseline_latency_and_drift_have_no_verdict(scene: Scene) -> None:
    """Given a stable version that has never predicted, then the candidate waits."""
    first = scene.serving(rate=0)
    second = scene.roll_out("1.1.0")
    scene.until("errorRate passes", lambda _: scene.signal("errorRate").get("verdict") == "Pass")
    for status in scene.evaluations(4):
        verdicts = {e["signal"]: (e["verdict"], e.get("reason")) for e in status["signals"]}
        assert verdicts["latency"] == ("NoData", "NoBaseline")
        assert verdicts["drift"] == ("NoData", "NoBaseline")
        assert status["candidate"]["heldSeconds"] == 0
    scene.tell(first, rate=20)
    scene.until_stable(second)


def test_at_a_hundred_percent_the_kept_baseline_speaks_for_the_stable(scene: Scene) -> None:
    """Given a stable that has no traffic any more, a slow candidate is still found."""
    scene.holds("2s", "2s", "60s")
    first = scene.serving()
    second = scene.roll_out("1.1.0")
    scene.until_step(second, 3, 60)
    kept = scene.status["candidate"]["baseline"]["latency"]
    scene.tell(first, rate=0)
    scene.until(
        "the stable's own figures are gone, and the candidate passes",
        lambda s: s["candidate"]["passes"] >= 12,
        30,
    )
    assert scene.signal("latency")["baseline"] == kept
    scene.tell(second, latency=0.1)
    rejected = scene.until_rejected(second, "Latency", 30)["rejected"]
    assert rejected["evidence"]["baseline"] == kept
