"""The simulated light curves: the same every time, of the promised mix, and light to make."""

import subprocess
import sys

import numpy as np
import pytest

from transit_models.examples import EXAMPLES, FEATURES, TRAFFIC_MIX, bad, sample_light_curves


def test_shapes_and_determinism() -> None:
    curves, labels = sample_light_curves(20, seed=5)
    again, same = sample_light_curves(20, seed=5)
    assert curves.shape == (20, FEATURES)
    assert curves.dtype == np.float32
    assert np.isfinite(curves).all()
    assert (curves == again).all()
    assert (labels == same).all()
    assert (curves != sample_light_curves(20, seed=6)[0]).any()


def test_the_mix_is_that_of_traffic() -> None:
    curves, labels = sample_light_curves(3000, seed=1)
    assert np.bincount(labels) / 3000 == pytest.approx(TRAFFIC_MIX, abs=0.03)
    assert 0.30 < (curves == 0).any(axis=1).mean() < 0.40, "about a third have a gap"
    clean, _ = sample_light_curves(500, seed=1, gap_share=0.0)
    assert clean.min() > 0


@pytest.mark.parametrize("mix", [(1, 1), (0, 0, 0), (1, -1, 1), (1, 1, 1, 1)])
def test_a_mix_that_is_none(mix: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="mix must be 3 shares"):
        sample_light_curves(1, 1, mix)


def test_traffic_needs_no_framework() -> None:
    code = (
        "import sys; from transit_models.examples import sample_light_curves as s; s(3, 1);"
        "print([m for m in ('tensorflow', 'keras', 'sklearn', 'xgboost', 'obstore', 'scipy')"
        " if m in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n"


def test_the_table_of_examples() -> None:
    assert set(bad()) == {"errors", "latency", "drift", "load", "crash"}
    assert {example.name for example in bad().values()} == {"random_forest"}
    good = {example.reference for example in EXAMPLES if example.problem is None}
    assert good == {
        f"{name}@{version}"
        for name in ("random_forest", "xgboost", "keras_cnn")
        for version in ("1.0.0", "1.1.0")
    }
