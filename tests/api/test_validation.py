"""Given a wrong resource, when it is applied, then the API server names the field and the rule."""

from typing import Any

import pytest

from dev.cluster.ui import StepFailed
from dev.demo.kube import Kube
from tests.support import model_deployment

STEP = {"weight": 100, "hold": "1m"}
GATEWAY = {"router": "gateway", "gateway": {"parentRefs": [{"name": "public"}]}}


def rollout(**changes: Any) -> dict[str, Any]:
    return {"rollout": changes}


def analysis(**changes: Any) -> dict[str, Any]:
    return rollout(analysis=changes)


WRONG: dict[str, tuple[dict[str, Any], list[str]]] = {
    "a weight over 100": (
        rollout(steps=[{"weight": 150, "hold": "1m"}]),
        ["spec.rollout.steps[0].weight", "less than or equal to 100"],
    ),
    "a negative weight": (
        rollout(steps=[{"weight": -1, "hold": "1m"}, STEP]),
        ["spec.rollout.steps[0].weight", "greater than or equal to 0"],
    ),
    "weights that fall": (
        rollout(steps=[{"weight": 50, "hold": "1m"}, {"weight": 10, "hold": "1m"}, STEP]),
        ["spec.rollout.steps", "weights must rise"],
    ),
    "equal weights": (
        rollout(steps=[{"weight": 50, "hold": "1m"}, {"weight": 50, "hold": "1m"}, STEP]),
        ["spec.rollout.steps", "weights must rise"],
    ),
    "a last weight that isn't 100": (
        rollout(steps=[{"weight": 10, "hold": "1m"}]),
        ["spec.rollout.steps", "the last step's weight must be 100"],
    ),
    "no step": (rollout(steps=[]), ["spec.rollout.steps", "at least 1"]),
    "two models of one name": (
        {"models": [{"name": "m", "version": "1.0.0"}, {"name": "m", "version": "1.1.0"}]},
        ["spec.models[1]", "Duplicate value"],
    ),
    "no model": ({"models": []}, ["spec.models", "at least 1"]),
    "a bad semver": (
        {"models": [{"name": "m", "version": "v1.0"}]},
        ["spec.models[0].version", "must be a semantic version"],
    ),
    "an unknown alias": (
        {"models": [{"name": "m", "version": "newest"}]},
        ["spec.models[0].version", "stable, latest"],
    ),
    "a window shorter than two intervals": (
        analysis(interval="30s", window="59s"),
        ["spec.rollout.analysis", "window must be at least two intervals long"],
    ),
    "an unknown router": ({"traffic": {"router": "nginx"}}, ["spec.traffic.router", '"gateway"']),
    "router gateway without a gateway": (
        {"traffic": {"router": "gateway"}},
        ["spec.traffic", "gateway.parentRefs"],
    ),
    "replicas and autoscaling": (
        {"replicas": 3, "autoscaling": {"min": 1, "max": 2}},
        ["spec", "replicas and autoscaling exclude each other"],
    ),
    "autoscaling upside down": (
        {"autoscaling": {"min": 3, "max": 2}},
        ["spec.autoscaling", "min must not be greater than max"],
    ),
    "an unknown unit": (
        rollout(steps=[{"weight": 100, "hold": "3 days"}]),
        ["spec.rollout.steps[0].hold", "units: ms, s, m, h"],
    ),
    "a storage of another kind": (
        {"storage": {"uri": "ftp://models"}},
        ["spec.storage.uri", "must be s3://"],
    ),
    "a default that is no model": (
        {"default": "other"},
        ["spec", "default must be the name of one of the models"],
    ),
    "a custom metric without a bound": (
        analysis(custom=[{"name": "x", "query": "up"}]),
        ["spec.rollout.analysis.custom[0]", "needs max, min or both"],
    ),
    "a custom metric with a place that is unknown": (
        analysis(custom=[{"name": "x", "query": 'up{a="{{stabel}}"}', "max": 1}]),
        ["spec.rollout.analysis.custom[0]", "query knows {{namespace}}, {{name}}"],
    ),
    "an unknown mode of a signal": (
        analysis(drift={"mode": "Maybe"}),
        ["spec.rollout.analysis.drift.mode", "Enforce"],
    ),
    "an error rate over 1": (
        analysis(errorRate={"max": 5}),
        ["spec.rollout.analysis.errorRate.max", "less than or equal to 1"],
    ),
    "an unknown field": ({"rollouts": {}}, ["unknown field", "spec.rollouts"]),
}


