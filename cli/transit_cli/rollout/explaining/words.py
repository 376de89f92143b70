"""A signal's evidence in plain words: the number, what it is held against, what would have passed.

One entry for each signal that the operator knows; what is not known here is a custom metric. The
rules behind it are those of docs/concepts/rollout.md#signals.
"""

import math
import re
from collections.abc import Callable
from typing import Any

from ..status.shown import Value
from ..status.signals import counted, milliseconds, percent, plain
from .chance import at_least, one_in

Object = dict[str, Any]
_SHARES = re.compile(r"drift [0-9.]+ (over|within) [0-9.]+: ")
PLENTY = 10  # times minSamples: from there on a value is compared as it is
SURE = "sure at 99 %: less is not enough to turn a version back"
SURER = "sure at 99.9 %: less is not enough where any client can send it"


class Explained(Value):
    """One evidence, taken apart. Absent is what the signal doesn't have."""

    number: str
    against: str = ""
    sure: str = ""
    passes: str = ""


def explain(evidence: Object, analysis: Object) -> Explained:
    """Return the words. `analysis` is `spec.rollout.analysis`."""
    if evidence.get("value") is None:
        return Explained(number=evidence.get("message", ""))
    return _WORDS.get(evidence["signal"], _custom)(evidence, analysis)


def _error_rate(e: Object, analysis: Object) -> Explained:
    n, bound = e.get("samples") or 0, e["threshold"]
    errors = round(e["value"] * n)
    base = e.get("baseline")
    if base is not None:
        return Explained(
            number=f"{errors} of {round(n)} predictions failed{_window(e)}: {percent(e['value'])},"
            f" rows that the model fails on among them; the stable fails on {percent(base)} so",
            against=f"at most {percent(bound)} more than those may fail (errorRate.max)",
            sure=f"{SURER} ({counted(n, 'prediction')})",
            passes=f"at most {counted(math.floor((base + bound) * n), 'failure')} in {round(n)}, or"
            f" errorRate.max: {_above(e['value'] - base)}",
        )
    chance = at_least(errors, n, bound)
    least = analysis.get("minSamples", 100)
    sure = f"at a true rate of just {percent(bound)}, so many would fail by chance"
    sure += f" in {one_in(chance)} such windows"
    if n >= PLENTY * least:
        sure += f"; from {PLENTY * least} predictions on the rate is compared as it is"
    return Explained(
        number=f"{errors} of {round(n)} predictions failed{_window(e)}: {percent(e['value'])}",
        against=f"at most {percent(bound)} may fail (errorRate.max)",
        sure=sure,
        passes=f"at most {counted(math.floor(bound * n), 'failure')} in {round(n)}, or"
        f" errorRate.max: {_above(e['value'])}",
    )


def _latency(e: Object, analysis: Object) -> Explained:
    quantile = (analysis.get("latency") or {}).get("quantile", 0.95)
    base, bound = e.get("baseline") or 0.0, e["threshold"]
    ratio = e["value"] / base if base else math.inf
    name = f"p{quantile * 100:g}"
    return Explained(
        number=f"{name} was {milliseconds(e['value'])}{_window(e)}, {ratio:.2f} times the stable's"
        f" {milliseconds(base)}",
        against=f"at most {bound:g} times the stable's is allowed (latency.maxRatio)",
        sure=_sureness(e, analysis, "request"),
        passes=f"{name} up to {milliseconds(bound * base)}, or latency.maxRatio: {_above(ratio)}",
    )


def _drift(e: Object, analysis: Object) -> Explained:
    return Explained(
        number=f"the predicted classes differ from the stable's by {plain(e['value'])} nats"
        f"{_window(e)}: {_SHARES.sub('', e.get('message', ''))}",
        against=f"at most {e['threshold']:g} nats are allowed (drift.maxKL)",
        sure=f"{SURE} ({counted(e.get('samples') or 0, 'prediction')})",
        passes=f"a divergence up to {e['threshold']:g}, or drift.maxKL: {_above(e['value'])}",
    )


