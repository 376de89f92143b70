"""Thresholds are exact: just under passes, just over fails, by real numbers of Prometheus.

Each candidate keeps one value. First the spec's threshold is just above it: it passes. Then the
threshold is edited to be just below: it fails at the next evaluation.
"""

import math
from bisect import bisect_left
from typing import Any

import pytest

from tests.puppet.puppet import latency_buckets

from .scene import Scene

SLACK = 0.01  # a threshold is this share above, then below the value


def passes_then_fails(
    scene: Scene, section: str, field: str, signal: str, value: float, **behaviour: Any
) -> dict[str, Any]:
    """Roll a candidate out whose signal has this value; the evidence of its rejection."""
    scene.holds("60s", "60s", "60s")
    scene.analysis[section] = {field: value * (1 + SLACK)}
    first = scene.serving(rate=200)
    second = scene.roll_out("1.1.0", rate=200, **behaviour)
    scene.until_judged(second)
    for status in scene.evaluations(5):
        found = next(e for e in status["signals"] if e["signal"] == signal)
        assert found["verdict"] == "Pass", found
    scene.analysis[section] = {field: value * (1 - SLACK)}
    scene.apply()
    rejected = scene.until_rejected(second, signal[0].upper() + signal[1:], 20)
    assert rejected["stable"]["revision"] == first
    evidence: dict[str, Any] = rejected["rejected"]["evidence"]
    assert evidence["threshold"] == pytest.approx(value * (1 - SLACK))
    return evidence


def test_error_rate(scene: Scene) -> None:
    evidence = passes_then_fails(scene, "errorRate", "max", "errorRate", 0.05, errors=0.05)
    assert evidence["value"] == pytest.approx(0.05, rel=1e-4)


def test_latency_ratio(scene: Scene) -> None:
    def p95(latency: float) -> float:
        bounds = (0.0, *latency_buckets())
        at = bisect_left(bounds, latency)
        return bounds[at - 1] + 0.95 * (bounds[at] - bounds[at - 1])

    ratio = p95(0.025) / p95(0.01)
    evidence = passes_then_fails(scene, "latency", "maxRatio", "latency", ratio, latency=0.025)
    assert evidence["value"] / evidence["baseline"] == pytest.approx(ratio, rel=1e-4)


def test_drift(scene: Scene) -> None:
    shares = {"planet": 0.8, "star": 0.2}
    divergence = sum(p * math.log(p / 0.5) for p in shares.values())
    evidence = passes_then_fails(scene, "drift", "maxKL", "drift", divergence, classes=shares)
    assert evidence["value"] == pytest.approx(divergence, rel=SLACK)


def test_accuracy(scene: Scene) -> None:
    evidence = passes_then_fails(scene, "accuracy", "maxDrop", "accuracy", 0.1, accuracy=0.9)
    assert evidence["value"] == pytest.approx(0.9, abs=1e-4)
    assert evidence["baseline"] == pytest.approx(1.0, abs=1e-4)


def test_both_slow_alike_is_no_reason(scene: Scene) -> None:
    scene.serving(latency=2.5)
    second = scene.roll_out("1.1.0", latency=2.5)
    scene.until_stable(second)
    assert scene.given_weights(second) == [10, 50, 100]


def test_health_counts_failures_in_a_row_only(scene: Scene) -> None:
    """Given a limit of 9: fail, fail, pass, fail, fail, pass is none; nine in a row are."""
    scene.analysis["health"] = {"consecutiveFailures": 9}
    scene.analysis["interval"] = "3s"  # a pod gets ready and is known to be within seven intervals
    scene.holds("120s", "60s", "60s")
    scene.serving()
    second = scene.roll_out("1.1.0")
    scene.until_judged(second)

    def failures(number: int) -> None:
        scene.until(
            f"{number} failures in a row",
            lambda s: s["candidate"]["healthFailures"] == number,
            30,
        )

    for _ in range(2):
        scene.tell(second, ready=False)
        failures(2)
        scene.tell(second, ready=True)
        failures(0)
    scene.tell(second, ready=False)
    rejected = scene.until_rejected(second, "Health", 60)
    assert rejected["rejected"]["evidence"]["value"] == 9