@pytest.fixture(scope="session", autouse=True)
def definition(kube: Kube) -> None:
    """The CRD, as `crds/` has it."""
    kube("apply", "--server-side", "--force-conflicts", "-f", "crds")
    kube("wait", "--for=condition=Established", "crd/modeldeployments.transit.dev")


@pytest.mark.parametrize("case", WRONG)
def test_refuses(kube: Kube, case: str) -> None:
    changes, said = WRONG[case]
    with pytest.raises(StepFailed) as refused:
        kube(
            *("apply", "--validate=strict", "--dry-run=server", "-f", "-"),
            stdin=model_deployment("wrong", "default", **changes),
        )
    for words in said:
        assert words in str(refused.value)


def test_refuses_a_name_that_leaves_no_room_for_the_revision(kube: Kube) -> None:
    with pytest.raises(StepFailed, match="at most 52 characters"):
        kube(
            *("apply", "--dry-run=server", "-f", "-"),
            stdin=model_deployment("m" * 53, "default"),
        )


def test_fills_in_the_defaults_of_the_contract(kube: Kube) -> None:
    import json

    made = json.loads(
        kube(
            *("apply", "--dry-run=server", "-o", "json", "-f", "-"),
            stdin=model_deployment("kepler", "default"),
        )
    )
    spec = made["spec"]
    assert spec["rollout"]["steps"] == [
        {"weight": 10, "hold": "30m"},
        {"weight": 50, "hold": "30m"},
        {"weight": 100, "hold": "24h"},
    ]
    assert spec["rollout"]["progressDeadline"] == "10m"
    assert spec["rollout"]["onFailure"] == "Rollback"
    judged = spec["rollout"]["analysis"]
    assert (judged["interval"], judged["window"], judged["minSamples"]) == ("15s", "5m", 100)
    assert judged["errorRate"] == {"max": 0.05}
    assert judged["latency"] == {"quantile": 0.95, "maxRatio": 2}
    assert judged["drift"] == {"maxKL": 0.3}
    assert judged["health"] == {"consecutiveFailures": 3}
    assert judged["invalid"] == {"maxIncrease": 0.05}
    assert judged["traffic"] == {}
    assert judged["noData"] == {"policy": "Hold", "after": "30m"}
    assert spec["traffic"]["router"] == "replicas"
    assert spec["server"]["pool"] == "cpu"
    assert spec["server"]["batching"] == {"maxSize": 32, "maxWait": "2ms"}


@pytest.mark.parametrize("how", [("create",), ("apply", "--server-side")])
def test_a_signal_that_is_null_stays_so(kube: Kube, how: tuple[str, ...]) -> None:
    """Not by client-side apply, which drops a null: `mode: Off` is for that."""
    import json

    off = dict.fromkeys(("errorRate", "latency", "drift", "invalid", "traffic", "health"))
    made = json.loads(
        kube(
            *(*how, "--dry-run=server", "-o", "json", "-f", "-"),
            stdin=model_deployment("silent", "default", **analysis(**off)),
        )
    )
    assert off.items() <= made["spec"]["rollout"]["analysis"].items()


def test_a_signal_that_is_off_stays_so_by_any_way(kube: Kube) -> None:
    import json

    made = json.loads(
        kube(
            *("apply", "--dry-run=server", "-o", "json", "-f", "-"),
            stdin=model_deployment("silent", "default", **analysis(drift={"mode": "Off"})),
        )
    )
    assert made["spec"]["rollout"]["analysis"]["drift"] == {"maxKL": 0.3, "mode": "Off"}
