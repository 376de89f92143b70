"""Samples of Prometheus become readings: NaN, none and several are problems, never numbers."""

import math

import pytest

from transit_operator.adapters.prometheus import (
    QueryFailed,
    Sample,
    _classes,
    _counts,
    _latency,
    _single,
    by_revision,
)
from transit_operator.core.observed import Counts, Latency

NAN, INF = math.nan, math.inf


def statuses(**values: float) -> list[Sample]:
    return [({"status": status}, value) for status, value in values.items()]


def quantiles(**values: float) -> list[Sample]:
    return [({"figure": figure}, value) for figure, value in values.items()]


@pytest.mark.parametrize(
    ("samples", "reason"),
    [
        pytest.param([], "NoSeries", id="an empty result"),
        pytest.param([({}, 1.0), ({"a": "b"}, 2.0)], "ManySeries", id="several series"),
        pytest.param([({}, NAN)], "NotANumber", id="NaN"),
        pytest.param([({}, INF)], "NotANumber", id="infinity"),
    ],
)
def test_a_custom_query_must_have_one_finite_number(samples: list[Sample], reason: str) -> None:
    with pytest.raises(QueryFailed) as failed:
        _single(samples)
    assert failed.value.problem.reason == reason


def test_a_custom_query_with_one_number_is_that_number() -> None:
    assert _single([({"any": "label"}, 0.25)]) == 0.25


@pytest.mark.parametrize(
    ("samples", "counts"),
    [
        pytest.param([], None, id="no series is unknown"),
        pytest.param(statuses(success=9, error=1), Counts(9, 1), id="both"),
        pytest.param(statuses(success=9), Counts(9, 0), id="no error series yet is no error"),
        pytest.param(statuses(error=3), Counts(0, 3), id="errors only"),
        pytest.param(
            statuses(success=9, error=1, invalid=50), Counts(9, 1), id="client mistakes don't count"
        ),
        pytest.param(statuses(success=NAN, error=1), None, id="NaN is unknown"),
        pytest.param(statuses(success=9, error=NAN), None, id="NaN errors are unknown"),
    ],
)
def test_counts(samples: list[Sample], counts: Counts | None) -> None:
    assert _counts(samples) == counts


@pytest.mark.parametrize(
    ("samples", "latency"),
    [
        pytest.param([], None, id="no series is unknown"),
        pytest.param(
            quantiles(quantile=0.2, median=0.1, samples=50.0, outer=0.15),
            Latency(0.2, 0.1, 50.0, 0.15),
            id="all four",
        ),
        pytest.param(
            quantiles(quantile=NAN, median=NAN, samples=0.0), None, id="NaN of an idle revision"
        ),
        pytest.param(quantiles(quantile=0.2, samples=50.0), None, id="half an answer is none"),
        pytest.param(
            quantiles(quantile=INF, median=0.1, samples=5.0, outer=0.1),
            None,
            id="infinity is no figure",
        ),
    ],
)
def test_latency(samples: list[Sample], latency: Latency | None) -> None:
    assert _latency(samples) == latency


def test_classes_by_model_without_what_is_not_a_number() -> None:
    samples: list[Sample] = [
        ({"model": "cnn", "class": "A"}, 5.0),
        ({"model": "cnn", "class": "B"}, NAN),
        ({"model": "xgb", "class": "A"}, 0.0),
    ]
    assert _classes(samples) == {"cnn": {"A": 5.0}, "xgb": {"A": 0.0}}


def test_samples_are_told_apart_by_model_deployment_and_revision() -> None:
    one = {"model_deployment": "ml/a", "revision": "r1", "status": "success"}
    other = {"model_deployment": "ml/b", "revision": "r1", "status": "success"}
    grouped = by_revision([(one, 1.0), (other, 2.0), ({}, 3.0)])
    assert grouped[("ml/a", "r1")] == [(one, 1.0)]
    assert grouped[("ml/b", "r1")] == [(other, 2.0)]
