"""The metrics of several processes as those of one; pure, but for reading a registry.

Counters and histograms are added up. What a gauge of several processes means differs, so each has
its rule here; a gauge without one is an error, which a test finds.
"""

from collections.abc import Callable, Iterable, Sequence

import msgspec
from prometheus_client import generate_latest
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from transit_server.late_series import SeriesKey

Labels = tuple[tuple[str, str], ...]
# Sample name and labels → one value per process; a process that has no such sample gives 0.
_Values = dict[tuple[str, Labels], list[float]]
_Combined = dict[tuple[str, Labels], float]

_FEEDBACK = "prediction_feedback"
_STATE = "state"
# The worst first.
_CIRCUITS = ("open", "half_open", "closed")


class Family(msgspec.Struct, array_like=True, gc=False):
    """All samples of one metric in one process: (name, labels, value)."""

    name: str
    documentation: str
    type: str
    samples: list[tuple[str, Labels, float]]


def families_of(registry: Collector) -> list[Family]:
    """What `registry` holds now."""
    return [
        Family(
            metric.name,
            metric.documentation,
            metric.type,
            [(s.name, tuple(s.labels.items()), s.value) for s in metric.samples],
        )
        for metric in registry.collect()
    ]


def merged(parts: Sequence[Sequence[Family]], without: Iterable[SeriesKey] = ()) -> list[Family]:
    """One process's families for those of several; each part has the same families.

    Series of feedback `without` are left out: revision, model and version. Raises `KeyError` for a
    gauge that has no rule.
    """
    forgotten = set(without)
    answer = []
    for families in zip(*parts, strict=True):
        first = families[0]
        values = _values([family.samples for family in families])
        if first.name == _FEEDBACK and forgotten:
            values = {key: value for key, value in values.items() if _who(key[1]) not in forgotten}
        rule = _GAUGES[first.name] if first.type == "gauge" else _added
        samples = [(name, labels, value) for (name, labels), value in rule(values).items()]
        answer.append(Family(first.name, first.documentation, first.type, samples))
    return answer


def exposed(families: Iterable[Family]) -> bytes:
    """The text format of Prometheus."""
    return generate_latest(_Collected(families))


class _Collected(Collector):
    """Families, as prometheus_client asks for them."""

    def __init__(self, families: Iterable[Family]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        for family in self._families:
            metric = Metric(family.name, family.documentation, family.type)
            for name, labels, value in family.samples:
                metric.add_sample(name, dict(labels), value)
            yield metric


def _values(parts: Sequence[list[tuple[str, Labels, float]]]) -> _Values:
    values: _Values = {}
    for place, samples in enumerate(parts):
        for name, labels, value in samples:
            values.setdefault((name, labels), [0.0] * len(parts))[place] = value
    return values


def _who(labels: Labels) -> SeriesKey:
    named = dict(labels)
    return named["revision"], named["model"], named["version"]


def _added(values: _Values) -> _Combined:
    return {key: sum(each) for key, each in values.items()}


def _smallest(values: _Values) -> _Combined:
    return {key: min(each) for key, each in values.items()}


def _largest(values: _Values) -> _Combined:
    return {key: max(each) for key, each in values.items()}


def _worst_circuit(values: _Values) -> _Combined:
    """1 for the worst state that some process is in, 0 for the others."""
    present: dict[Labels, set[str]] = {}
    for (_, labels), each in values.items():
        if any(each):
            present.setdefault(_but_state(labels), set()).add(dict(labels)[_STATE])
    worst = {
        labels: next(state for state in _CIRCUITS if state in states)
        for labels, states in present.items()
    }
    return {
        (name, labels): float(worst.get(_but_state(labels)) == dict(labels)[_STATE])
        for name, labels in values
    }


def _but_state(labels: Labels) -> Labels:
    return tuple(label for label in labels if label[0] != _STATE)


_GAUGES: dict[str, Callable[[_Values], _Combined]] = {
    "model_ready": _smallest,
    "model_load_time_seconds": _largest,
    "model_queue_rows": _added,
    "model_circuit_state": _worst_circuit,
}
