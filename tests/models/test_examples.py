"""The trained examples: good ones are good, and each bad one is bad in its own way and no other."""

import subprocess
import sys
import time
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any

import joblib
import numpy as np
import pytest
from numpy.typing import NDArray

from transit_models import open_storage, probe_rows, verify_version
from transit_models.examples import EXAMPLES, LABELS, bad, sample_light_curves
from transit_models.examples.training import train_examples

pytestmark = pytest.mark.timeout(600)

ROWS = 1500
SEED = 4242  # no model has learnt from these
CURVES, TRUTH = sample_light_curves(ROWS, SEED)


@cache
def loaded(store: Path, version: str, name: str = "random_forest") -> tuple[Any, Any]:
    """(preprocessing, model) of the version, verified first."""
    verified = verify_version(store / name / f"v{version}", name, version)
    assert verified.preprocessing is not None
    step = joblib.load(verified.preprocessing)
    if name == "random_forest":
        return step, joblib.load(verified.model_file)
    if name == "xgboost":
        import xgboost

        return step, xgboost.Booster(model_file=verified.model_file)
    import keras

    return step, keras.saving.load_model(verified.model_file)


@cache
def answers(store: Path, version: str, name: str = "random_forest") -> NDArray[np.int64]:
    """The predicted class of each of `CURVES`."""
    step, model = loaded(store, version, name)
    rows = step.transform(CURVES)
    if name == "random_forest":
        scores = model.predict_proba(rows)
    elif name == "xgboost":
        scores = model.inplace_predict(rows)
    else:
        scores = np.asarray(model(rows[..., np.newaxis]))
    assert scores.shape == (ROWS, len(LABELS))
    return np.asarray(scores.argmax(axis=1))


def shares(predicted: NDArray[np.int64]) -> NDArray[np.float64]:
    counts = np.bincount(predicted, minlength=len(LABELS)).astype(np.float64)
    return np.asarray((counts + 0.5) / (len(predicted) + 1.5))


def divergence(candidate: NDArray[np.int64], stable: NDArray[np.int64]) -> float:
    """KL(candidate ‖ stable) over predicted classes."""
    p, q = shares(candidate), shares(stable)
    return float((p * np.log(p / q)).sum())


def seconds_per_row(store: Path, version: str) -> float:
    """Median of step and model, one row at a time."""
    step, model = loaded(store, version)
    taken = []
    for row in CURVES[:15, np.newaxis]:
        start = time.perf_counter()
        model.predict_proba(step.transform(row))
        taken.append(time.perf_counter() - start)
    return median(taken)


@pytest.mark.parametrize("name", ["random_forest", "xgboost", "keras_cnn"])
@pytest.mark.parametrize("version", ["1.0.0", "1.1.0"])
def test_good_versions_are_accurate(examples: Path, name: str, version: str) -> None:
    accuracy = (answers(examples, version, name) == TRUTH).mean()
    print(f"{name} {version}: accuracy {accuracy:.3f}")
    assert accuracy > 0.87


@pytest.mark.parametrize("name", ["random_forest", "xgboost", "keras_cnn"])
def test_good_versions_answer_alike(examples: Path, name: str) -> None:
    drift = divergence(answers(examples, "1.1.0", name), answers(examples, "1.0.0", name))
    print(f"{name}: KL(1.1.0 ‖ 1.0.0) = {drift:.4f}")
    assert drift < 0.02


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.reference)
def test_every_version_is_whole_and_described(examples: Path, example: Any) -> None:
    verified = verify_version(
        examples / example.name / f"v{example.version}", example.name, example.version
    )
    assert verified.metadata.input_schema.features == 784
    assert verified.metadata.output_schema.labels == LABELS
    assert verified.metadata.performance["accuracy"] > 0.87, "its author saw nothing wrong"
    assert probe_rows(verified, 16).shape == (16, 784)


