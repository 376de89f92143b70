"""What the answer cache brought and what it cost; there only where it is on."""

from collections.abc import Callable
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_BASE = ("model_deployment", "revision")
_RESULTS: Final = ("hit", "miss", "late", "failed", "skipped", "unfit", "refused")
_WRITES: Final = ("stored", "dropped", "failed")
_WAITS: Final = (0.0001, 0.00025, 0.0005, 0.001, 0.002, 0.003, 0.004, 0.005, 0.01, 0.025)
_CIRCUIT: Final = ("closed", "open")


class LookUps:
    """Of one model."""

    def __init__(self, results: dict[str, Counter], waited: Callable[[float], None]) -> None:
        self.waited = waited
        self.hit = results["hit"].inc
        self.missed = results["miss"].inc
        self.skipped = results["skipped"].inc
        self.unfit = results["unfit"].inc
        self.refused = results["refused"].inc
        self._late, self._failed = results["late"].inc, results["failed"].inc

    def unanswered(self, late: bool) -> None:
        """Nothing came in time, or it was known before that nothing will."""
        (self._late if late else self._failed)()


class AnswerCacheSeries:
    """The families; what is there is shown, also at 0. For the event loop."""

    def __init__(self, registry: CollectorRegistry, model_deployment: str, revision: str) -> None:
        self._labels = labels = (model_deployment, revision)
        self._look_ups = Counter(
            "answer_cache_lookups_total",
            "Answers looked up in the cache: hit, miss, late (not within its wait), failed, skipped"
            " (the Redis is left alone for a while), unfit (rows too large), refused (no entry of"
            " ours).",
            (*_BASE, "model", "version", "result"),
            registry=registry,
        )
        self._waited = Histogram(
            "answer_cache_wait_seconds",
            "What requests have waited for the cache, whatever came.",
            _BASE,
            buckets=_WAITS,
            registry=registry,
        ).labels(*labels)
        writes = Counter(
            "answer_cache_writes_total",
            "Answers that were to be kept: stored, dropped (too large, or no room or nowhere to"
            " put them) or failed.",
            (*_BASE, "result"),
            registry=registry,
        )
        self._writes = {result: writes.labels(*labels, result) for result in _WRITES}
        self._failures = Counter(
            "answer_cache_failures_total",
            "Times that the Redis of the cache failed or was too slow, and was left alone.",
            _BASE,
            registry=registry,
        ).labels(*labels)
        self._circuit = Gauge(
            "answer_cache_circuit_state",
            "1 for the state of the cache's circuit, 0 for the other: closed (the Redis is asked)"
            " or open (it is not).",
            (*_BASE, "state"),
            registry=registry,
        )

    def of(self, model: str, version: str) -> LookUps:
        """Those of one model."""
        base = (*self._labels, model, version)
        results = {result: self._look_ups.labels(*base, result) for result in _RESULTS}
        return LookUps(results, self._waited.observe)

    def stored(self, entries: int) -> None:
        self._writes["stored"].inc(entries)

    def dropped(self, entries: int = 1) -> None:
        self._writes["dropped"].inc(entries)

    def failed(self, entries: int) -> None:
        self._writes["failed"].inc(entries)

    def opened(self) -> None:
        """The Redis has failed."""
        self._failures.inc()

    def circuit_is(self, closed: Callable[[], bool]) -> None:
        """Ask `closed` at every scrape."""
        yes, no = (self._circuit.labels(*self._labels, state) for state in _CIRCUIT)
        yes.set_function(lambda: float(closed()))
        no.set_function(lambda: float(not closed()))
