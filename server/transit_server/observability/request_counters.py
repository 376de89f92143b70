"""What a rollout is judged by: requests by outcome, and the classes they were answered with.

A request weighs one, whatever it has in it: its rows share that. So one batch is no more than one
request, and one client's batch can't outvote all others. Rows are counted beside, for capacity.

Plain numbers, which only the event loop changes: a counter of the client library takes a lock and
half a microsecond each time, and there are several for each request. `metrics` registers this.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

_BASE = ("model_deployment", "revision", "model", "version")


class ModelCounters:
    """Of one model; what is there is shown, also at 0."""

    def __init__(self, labels: tuple[str, ...]) -> None:
        self.labels = labels
        self.requests = dict.fromkeys(
            ("success", "error", "input_error", "invalid", "refused"), 0.0
        )
        self.rows = dict.fromkeys(("success", "error", "input_error", "refused"), 0)
        self.classes: dict[str, float] = {}
        self._names: tuple[str, ...] = ()

    def has_classes(self, names: Sequence[str]) -> None:
        """Predictions are counted by these."""
        self._names = tuple(names)
        for name in names:
            self.classes.setdefault(name, 0.0)

    def answered(self, class_ids: Sequence[int], rows: int) -> None:
        """The classes of those rows that were answered, of a request with so many."""
        good = len(class_ids)
        self.requests["success"] += good / rows
        self.rows["success"] += good
        if not self._names:  # a regression without bins has none
            return
        if rows == 1:
            for class_id in class_ids:
                self.classes[self._names[class_id]] += 1.0
        else:
            for class_id, count in Counter(class_ids).items():
                self.classes[self._names[class_id]] += count / rows

    def failed(self, requests: float, rows: int) -> None:
        """Requests, or shares of them, that got no answer by the model's fault."""
        self.requests["error"] += requests
        self.rows["error"] += rows

    def failed_by_input(self, requests: float, rows: int) -> None:
        """Those whose rows the model fails on, while it answers its own probes."""
        self.requests["input_error"] += requests
        self.rows["input_error"] += rows

    def refused(self, rows: int) -> None:
        """A request that there was no room or no time for."""
        self.requests["refused"] += 1.0
        self.rows["refused"] += rows

    def invalid(self) -> None:
        """A request that was a mistake."""
        self.requests["invalid"] += 1.0


class RequestCounters(Collector):
    """Of all models."""

    def __init__(self) -> None:
        self._models: dict[tuple[str, ...], ModelCounters] = {}

    def of(self, *labels: str) -> ModelCounters:
        """Those of one model, which are the same whenever they are asked for."""
        return self._models.setdefault(labels, ModelCounters(labels))

    def collect(self) -> Iterator[CounterMetricFamily]:
        yield self._family(
            "predictions",
            "Requests for predictions by outcome; each weighs one, shared among its rows. Wrong "
            "ones are invalid, time-outs are errors, what the model fails on while it answers its "
            "own probes is input_error, refused had no room or no time.",
            "status",
            ((model.labels, model.requests) for model in self._every()),
        )
        yield self._family(
            "predicted_rows",
            "Rows by outcome.",
            "status",
            ((model.labels, model.rows) for model in self._every()),
        )
        yield self._family(
            "predicted_class",
            "Predicted classes, or ranges of values of a regression; each request weighs one, "
            "shared among its rows.",
            "class",
            ((model.labels, model.classes) for model in self._every()),
        )

    def _every(self) -> list[ModelCounters]:
        return list(self._models.values())

    def _family(
        self,
        name: str,
        text: str,
        by: str,
        counts: Iterable[tuple[tuple[str, ...], dict[str, float] | dict[str, int]]],
    ) -> CounterMetricFamily:
        family = CounterMetricFamily(name, text, labels=(*_BASE, by))
        for labels, numbers in counts:
            for value, number in list(numbers.items()):
                family.add_metric((*labels, value), number)
        return family
