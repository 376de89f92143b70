"""How each signal's numbers are held against each other, and how they are said.

The operator's evidence has value, baseline and threshold; which of them are compared, and how, is
the signal's own (docs/concepts/rollout.md#signals). What is not known here is a custom one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .shown import Signal


def counted(number: float, noun: str) -> str:
    """Return `1 failure`, `2 failures`; of a fraction what is nearest."""
    whole = round(number)
    return f"{whole} {noun}" + ("" if whole == 1 else "s")


def percent(value: float) -> str:
    """Return a share as people say it: `3.9 %`."""
    text = f"{value * 100:.1f}" if abs(value) < 0.1 else f"{value * 100:.0f}"
    return f"{text.removesuffix('.0')} %"


def milliseconds(value: float) -> str:
    """Return seconds as `12 ms` or `1.4 s`."""
    return f"{value * 1000:.3g} ms" if value < 1 else f"{value:.3g} s"


def plain(value: float) -> str:
    """Return a number without a unit: whole ones whole."""
    return f"{value:.0f}" if abs(value) >= 100 or value == round(value) else f"{value:.3g}"


def _times(value: float) -> str:
    return f"{value:.2f}x"


def _points(value: float) -> str:
    return f"{value * 100:.1f} points".replace(".0 ", " ")


@dataclass(frozen=True)
class Kind:
    """One signal: what is compared, and the units of its value and of what is compared.

    `below`: it fails under its bound.
    """

    title: str
    of_value: Callable[[float], str]
    of_measure: Callable[[float], str]
    measure: Callable[[float, float | None], float | None] = lambda value, _: value
    below: bool = False


def _ratio(value: float, baseline: float | None) -> float | None:
    return value / baseline if baseline else None


def _increase(value: float, baseline: float | None) -> float | None:
    return value - baseline if baseline is not None else None


def _beyond(value: float, baseline: float | None) -> float | None:
    return value - (baseline or 0.0)  # the baseline is the stable's share of input errors


def _drop(value: float, baseline: float | None) -> float | None:
    return baseline - value if baseline is not None else None


CUSTOM = Kind("custom metric", plain, plain)
KINDS = {
    "errorRate": Kind("error rate", percent, percent, _beyond),
    "latency": Kind("latency", milliseconds, _times, _ratio),
    "drift": Kind("drift of the predicted classes", plain, plain),
    "accuracy": Kind("accuracy by feedback", percent, _points, _drop),
    "invalid": Kind("invalid requests", percent, _points, _increase),
    "traffic": Kind("requests that arrive", plain, plain, below=True),
    "health": Kind("evaluations in a row with a sick pod", plain, plain),
}


def kind_of(signal: str) -> Kind:
    """Return how a signal is read."""
    return KINDS.get(signal, CUSTOM)


def read_signal(evidence: dict[str, Any]) -> Signal:
    """Return one evidence of the status, with what is compared."""
    name, value = str(evidence.get("signal", "")), evidence.get("value")
    baseline, threshold = evidence.get("baseline"), evidence.get("threshold")
    kind = kind_of(name)
    measure = kind.measure(value, baseline) if value is not None else None
    used = None
    if measure is not None and threshold and not kind.below:
        used = max(0.0, measure / threshold)
    return Signal(
        signal=name,
        verdict=evidence.get("verdict", "NoData"),
        mode=evidence.get("mode"),
        reason=evidence.get("reason"),
        value=value,
        baseline=baseline,
        threshold=threshold,
        measure=measure,
        bound=threshold,
        used=used,
        samples=evidence.get("samples"),
        time=evidence.get("time"),
        message=evidence.get("message", ""),
    )
