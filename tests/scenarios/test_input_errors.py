"""Rows that a model fails on while it works, through a real Prometheus.

The puppets send themselves as much as they like, whatever their weight: with router `gateway` what
is beside it would be left out.
"""

import pytest

from .scene import Scene


def test_rows_that_both_fail_on_are_no_reason(scene: Scene) -> None:
    """Up to the end, where only what was kept of the stable says so."""
    scene.by_replicas()
    scene.serving(rate=200, input_errors=0.3)
    second = scene.roll_out("1.1.0", rate=200, input_errors=0.3)
    scene.until_stable(second)
    assert scene.given_weights(second)[-1] == 100
    assert "Rejected" not in scene.reasons(second)


def test_rows_that_the_stable_answers_are(scene: Scene) -> None:
    scene.by_replicas()
    first = scene.serving(rate=200, input_errors=0.1)
    second = scene.roll_out("1.1.0", rate=200, input_errors=0.3)
    status = scene.until_rejected(second, "ErrorRate")
    assert status["stable"]["revision"] == first
    evidence = status["rejected"]["evidence"]
    assert evidence["value"] == pytest.approx(0.3, rel=1e-3)
    assert evidence["baseline"] == pytest.approx(0.1, rel=1e-3)
