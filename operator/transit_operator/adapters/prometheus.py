"""Prometheus, asked once per signal and tick for the whole fleet.

All ModelDeployments of one interval are evaluated at the same ticks; whoever comes first asks, and
the others read the same answer. Every failure becomes a `Problem`, never a number.
Neighbours: `queries` has the PromQL; `core.signals` judges what comes out.
"""

import asyncio
import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import requests
from prometheus_api_client import PrometheusApiClientException, PrometheusConnect
from urllib3.util.retry import Retry

from ..api.analysis import Analysis
from ..api.config import PrometheusConfig
from ..core.observed import Counts, Feedback, Latency, Problem, Readings, RevisionReadings
from ..core.signals.accuracy import ACCURACY
from ..core.signals.judge import DRIFT, ERROR_RATE, LATENCY
from . import queries

Sample = tuple[Mapping[str, str], float]  # labels, value


class QueryFailed(Exception):
    """A query gave no usable answer; `problem` says why, for people and for conditions."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


def _uncounted(result: str) -> None:
    return


class Prometheus:
    """Answers for one ModelDeployment out of answers for all of them."""

    def __init__(
        self, config: PrometheusConfig, counted: Callable[[str], None] = _uncounted
    ) -> None:
        """`counted` is told how each query ended: "ok", or the reason of the problem."""
        self._url = config.url.rstrip("/")
        self._timeout = config.timeout_seconds
        self._threads = ThreadPoolExecutor(max_workers=8, thread_name_prefix="prometheus")
        self._answers: dict[tuple[str, str, int], asyncio.Task[_FleetAnswer]] = {}
        self._counted = counted

    async def readings(
        self,
        analysis: Analysis,
        tick: int,
        model_deployment: str,
        candidate: str,
        stable: str,
    ) -> Readings:
        """Return what was measured of two revisions at a tick. Never raises for bad answers.

        Args:
            tick: number of the interval; one answer is shared by all who ask for the same tick.
            model_deployment: "namespace/name", as in the metrics' label.
        """
        texts = queries.fleet(analysis)
        names = list(texts)
        answers = await asyncio.gather(
            *(self._shared(texts[name], analysis.interval, tick) for name in names)
        )
        found = dict(zip(names, answers, strict=True))
        keys = [(model_deployment, revision) for revision in (candidate, stable)]
        custom = await self._custom(analysis, model_deployment, candidate, stable)
        return Readings(
            candidate=_revision(found, model_deployment, candidate),
            stable=_revision(found, model_deployment, stable),
            custom=custom,
            problems={n: p for n, a in found.items() if (p := a.problem_of(keys)) is not None},
        )

    async def _shared(self, query: str, interval: str, tick: int) -> "_FleetAnswer":
        key = (query, interval, tick)
        for old in [k for k in self._answers if k[1] == interval and k[2] < tick]:
            del self._answers[old]
        task = self._answers.get(key)
        if task is None:
            task = asyncio.create_task(self._fleet(query))
            self._answers[key] = task
        return await asyncio.shield(task)

    async def _fleet(self, query: str) -> "_FleetAnswer":
        try:
            return _FleetAnswer(by_revision(await self.query(query)))
        except QueryFailed as error:
            return _FleetAnswer({}, error.problem)

    async def _custom(
        self, analysis: Analysis, model_deployment: str, candidate: str, stable: str
    ) -> dict[str, float | Problem]:
        async def one(query: str) -> float | Problem:
            text = queries.custom(query, model_deployment, candidate, stable)
            try:
                return _single(await self.query(text))
            except QueryFailed as error:
                return error.problem

        values = await asyncio.gather(*(one(metric.query) for metric in analysis.custom))
        return dict(zip((metric.name for metric in analysis.custom), values, strict=True))

    async def query(self, query: str) -> list[Sample]:
        """Ask one instant query. Raises: QueryFailed."""
        try:
            samples = await self._answer(query)
        except QueryFailed as error:
            self._counted(error.problem.reason)
            raise
        self._counted("ok")
        return samples

    async def _answer(self, query: str) -> list[Sample]:
        loop = asyncio.get_running_loop()
        try:
            # The client's time limit is per read, so a slow trickle needs this one too.
            async with asyncio.timeout(self._timeout + 1):
                return await loop.run_in_executor(self._threads, self._ask, query)
        except TimeoutError as error:
            raise QueryFailed(
                Problem("PrometheusSlow", f"Prometheus did not answer in {self._timeout:g} s")
            ) from error

    def _ask(self, query: str) -> list[Sample]:
        # One session per call: requests' sessions aren't safe to share between threads.
        retry = Retry(total=0)
        with PrometheusConnect(self._url, retry=retry, timeout=self._timeout, method="POST") as c:
            try:
                return _samples(c.custom_query(query))
            except requests.ConnectionError as error:  # that nobody accepts in time is one, too
                problem = Problem(
                    "PrometheusUnreachable", f"Prometheus at {self._url} can't be reached"
                )
                raise QueryFailed(problem) from error
            except requests.Timeout as error:
                problem = Problem(
                    "PrometheusSlow", f"Prometheus did not answer in {self._timeout:g} s"
                )
                raise QueryFailed(problem) from error
            except PrometheusApiClientException as error:
                text = f"Prometheus refused the query: {str(error)[:300]}"
                raise QueryFailed(Problem("PrometheusError", text)) from error
            except (requests.RequestException, ValueError, KeyError, TypeError) as error:
                text = f"{self._url} did not answer as a Prometheus does ({type(error).__name__})"
                raise QueryFailed(Problem("PrometheusMalformed", text)) from error

    def close(self) -> None:
        """Let go of the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)


