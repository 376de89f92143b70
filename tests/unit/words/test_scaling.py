"""An autoscaler that does nothing is told: in a condition, and in the message."""

from dataclasses import replace
from typing import Any

import pytest

from tests.unit.scenes import R1, R2, V2, rolling, serving, update
from transit_operator.api import names
from transit_operator.core.decide import decide
from transit_operator.core.objects.build import Object
from transit_operator.core.objects.scaling.said import FIRST_FIGURES_SECONDS, scalings
from transit_operator.core.observed import Scaling
from transit_operator.core.times import epoch

BEGAN = "2026-11-26T10:00:00Z"
NOW = epoch(BEGAN) + FIRST_FIGURES_SECONDS
SCALED: dict[str, Any] = {"replicas": None, "autoscaling": {"min": 3, "max": 9}}
NO_API = "the server could not find the requested resource (get pods.metrics.k8s.io)"
STILL = Scaling(False, "FailedGetResourceMetric", "HorizontalPodAutoscaler m-1 does not scale: …")


def autoscaler(*conditions: tuple[str, str, str, str]) -> dict[tuple[str, str], Object]:
    """Return what is live: one autoscaler with conditions (type, status, reason, message)."""
    keys = ("type", "status", "reason", "message")
    said = [dict(zip(keys, c, strict=True)) | {"lastTransitionTime": BEGAN} for c in conditions]
    obj = {
        "metadata": {"name": "m-1", "labels": {names.LABEL_REVISION: R1}},
        "status": {"conditions": said},
    }
    return {("HorizontalPodAutoscaler", "m-1"): obj}


def scaled_object(*conditions: tuple[str, str, str]) -> dict[tuple[str, str], Object]:
    """Return what is live: one of KEDA's, whose conditions don't say since when they are so."""
    said = [dict(zip(("type", "status", "message"), c, strict=True)) for c in conditions]
    obj = {
        "metadata": {
            "name": "m-1",
            "labels": {names.LABEL_REVISION: R1},
            "creationTimestamp": BEGAN,
        },
        "status": {"conditions": [one | {"reason": "R"} for one in said]},
    }
    return {("ScaledObject", "m-1"): obj}


ABLE = ("AbleToScale", "True", "SucceededGetScale", "")
ACTIVE = ("ScalingActive", "True", "ValidMetricFound", "")
NO_METRICS = ("ScalingActive", "False", "FailedGetResourceMetric", NO_API)
UNABLE = ("AbleToScale", "False", "FailedGetScale", "forbidden")


@pytest.mark.parametrize(
    ("conditions", "now", "active", "words"),
    [
        pytest.param((), NOW, None, "", id="nothing said"),
        pytest.param((ABLE,), NOW, None, "", id="no word on figures"),
        pytest.param((ABLE, ACTIVE), NOW, True, "", id="all is well"),
        pytest.param((ABLE, NO_METRICS), NOW - 1, None, "", id="new pods have no figures yet"),
        pytest.param((ABLE, NO_METRICS), NOW, False, NO_API, id="no metrics API"),
        pytest.param((ABLE, NO_METRICS), NOW - 3600, False, NO_API, id="its clock is far ahead"),
        pytest.param((UNABLE, ACTIVE), NOW, False, "FailedGetScale: forbidden", id="not able"),
        pytest.param((("ScalingActive", "Unknown", "", ""),), NOW, None, "", id="unknown"),
    ],
)
def test_what_an_autoscaler_says(
    conditions: tuple[tuple[str, str, str, str], ...], now: float, active: bool | None, words: str
) -> None:
    said = scalings(autoscaler(*conditions), now)[R1]
    assert said.active is active
    assert words in said.message
    young = active is None and NO_METRICS in conditions
    assert said.look_again == (NOW if young else None)


READY = ("Ready", "True", "")
IDLE = ("Active", "False", "")
LOST = ("Ready", "False", "target may be lost")
NO_FIGURES = ("HPAActive", "False", "unable to fetch metrics")


@pytest.mark.parametrize(
    ("conditions", "now", "active", "words"),
    [
        pytest.param((), NOW, None, "", id="nothing said"),
        pytest.param((READY, IDLE), NOW, True, "", id="no load is no trouble"),
        pytest.param((LOST,), NOW - 1, None, "", id="new pods have no figures yet"),
        pytest.param((LOST,), NOW, False, "ScaledObject m-1 does not scale: R: target", id="lost"),
        pytest.param((READY, NO_FIGURES), NOW, False, "unable to fetch", id="its HPA stands still"),
        pytest.param((("Ready", "Unknown", ""),), NOW, None, "", id="unknown"),
    ],
)
def test_what_a_scaled_object_says(
    conditions: tuple[tuple[str, str, str], ...], now: float, active: bool | None, words: str
) -> None:
    said = scalings(scaled_object(*conditions), now)[R1]
    assert said.active is active
    assert words in said.message


def test_what_is_being_deleted_has_no_say() -> None:
    leaving = scaled_object(LOST)
    leaving["ScaledObject", "m-1"]["metadata"]["deletionTimestamp"] = BEGAN
    for live in (leaving | autoscaler(ABLE, ACTIVE), autoscaler(ABLE, ACTIVE) | leaving):
        assert scalings(live, NOW)[R1].active is True


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        pytest.param({}, ("Unknown", "NotSaid"), id="no autoscaler yet"),
        pytest.param({R1: Scaling(None)}, ("Unknown", "NotSaid"), id="nothing said"),
        pytest.param({R1: Scaling(True)}, ("True", "Active"), id="all is well"),
        pytest.param({R1: STILL}, ("False", "FailedGetResourceMetric"), id="stands still"),
        pytest.param({R2: STILL}, ("Unknown", "NotSaid"), id="of a revision without a part"),
    ],
)
def test_the_condition(said: dict[str, Scaling], expected: tuple[str, str]) -> None:
    observed = replace(serving(**SCALED).observed(), scalings=said)
    status = decide(observed).status
    condition = next(c for c in status.conditions if c.type == "ScalingActive")
    assert (condition.status, condition.reason) == expected
    assert (STILL.message in str(status.message)) == (expected[0] == "False")


def test_a_candidates_autoscaler_is_told_of_too() -> None:
    world = serving(**SCALED)
    update(world, V2, **SCALED)
    observed = replace(world.observed(), scalings={R1: Scaling(True), R2: STILL})
    condition = next(c for c in decide(observed).status.conditions if c.type == "ScalingActive")
    assert (condition.status, condition.message) == ("False", STILL.message)


def test_without_autoscaling_nothing_is_said_of_it() -> None:
    status = decide(replace(rolling(10).observed(), scalings={R1: STILL})).status
    assert "ScalingActive" not in {c.type for c in status.conditions}


def test_it_looks_again_when_the_trouble_is_no_passing_one() -> None:
    world = serving(**SCALED)
    until = world.now + 30
    observed = replace(world.observed(), scalings={R1: Scaling(None, look_again=until)})
    assert decide(observed).wake_at == until
