"""The signals `custom/NAME`: numbers of the user's own queries against their bounds.

Neighbours: `adapters.prometheus` asks and gives one number, or why there is none.
"""

import math

from ...api.analysis import Analysis, CustomMetric
from ...api.status import Evidence, Verdict
from .evidence import NO_SERIES, Input, evidence, no_data, with_mode

PREFIX = "custom/"

_PLACES = ("namespace", "name", "candidate", "stable")


def promql(query: str, model_deployment: str, candidate: str, stable: str) -> str:
    """Fill in {{namespace}}, {{name}}, {{candidate}} and {{stable}} of a user's query."""
    namespace, _, name = model_deployment.partition("/")
    for place, value in zip(_PLACES, (namespace, name, candidate, stable), strict=True):
        query = query.replace("{{" + place + "}}", value)
    return query


def judge(i: Input) -> list[Evidence]:
    """Judge every custom metric of the spec."""
    return [with_mode(metric, _judged(i, metric)) for metric in wanted(i.analysis)]


def wanted(analysis: Analysis) -> list[CustomMetric]:
    """Return those that are not off."""
    return [metric for metric in analysis.custom if metric.mode != "Off"]


def _judged(i: Input, metric: CustomMetric) -> Evidence:
    signal = PREFIX + metric.name
    value = i.readings.custom.get(metric.name)
    if value is None:
        return no_data(signal, NO_SERIES, "the query was not answered yet", i.now)
    if not isinstance(value, float | int):
        return no_data(signal, value.reason, value.message, i.now)
    if not math.isfinite(value):
        return no_data(signal, "NotANumber", f"the query's result is {value}", i.now)
    threshold = metric.max if metric.max is not None else metric.min
    if metric.max is not None and value > metric.max:
        verdict, text = Verdict.FAIL, f"{value:g} over {metric.max:g}"
    elif metric.min is not None and value < metric.min:
        verdict, threshold, text = Verdict.FAIL, metric.min, f"{value:g} under {metric.min:g}"
    else:
        verdict, text = Verdict.PASS, f"{value:g} within its bounds"
    text = f"{metric.name}: {text}"
    return evidence(i, signal, verdict, text, value=value, threshold=threshold, windowed=False)