def _invalid(e: Object, analysis: Object) -> Explained:
    base, bound, n = e.get("baseline") or 0.0, e["threshold"], e.get("samples") or 0
    more = e["value"] - base
    return Explained(
        number=f"{percent(e['value'])} of {round(n)} requests were invalid (4xx){_window(e)}, of"
        f" the stable's {percent(base)}",
        against=f"at most {percent(bound)} more are allowed (invalid.maxIncrease)",
        sure=f"{SURER} ({counted(n, 'request')})",
        passes=f"up to {percent(base + bound)} invalid requests, or invalid.maxIncrease:"
        f" {_above(more)}. Clients may send what the new schema doesn't take",
    )


def _accuracy(e: Object, analysis: Object) -> Explained:
    base, bound = e.get("baseline") or 0.0, e["threshold"]
    return Explained(
        number=f"{percent(e['value'])} of {round(e.get('samples') or 0)} labelled predictions were"
        f" right{_window(e)}, of the stable's {percent(base)}",
        against=f"at most {percent(bound)} less are allowed (accuracy.maxDrop)",
        sure=_sureness(e, analysis, "label"),
        passes=f"at least {percent(base - bound)} right, or accuracy.maxDrop:"
        f" {_above(base - e['value'])}",
    )


def _traffic(e: Object, analysis: Object) -> Explained:
    expected = e.get("baseline") or 0
    return Explained(
        number=f"{counted(e['value'], 'request')} arrived{_window(e)},"
        f" where about {round(expected)} should have",
        against="a candidate must get a twentieth of its share at least",
        passes="requests that arrive: look at policies, ports and meshes between the gateway"
        " and the candidate's pods",
    )


def _health(e: Object, analysis: Object) -> Explained:
    return Explained(
        number=e.get("message", ""),
        against=f"{e['threshold']:g} evaluations in a row are too many"
        " (health.consecutiveFailures)",
        passes="pods that stay ready and don't restart: their last words are above, or in"
        " kubectl describe pod",
    )


def _custom(e: Object, analysis: Object) -> Explained:
    name = e["signal"].removeprefix("custom/")
    rules = [m for m in analysis.get("custom") or [] if m.get("name") == name]
    bounds = [f"{key} {rule[key]:g}" for rule in rules for key in ("min", "max") if key in rule]
    bound = " and ".join(bounds) or f"{e.get('threshold') or 0:g}"
    return Explained(
        number=f"the query {name} gave {plain(e['value'])}",
        against=f"its bound is {bound}",
        sure="a query of your own is compared as it is",
        passes=f"a value within {bound}",
    )


_WORDS: dict[str, Callable[[Object, Object], Explained]] = {
    "errorRate": _error_rate,
    "latency": _latency,
    "drift": _drift,
    "invalid": _invalid,
    "accuracy": _accuracy,
    "traffic": _traffic,
    "health": _health,
}


def _sureness(e: Object, analysis: Object, what: str) -> str:
    n, least = e.get("samples") or 0, analysis.get("minSamples", 100)
    if n >= PLENTY * least:
        return f"{counted(n, what)}, and from {PLENTY * least} on it is compared as it is"
    return f"{SURE} ({counted(n, what)})"


def _window(e: Object) -> str:
    window = e.get("window")
    if not window:
        return ""
    minutes, rest = divmod(round(window), 60)
    return f" in {minutes}m" if not rest and minutes else f" in {round(window)}s"


def _above(value: float) -> str:
    """Return a bound that the value would have passed: two digits, rounded up."""
    if not math.isfinite(value) or value <= 0:
        return "a larger one"
    size = 10 ** (math.floor(math.log10(value)) - 1)
    return f"{math.ceil(value / size - 1e-9) * size:.6g}"
