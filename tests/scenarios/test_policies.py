"""What the spec's policies change: onFailure Pause, suspend, custom metrics."""

from tests.support import Object

from .history import condition
from .scene import Scene

OF = 'puppet_value{{model_deployment="{{{{namespace}}}}/{{{{name}}}}",revision="{{{{{0}}}}}"}}'
CANDIDATE, STABLE = OF.format("candidate"), OF.format("stable")


def paused_by_errors(scene: Scene) -> str:
    """Given onFailure Pause and a candidate that fails; its revision."""
    scene.spec["rollout"]["onFailure"] = "Pause"
    scene.serving()
    second = scene.roll_out("1.1.0", errors=0.3)
    paused = scene.until("it pauses", lambda s: s["phase"] == "Paused", 45)
    assert paused["candidate"]["weight"] == 10
    assert paused.get("rejected") is None
    assert "onFailure is Pause" in scene.history[-1]["message"]
    return second


def test_on_failure_pause_keeps_the_weight_until_somebody_decides(scene: Scene) -> None:
    second = paused_by_errors(scene)
    assert {s["candidate"]["weight"] for s in scene.evaluations(3)} == {10}
    scene.commanded("resume")
    scene.until(
        "it pauses again, for it still fails",
        lambda s: s["phase"] == "Paused" and scene.reasons().count("Paused") == 2,
        15,
    )
    scene.tell(second, errors=0)
    scene.until(
        "the errors are out of the window",
        lambda _: scene.signal("errorRate").get("verdict") == "Pass",
        30,
    )
    assert scene.status["candidate"]["weight"] == 10
    scene.commanded("resume")
    scene.until_stable(second)


def test_on_failure_pause_and_then_abort(scene: Scene) -> None:
    second = paused_by_errors(scene)
    scene.command("abort")
    scene.until_rejected(second, "Aborted", 15)
    assert scene.status["paused"] is False


def test_suspend_takes_no_step_but_still_rolls_back(scene: Scene) -> None:
    scene.serving()
    scene.spec["suspend"] = True
    second = scene.roll_out("1.1.0")
    looked_at = (scene.mdep.latest or {})["metadata"]["generation"]
    scene.until("it is looked at", lambda s: s["observedGeneration"] >= looked_at, 15)
    assert scene.status.get("candidate") is None
    assert scene.reasons(second) == []

    scene.spec["suspend"] = False
    scene.apply()
    scene.until_step(second, 1)
    scene.spec["suspend"] = True
    scene.apply()
    scene.until(
        "its hold is over",
        lambda s: s["phase"] == "Paused" and s["candidate"]["heldSeconds"] > 4,
        30,
    )
    assert scene.given_weights(second) == [10]
    assert "suspended by the spec" in scene.status["message"]
    scene.tell(second, errors=0.5)
    scene.until_rejected(second, "ErrorRate", 20)


def test_custom_metrics_have_bounds_on_both_sides(scene: Scene) -> None:
    """Given max and min for a value over the stable's, then just outside is rolled back."""
    scene.holds("60s", "60s", "60s")
    query = f"max({CANDIDATE}) - max({STABLE})"
    scene.analysis["custom"] = [{"name": "gain", "query": query, "max": 3, "min": -2}]
    first = scene.serving(value=10)
    for value, bad, said in ((13, 13.5, "3.5 over 3"), (8, 7.5, "-2.5 under -2")):
        second = scene.roll_out(f"1.{value}.0", value=value)
        scene.until_judged(second)
        assert scene.signal("custom/gain")["value"] == value - 10
        scene.tell(second, value=bad)
        rejected = scene.until_rejected(second, "Custom", 20)
        assert said in rejected["rejected"]["message"]
        assert rejected["stable"]["revision"] == first


def test_a_custom_query_without_one_number_is_no_data(scene: Scene) -> None:
    """None, several, NaN and refused: each holds, and says which it is."""
    scene.holds("2s", "60s", "60s")
    scene.serving()
    of_both = 'puppet_value{model_deployment="{{namespace}}/{{name}}"}'
    cases = {
        "NoSeries": "puppet_value{model_deployment='nobody/none'}",
        "ManySeries": of_both,
        "NotANumber": f"max({of_both}) * NaN",
        "PrometheusError": f"max({of_both}",
    }
    scene.analysis["custom"] = [{"name": "gain", "query": cases["NoSeries"], "max": 3}]
    second = scene.roll_out("1.1.0")
    scene.until("data", lambda _: scene.signal("errorRate").get("verdict") == "Pass", 45)
    for reason, query in cases.items():
        scene.analysis["custom"] = [{"name": "gain", "query": query, "max": 3}]
        scene.apply()
        held = until_metrics_say(scene, reason)
        assert condition(held, "MetricsAvailable")["status"] == "False"
        assert held["candidate"]["heldSeconds"] == 0
        assert held["candidate"]["step"] == 1
    scene.analysis["custom"] = [{"name": "gain", "query": f"max({of_both})", "max": 3}]
    scene.apply()
    scene.until_step(second, 2, 20)


def until_metrics_say(scene: Scene, reason: str) -> Object:
    """Wait until MetricsAvailable has this reason; the status then."""
    return scene.until(
        f"MetricsAvailable says {reason}",
        lambda s: condition(s, "MetricsAvailable").get("reason") == reason,
        15,
    )
