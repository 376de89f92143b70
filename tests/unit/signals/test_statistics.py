"""The bounds and the divergence behind the signals, against exact and simulated values."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transit_operator.core.signals.statistics import binomial_tail, kl_divergence, surely_above


def exact_tail(k: int, n: int, p: float) -> float:
    return sum(math.comb(n, i) * p**i * (1 - p) ** (n - i) for i in range(k, n + 1))


@pytest.mark.parametrize("p", [0.01, 0.05, 0.5, 0.9])
@pytest.mark.parametrize("n", [1, 3, 10, 99])
def test_tail_is_the_exact_binomial_sum(n: int, p: float) -> None:
    for k in range(n + 2):
        assert binomial_tail(k, n, p) == pytest.approx(exact_tail(k, n, p), rel=1e-9, abs=1e-300)


@pytest.mark.parametrize(
    ("successes", "trials", "probability", "tail"),
    [
        pytest.param(0, 10, 0.05, 1.0, id="none or more is certain"),
        pytest.param(11, 10, 0.05, 0.0, id="more than all is impossible"),
        pytest.param(1, 10, 0.0, 0.0, id="something impossible never happens"),
        pytest.param(10, 10, 1.0, 1.0, id="something certain always happens"),
        pytest.param(2.9, 10, 0.5, exact_tail(2, 10, 0.5), id="successes are rounded down"),
        pytest.param(3, 9.1, 0.5, exact_tail(3, 10, 0.5), id="trials are rounded up"),
    ],
)
def test_tail_at_its_edges(
    successes: float, trials: float, probability: float, tail: float
) -> None:
    assert binomial_tail(successes, trials, probability) == pytest.approx(tail)


@given(n=st.integers(1, 300), share=st.floats(0, 1), p=st.floats(0, 1), fraction=st.floats(0, 0.99))
def test_tail_is_a_probability_and_fractions_never_make_it_smaller(
    n: int, share: float, p: float, fraction: float
) -> None:
    k = math.floor(n * share)
    assert 0.0 <= binomial_tail(k, n, p) <= 1.0
    assert binomial_tail(k + fraction, n + fraction, p) >= binomial_tail(k, n, p) - 1e-12


@pytest.mark.parametrize(
    ("errors", "predictions", "threshold", "sure"),
    [
        pytest.param(10, 10, 0.05, True, id="ten of ten is overwhelming"),
        pytest.param(1, 3, 0.05, False, id="one of three is not"),
        pytest.param(2, 2, 0.05, True, id="two of two is: by chance once in 400"),
        pytest.param(1, 1, 0.05, False, id="one of one is not: by chance once in 20"),
        pytest.param(3, 50, 0.05, False, id="three of fifty is just above the threshold"),
        pytest.param(0, 0, 0.05, False, id="nothing of nothing says nothing"),
        pytest.param(10, 10, 1.0, False, id="nothing is above a threshold of one"),
        pytest.param(1, 99, 0.0, True, id="one error is above a threshold of zero"),
        pytest.param(0, 99, 0.0, False, id="no error is not above a threshold of zero"),
    ],
)
def test_overwhelming_evidence(
    errors: float, predictions: float, threshold: float, sure: bool
) -> None:
    assert surely_above(errors, predictions, threshold) is sure


@pytest.mark.parametrize("n", [3, 20, 60, 99])
def test_chance_of_wrongly_overwhelming_evidence_is_at_most_one_percent(n: int) -> None:
    threshold = 0.05
    wrong = math.fsum(
        math.comb(n, k) * threshold**k * (1 - threshold) ** (n - k)
        for k in range(n + 1)
        if surely_above(k, n, threshold)
    )
    assert wrong <= 0.01 + 1e-12


def test_divergence_of_identical_counts_is_zero() -> None:
    counts = {"A": 600.0, "B": 250.0, "C": 150.0}
    divergence, error = kl_divergence(counts, counts)
    assert divergence == 0
    assert 0 < error < 0.1 or error == pytest.approx(0, abs=0.05)


def test_divergence_of_a_label_flip_is_the_textbook_value() -> None:
    divergence, _ = kl_divergence({"A": 150_000.0, "B": 850_000.0}, {"A": 850_000.0, "B": 150_000})
    textbook = 0.15 * math.log(0.15 / 0.85) + 0.85 * math.log(0.85 / 0.15)
    assert divergence == pytest.approx(textbook, abs=1e-3)


def test_divergence_is_of_the_candidate_from_the_stable_and_not_the_reverse() -> None:
    one, other = {"A": 9_000.0, "B": 1_000.0}, {"A": 5_000.0, "B": 5_000.0}
    forward = 0.9 * math.log(0.9 / 0.5) + 0.1 * math.log(0.1 / 0.5)
    reverse = 0.5 * math.log(0.5 / 0.9) + 0.5 * math.log(0.5 / 0.1)
    assert kl_divergence(one, other)[0] == pytest.approx(forward, abs=1e-2)
    assert kl_divergence(other, one)[0] == pytest.approx(reverse, abs=1e-2)


@pytest.mark.parametrize(
    ("candidate", "stable"),
    [
        pytest.param({"A": 10.0, "B": 0.0}, {"A": 0.0, "B": 10.0}, id="each without the other's"),
        pytest.param({"A": 10.0}, {"B": 10.0}, id="no class in common"),
        pytest.param({"A": 10.0, "C": 5.0}, {"A": 10.0}, id="a class that stable never saw"),
    ],
)
def test_an_empty_class_gives_a_large_but_finite_divergence(
    candidate: dict[str, float], stable: dict[str, float]
) -> None:
    divergence, error = kl_divergence(candidate, stable)
    assert math.isfinite(divergence)
    assert math.isfinite(error)
    assert divergence > 0.3


@pytest.mark.parametrize(("classes", "samples"), [(3, 100), (10, 100), (10, 500)])
def test_bias_is_corrected_for_samples_of_one_distribution(classes: int, samples: int) -> None:
    rng = np.random.default_rng(7)
    shares = rng.dirichlet(np.full(classes, 5.0))
    labels = [f"class{i}" for i in range(classes)]
    drawn = rng.multinomial(samples, shares, size=(400, 2))
    corrected = [
        kl_divergence(
            dict(zip(labels, map(float, mine), strict=True)),
            dict(zip(labels, map(float, base), strict=True)),
        )[0]
        for mine, base in drawn
    ]
    uncorrected_mean = (classes - 1) / samples  # (K-1)/2 (1/n + 1/m) with n = m
    assert np.mean(corrected) < 0.6 * uncorrected_mean
    assert max(corrected) < 0.3, "samples of one distribution must not cross the default limit"


counts = st.dictionaries(
    st.sampled_from("ABCDEFGH"), st.floats(0, 1e6, allow_subnormal=False), min_size=1
).filter(lambda c: sum(c.values()) > 1e-3)


@given(candidate=counts, stable=counts)
def test_divergence_is_finite_and_not_negative(
    candidate: dict[str, float], stable: dict[str, float]
) -> None:
    divergence, error = kl_divergence(candidate, stable)
    assert math.isfinite(divergence)
    assert divergence >= 0
    assert math.isfinite(error)
    assert error >= 0