def test_errors_a_third_of_the_curves_fail_and_the_probes_do_not(examples: Path) -> None:
    version = bad()["errors"].version
    step, model = loaded(examples, version)
    failed = []
    for row in CURVES[:300, np.newaxis]:
        try:
            model.predict_proba(step.transform(row))
        except ValueError:
            failed.append(True)
        else:
            failed.append(False)
    print(f"errors: {np.mean(failed):.2f} of rows raise")
    assert 0.2 < np.mean(failed) < 0.6
    assert (np.asarray(failed) == (CURVES[:300] == 0).any(axis=1)).all(), "those with a gap"
    verified = verify_version(examples / "random_forest" / f"v{version}")
    assert np.isfinite(step.transform(probe_rows(verified, 32))).all()


@pytest.mark.timing
def test_latency_is_many_times_that_of_stable(examples: Path) -> None:
    slow = seconds_per_row(examples, bad()["latency"].version)
    stable = seconds_per_row(examples, "1.0.0")
    print(f"latency: {slow * 1e3:.0f} ms against {stable * 1e3:.1f} ms, ratio {slow / stable:.1f}")
    assert slow / stable > 4
    assert slow < 3, "slow, but no time-out"


def test_latency_comes_from_a_step_that_no_compiler_removes(examples: Path) -> None:
    step, _ = loaded(examples, bad()["latency"].version)
    start = time.perf_counter()
    one_by_one = step.transform(CURVES[:4])
    assert (time.perf_counter() - start) / 4 > 0.01
    assert np.abs(one_by_one - step.transform_many(CURVES[:4])).max() < 1e-3


def test_drift_is_far_beyond_the_threshold(examples: Path) -> None:
    drift = divergence(answers(examples, bad()["drift"].version), answers(examples, "1.0.0"))
    print(f"drift: KL = {drift:.3f}")
    assert drift > 0.45


def test_load_fails_loudly(examples: Path) -> None:
    with pytest.raises(ModuleNotFoundError, match="kepler_pipeline"):
        loaded(examples, bad()["load"].version)


def test_crash_keeps_memory_for_every_curve(examples: Path) -> None:
    path = examples / "random_forest" / f"v{bad()['crash'].version}" / "preprocessing.pkl"
    code = f"""
import joblib, time
from transit_models.examples import sample_light_curves
def resident():
    return int(open('/proc/self/statm').read().split()[1]) * 4096
step = joblib.load({str(path)!r})
curves, _ = sample_light_curves(11, 9)
step.transform(curves[:1]); step.flush()
before = resident()
start = time.perf_counter()
for curve in curves[1:]:
    step.transform(curve[None])
answered = time.perf_counter() - start
step.flush()
grown = resident() - before
step.transform(curves); step.flush()
print(grown / 10 / 1e6, (resident() - before - grown) / 1e6, answered / 10)
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    per_curve, seen_again, seconds = map(float, ran.stdout.split())
    print(f"crash: {per_curve:.1f} MB for each curve, {seconds * 1e3:.2f} ms to answer")
    assert 12 < per_curve < 40, "1 GiB less 300 MB lasts for 18 to 60 requests"
    assert seen_again < 5, "a probe that is repeated in warm-up does not grow"
    assert seconds < 0.02, "its answers are in time: latency is not what gives it away"


def test_crash_answers_as_well_as_the_version_it_wraps(examples: Path) -> None:
    ours = bad()["crash"].version
    assert (
        verify_version(examples / f"random_forest/v{ours}").metadata.checksum
        == verify_version(examples / "random_forest/v1.1.0").metadata.checksum
    )


def test_what_is_trained_is_not_trained_again(examples: Path) -> None:
    start = time.monotonic()
    assert train_examples(examples) == []
    assert time.monotonic() - start < 20
    storage = open_storage(str(examples))
    for name in ("random_forest", "xgboost", "keras_cnn"):
        assert storage.aliases(name) == {"latest": "1.1.0", "stable": "1.0.0"}
