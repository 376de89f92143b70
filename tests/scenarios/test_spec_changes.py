"""The spec changes while a rollout is under way: newer versions, back, and all that makes none."""

import pytest

from dev.cluster.ui import StepFailed

from .history import condition, statuses, weights_seen
from .scene import Scene


def test_of_five_versions_in_ten_seconds_only_the_last_is_analysed(scene: Scene) -> None:
    first = scene.serving()
    asked = [scene.roll_out(f"1.{number}.0") for number in range(1, 6)]
    scene.until_stable(asked[-1])
    for superseded in asked[:-1]:
        assert weights_seen(scene.mdep.seen, superseded) in ([], [0])
        assert scene.given_weights(superseded) == []
    judged = {
        status["candidate"]["revision"]
        for status in statuses(scene.mdep.seen)
        if status.get("candidate") and status.get("signals")
    }
    assert judged == {asked[-1]}
    left = scene.settled([asked[-1]])
    assert sorted((o["kind"], o["metadata"]["name"]) for o in left if o["kind"] != "Pod") == sorted(
        [
            ("ControllerRevision", f"m-{first}"),  # the previous one, for the rollback command
            ("ControllerRevision", f"m-{asked[-1]}"),
            ("Deployment", f"m-{asked[-1]}"),
            ("HTTPRoute", "m"),
            ("PodDisruptionBudget", f"m-{asked[-1]}"),
            ("Service", "m"),
            ("Service", f"m-{asked[-1]}"),
        ]
    )


def test_a_newer_version_midway_starts_when_the_old_one_has_no_traffic(scene: Scene) -> None:
    first = scene.serving()
    scene.holds("1s", "60s", "60s")
    second = scene.roll_out("1.1.0")
    scene.until_step(second, 2)
    scene.holds("1s", "1s", "1s")
    third = scene.roll_out("1.2.0")
    scene.until_stable(third)
    assert scene.reasons(second)[-1] == "Superseded"
    assert scene.given_weights(third) == [10, 50, 100]
    for status in statuses(scene.mdep.seen):
        shares = {w["revision"]: w["weight"] for w in status.get("traffic") or []}
        assert not {second, third} <= set(shares), "old and new candidate had traffic together"
        if third in shares:
            assert status["stable"]["revision"] in (first, third)
    assert scene.status["previous"]["revision"] == first
    scene.settled([third])


def test_back_to_the_stable_spec_midway(scene: Scene) -> None:
    first = scene.serving()
    scene.holds("1s", "60s", "60s")
    second = scene.roll_out("1.1.0")
    scene.until_step(second, 2)
    scene.roll_out("1.0.0")
    scene.until_stable(first, 10)
    assert "rejected" not in scene.status
    assert scene.reasons(second)[-1] == "Reverted"
    scene.settled([first])


@pytest.mark.parametrize(
    ("edited", "weights"),
    [
        ([5, 30, 60, 100], [10, 30, 60, 100]),
        ([40, 100], [10, 40, 100]),
        ([1, 2, 3, 100], [10, 100]),
        ([100], [10, 100]),
    ],
    ids=str,
)
def test_steps_edited_midway_never_jump_over_one(
    scene: Scene, edited: list[int], weights: list[int]
) -> None:
    """Given a candidate at 10 %, when the steps are others, then the next one above 10 follows."""
    scene.holds("60s", "60s", "60s")
    scene.serving()
    second = scene.roll_out("1.1.0")
    scene.until_judged(second)
    scene.spec["rollout"]["steps"] = [{"weight": weight, "hold": "1s"} for weight in edited]
    scene.apply()
    scene.until_stable(second)
    assert weights_seen(scene.mdep.seen, second) == [0, *weights]


def test_other_replicas_midway_are_no_new_rollout(scene: Scene) -> None:
    scene.holds("1s", "8s", "1s")
    first = scene.serving()
    second = scene.roll_out("1.1.0")
    scene.until_step(second, 2)
    scene.spec["replicas"] = 3
    scene.apply()
    scene.until_stable(second)
    assert scene.given_weights(second) == [10, 50, 100]
    assert scene.reasons().count("RolloutStarted") == 1
    assert scene.status["previous"]["revision"] == first
    ready = [s for s in statuses(scene.mdep.seen) if (s.get("candidate") or {}).get("step") == 3]
    assert ready[0]["candidate"]["pods"] == 3, "100 % was given to fewer pods than the spec's"
    assert len(scene.pods(second)) == 3


def test_another_router_midway_and_back_never_jumps(scene: Scene) -> None:
    """Given 10 % by the gateway, when the router is replicas, then pod counts say the weight."""
    scene.holds("120s", "1s", "1s")
    scene.spec["replicas"] = 2
    scene.serving()
    second = scene.roll_out("1.1.0")
    scene.until_judged(second)
    scene.by_replicas()
    scene.apply()
    mixed = scene.until(
        "weights by pod counts",
        lambda s: {w["revision"]: w["weight"] for w in s["traffic"]}.get(second) == 33,
        20,
    )
    assert mixed["candidate"]["weight"] == 10
    assert not [o for o in scene.owned() if o["kind"] == "HTTPRoute"]
    scene.by_gateway()
    scene.holds("1s", "1s", "1s")
    scene.apply()
    scene.until_stable(second)
    assert scene.given_weights(second) == [10, 50, 100]


def test_an_invalid_spec_changes_nothing_and_is_repaired(scene: Scene) -> None:
    """What the API server refuses never arrives; what only Transit can tell is said, and kept."""
    scene.holds("60s", "1s", "1s")
    first = scene.serving()
    second = scene.roll_out("1.1.0")
    scene.until_judged(second)
    good = scene.spec["rollout"]["steps"]
    scene.spec["rollout"]["steps"] = [{"weight": 50, "hold": "1s"}]
    with pytest.raises(StepFailed, match="the last step's weight must be 100"):
        scene.apply()
    assert {s["candidate"]["weight"] for s in scene.evaluations(2)} == {10}

    scene.spec["rollout"]["steps"] = good
    scene.spec["server"]["pool"] = "tpu"
    scene.roll_out("1.2.0")
    scene.until(
        "the reason is said",
        lambda s: (
            condition(s, "Accepted")["status"] == "False"
            and "no pool is named 'tpu'" in condition(s, "Accepted")["message"]
        ),
        20,
    )
    scene.until("the stable serves alone", lambda s: s["traffic"] == [sole(first)], 20)
    scene.spec["server"].pop("pool")
    scene.holds("1s", "1s", "1s")
    third = scene.roll_out("1.2.0")
    done = scene.until_stable(third)
    assert condition(done, "Accepted")["status"] == "True"
    assert scene.given_weights(third) == [10, 50, 100]
    scene.settled([third])


def sole(revision: str) -> dict[str, object]:
    return {"revision": revision, "weight": 100}
