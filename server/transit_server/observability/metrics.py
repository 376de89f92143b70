"""Every metric of the server, in one place; the operator's analysis reads these names and labels.

Each series has `model_deployment` and `revision`, so that a candidate and the stable revision can
be told apart. Neighbours: `request_counters` and `latencies` have what is counted for each request,
`feedback_series` what comes later, `prediction_log_series` what is written down,
`answer_cache_series` what was answered before.
"""

from collections.abc import Callable

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    disable_created_metrics,
    generate_latest,
)

from transit_models.storage.node_cache.report import Result
from transit_server.observability.answer_cache_series import AnswerCacheSeries
from transit_server.observability.feedback_series import FeedbackSeries
from transit_server.observability.latencies import Latencies
from transit_server.observability.prediction_log_series import PredictionLogSeries
from transit_server.observability.request_counters import RequestCounters

_GROWTH = 1.1
_FIRST, _LAST = 0.00025, 30.0


def latency_buckets() -> tuple[float, ...]:
    """Bounds from 0.25 ms to 30 s, each at most 1.1 times the one before.

    Prometheus interpolates linearly inside a bucket; with this growth the ratio of two quantiles
    comes out within 5 %.
    """
    bounds = [_FIRST]
    while bounds[-1] < _LAST:
        # Rounding down keeps the growth under 1.1, and the text of the bounds short.
        step = bounds[-1] * _GROWTH
        digits = 10 ** (len(f"{int(1 / step)}") + 3)
        bounds.append(int(step * digits) / digits)
    return (*bounds[:-1], _LAST)


CIRCUIT_STATES = ("closed", "open")
_BASE = ("model_deployment", "revision", "model", "version")


class ModelMetrics:
    """The series of one model, bound to their labels once, so that counting is cheap."""

    def __init__(self, metrics: "Metrics", labels: tuple[str, str, str, str]) -> None:
        self.requests = metrics.requests.of(*labels)
        self.took = metrics.latencies.of(*labels).took
        self._load_time = metrics.load_time.labels(*labels)
        self._ready = metrics.ready.labels(*labels)
        self._differ, self._labels = metrics.differ, labels
        self._store_failures = metrics.store_failures.labels(*labels)
        self._queue = metrics.queue.labels(*labels)
        self._info = metrics.info
        self._brought = metrics.brought
        self._labels = labels
        self._circuit = {name: metrics.circuit.labels(*labels, name) for name in CIRCUIT_STATES}
        self.circuit_is(CIRCUIT_STATES[0])

    def loaded(self, seconds: float) -> None:
        self._load_time.set(seconds)

    def serves(self, digest: str) -> None:
        """Which content it is that answers under this version."""
        self._info.labels(*self._labels, digest).set(1)

    def differs(self, libraries: int) -> None:
        """So many libraries are here in another minor version than the model was made with.

        There is no series before that is known: a 0 would say that they match.
        """
        self._differ.labels(*self._labels).set(libraries)

    def brought(self, result: Result, seconds: float) -> None:
        """How the node's cache did before the server was started."""
        self._brought.labels(*self._labels, result).set(seconds)

    def store_failed(self) -> None:
        """The store could not be reached for this model."""
        self._store_failures.inc()

    def ready_is(self, ready: Callable[[], float]) -> None:
        """Ask `ready` at every scrape."""
        self._ready.set_function(ready)

    def queue_is(self, length: Callable[[], float]) -> None:
        """Ask `length` at every scrape."""
        self._queue.set_function(length)

    def circuit_is(self, state: str) -> None:
        for name, series in self._circuit.items():
            series.set(name == state)


class Metrics:
    """The registry and its families; made once per process by `create_app`."""

    def __init__(self, model_deployment: str, revision: str) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._constant = (model_deployment, revision)
        self.registry = CollectorRegistry()
        self.requests = RequestCounters()
        self.registry.register(self.requests)
        self.latencies = Latencies(
            "prediction_latency_seconds",
            "From the whole request to its answer ready, or its client gone; with queueing.",
            _BASE,
            latency_buckets(),
        )
        self.registry.register(self.latencies)
        self.load_time = Gauge(
            "model_load_time_seconds",
            "Fetching, verifying, loading and warming up the model.",
            _BASE,
            registry=self.registry,
        )
        self.info = Gauge(
            "model_info",
            "1 for each model that is loaded; digest is the SHA-256 over its checksum.sha256.",
            (*_BASE, "digest"),
            registry=self.registry,
        )
        self.differ = Gauge(
            "model_dependencies_differing",
            "Libraries that are here in another minor version than the model was made with.",
            _BASE,
            registry=self.registry,
        )
        self.store_failures = Counter(
            "model_store_failures_total",
            "Attempts to fetch the model that failed because the store could not be reached.",
            _BASE,
            registry=self.registry,
        )
        self.brought = Gauge(
            "model_node_cache_seconds",
            "What bringing the model took before the server was started, where there is a cache of"
            " the node: hit (it was there), miss (fetched and kept) or failed (fetched, not kept).",
            (*_BASE, "result"),
            registry=self.registry,
        )
        self.ready = Gauge(
            "model_ready",
            "1 when the model answers: loaded, not hanging, not failing on its own probes.",
            _BASE,
            registry=self.registry,
        )
        self.circuit = Gauge(
            "model_circuit_state",
            "1 for the state of the model's circuit breaker, 0 for the others.",
            (*_BASE, "state"),
            registry=self.registry,
        )
        self.queue = Gauge(
            "model_queue_rows", "Rows that wait for the model.", _BASE, registry=self.registry
        )
        self._refused = Counter(
            "requests_refused_total",
            "Requests refused before they were read, by reason and the name of the API key.",
            ("model_deployment", "revision", "reason", "client"),
            registry=self.registry,
        )

        self.feedback = FeedbackSeries(self.registry, model_deployment)

    def model(self, name: str, version: str) -> ModelMetrics:
        return ModelMetrics(self, (*self._constant, name, version))

    def prediction_log(self) -> PredictionLogSeries:
        """The series of the prediction log, for who has one."""
        return PredictionLogSeries(self.registry, *self._constant)

    def answer_cache(self) -> AnswerCacheSeries:
        """The series of the answer cache, for who has one."""
        return AnswerCacheSeries(self.registry, *self._constant)

    def refused(self, reason: str, client: str) -> None:
        """Count a request that was turned away for its API key or its rate."""
        self._refused.labels(*self._constant, reason, client).inc()

    def expose(self) -> bytes:
        """The text format of Prometheus."""
        return generate_latest(self.registry)