class _FleetAnswer:
    """One signal of all revisions: (model_deployment, revision) → samples."""

    def __init__(
        self, samples: dict[tuple[str, str], list[Sample]], problem: Problem | None = None
    ) -> None:
        self.samples = samples
        self._problem = problem

    def problem_of(self, keys: Sequence[tuple[str, str]]) -> Problem | None:
        """Return why the answer is of no use for some revisions."""
        if self._problem is not None:
            return self._problem
        for key in keys:
            if many := _several(self.samples.get(key, [])):
                return many
        return None


def by_revision(samples: list[Sample]) -> dict[tuple[str, str], list[Sample]]:
    """Group samples by their labels model_deployment and revision."""
    grouped: dict[tuple[str, str], list[Sample]] = {}
    for labels, value in samples:
        key = (labels.get("model_deployment", ""), labels.get("revision", ""))
        grouped.setdefault(key, []).append((labels, value))
    return grouped


# What may differ between the series of one revision, in the answers to our own queries.
_PARTS = ("status", "figure", "model", "class", "outcome")


def _several(samples: list[Sample]) -> Problem | None:
    """Tell of two series where one was asked for, as from two replicas that nobody merged."""
    parts = [tuple(labels.get(part, "") for part in _PARTS) for labels, _ in samples]
    if len(set(parts)) == len(parts):
        return None
    extra = sorted({*samples[0][0]} - {*_PARTS, "model_deployment", "revision"})
    return Problem(
        "ManySeries",
        f"Prometheus gave several series for one: label {', '.join(extra) or '?'} is too many",
    )


def _samples(result: Any) -> list[Sample]:
    return [(entry["metric"], float(entry["value"][1])) for entry in result]


def _single(samples: list[Sample]) -> float:
    if not samples:
        raise QueryFailed(Problem("NoSeries", "the query has no result"))
    if len(samples) > 1:
        raise QueryFailed(
            Problem("ManySeries", f"the query has {len(samples)} results, it must have one")
        )
    value = samples[0][1]
    if not math.isfinite(value):
        raise QueryFailed(Problem("NotANumber", f"the query's result is {value}"))
    return value


def _revision(
    found: Mapping[str, _FleetAnswer], model_deployment: str, revision: str
) -> RevisionReadings:
    key = (model_deployment, revision)
    return RevisionReadings(
        counts=_counts(found[ERROR_RATE].samples.get(key, [])),
        latency=_latency(found[LATENCY].samples.get(key, [])),
        classes=_classes(found[DRIFT].samples.get(key, [])),
        feedback=_feedback(found[ACCURACY].samples.get(key, [])) if ACCURACY in found else None,
    )


def _counts(samples: list[Sample]) -> Counts | None:
    by_status = {labels.get("status", ""): value for labels, value in samples}
    values = (by_status.get("success", 0.0), by_status.get("error", 0.0))
    if not samples or not all(math.isfinite(value) for value in values):
        return None
    return Counts(success=values[0], error=values[1])


def _feedback(samples: list[Sample]) -> Feedback | None:
    by_outcome = {labels.get("outcome", ""): value for labels, value in samples}
    values = (by_outcome.get("correct", 0.0), by_outcome.get("wrong", 0.0))
    if not samples or not all(math.isfinite(value) for value in values):
        return None
    return Feedback(correct=values[0], wrong=values[1])


def _latency(samples: list[Sample]) -> Latency | None:
    by_figure = {labels.get("figure", ""): value for labels, value in samples}
    names = ("quantile", "median", "samples", "outer")
    found = [by_figure.get(figure, math.nan) for figure in names]
    if not all(map(math.isfinite, found)):
        return None
    return Latency(*found)


def _classes(samples: list[Sample]) -> dict[str, dict[str, float]]:
    by_model: dict[str, dict[str, float]] = {}
    for labels, value in samples:
        if math.isfinite(value):
            by_model.setdefault(labels.get("model", ""), {})[labels.get("class", "")] = value
    return by_model
