"""Prometheus reads a ratio of two quantiles from the histogram that is right within 5 %."""

import bisect
import itertools

import numpy as np
import pytest
from numpy.typing import NDArray
from prometheus_client import CollectorRegistry, Histogram, generate_latest

from transit_server.observability.latencies import Latencies
from transit_server.observability.metrics import Metrics, latency_buckets


def prometheus_quantile(quantile: float, bounds: list[float], counts: list[int]) -> float:
    """`histogram_quantile`: linear inside the bucket, from 0 in the first."""
    rank = quantile * sum(counts)
    below = 0
    for index, count in enumerate(counts):
        if below + count >= rank:
            low = bounds[index - 1] if index else 0.0
            return low + (bounds[index] - low) * (rank - below) / count
        below += count
    return bounds[-1]


def counted(samples: NDArray[np.float64], bounds: list[float]) -> list[int]:
    counts = [0] * (len(bounds) + 1)
    for sample in samples:
        counts[bisect.bisect_left(bounds, sample)] += 1
    assert counts.pop() == 0
    return counts


def test_bounds() -> None:
    bounds = latency_buckets()
    assert bounds[0] == 0.00025
    assert bounds[-1] == 30.0
    assert all(1.0 < b / a <= 1.1 + 1e-9 for a, b in itertools.pairwise(bounds))


@pytest.mark.parametrize("median", [0.0006, 0.004, 0.045, 0.7])
@pytest.mark.parametrize("family", ["lognormal", "gamma"])
@pytest.mark.parametrize("quantile", [0.5, 0.9, 0.95, 0.99])
def test_ratio_of_quantiles(family: str, median: float, quantile: float) -> None:
    random = np.random.default_rng(1)
    bounds = list(latency_buckets())
    for factor in (1.0, 1.3, 2.0, 3.7):
        if family == "lognormal":
            stable = random.lognormal(np.log(median), 0.5, 20_000)
            candidate = random.lognormal(np.log(median * factor), 0.4, 20_000)
        else:
            stable = random.gamma(4.0, median / 4.0, 20_000)
            candidate = random.gamma(3.0, factor * median / 3.0, 20_000)
        exact = np.quantile(candidate, quantile) / np.quantile(stable, quantile)
        read = prometheus_quantile(
            quantile, bounds, counted(candidate, bounds)
        ) / prometheus_quantile(quantile, bounds, counted(stable, bounds))
        assert read == pytest.approx(exact, rel=0.05)


def test_shown_as_the_client_library_shows_it() -> None:
    bounds = latency_buckets()
    about = "a_seconds", "So long.", ("model",)
    registries = CollectorRegistry(), CollectorRegistry()
    library = Histogram(*about, buckets=bounds, registry=registries[0])
    ours = Latencies(*about, bounds)
    registries[1].register(ours)
    for seconds in (0.0, bounds[0], bounds[7], bounds[7] + 1e-9, 0.0123, bounds[-1], 31.0):
        library.labels("m").observe(seconds)
        ours.of("m").took(seconds)
    library.labels("idle")
    ours.of("idle")
    expected, shown = (generate_latest(one).decode().splitlines() for one in registries)
    assert shown == [line for line in expected if "_created" not in line]


def test_names_and_labels() -> None:
    metrics = Metrics("ml/kepler", "abc")
    model = metrics.model("m", "1.0.0")
    model.requests.has_classes(["A", "B"])
    text = metrics.expose().decode()
    base = 'model="m",model_deployment="ml/kepler",revision="abc"'
    for status in ("success", "error", "invalid"):
        assert f'predictions_total{{{base},status="{status}",version="1.0.0"}} 0.0' in text
    for name in ("A", "B"):
        assert f'predicted_class_total{{class="{name}",{base},version="1.0.0"}} 0.0' in text
    assert f'prediction_latency_seconds_count{{{base},version="1.0.0"}} 0.0' in text
    assert f'model_ready{{{base},version="1.0.0"}} 0.0' in text
    assert "_created" not in text
    assert "_total_total" not in text
