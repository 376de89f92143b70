"""Prometheus, asked for the rollouts under way: it carries queries and answers, and judges nothing.

Who asks while the same question is under way is asked for together with the others who do, in the
next one: two hundred that fall due at one moment are a handful of queries, without a timer, and
none is asked for a ModelDeployment that is settled. Every failure becomes a `Problem`, never a
number. Neighbours: `core.signals.samples.query` has the PromQL, `custom` the users' own queries.
"""

import asyncio
from collections.abc import Callable, Iterable

from ..api.analysis import Analysis
from ..api.config.prometheus import PrometheusConfig
from ..api.duration import seconds
from ..core.observed import Problem, Readings, RevisionReadings, Sample
from ..core.signals import custom
from ..core.signals.registry import queries
from ..core.signals.samples.query import DEPENDENCIES, Believed, Query, own, unplaced
from .asking import Client, QueryFailed, uncounted
from .custom import CustomQueries

_AT_ONCE = 8  # queries of the fleet; the users' have their own
_NAMES = 50  # ModelDeployments in one query, so that its answer stays small
_LETTERS = 1_500  # of their names: the client sends a query in the URL, and proxies limit those

_Answer = dict[str, tuple[Sample, ...]] | Problem  # by revision
_Question = tuple[Query, float]  # and the window in seconds


class Prometheus:
    """Answers for one ModelDeployment out of answers for several."""

    def __init__(
        self, config: PrometheusConfig, counted: Callable[[str], None] = uncounted
    ) -> None:
        """`counted` is told how each query ended: "ok", or the reason of the problem."""
        self._client = Client(config, counted)
        self._namespace_label = config.namespace_label
        self._custom = CustomQueries(self._client)
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._aside = asyncio.Semaphore(1)  # for what no verdict waits for
        self._waiting: dict[_Question, dict[str, asyncio.Future[_Answer]]] = {}
        self._asking: dict[_Question, asyncio.Task[None]] = {}

    async def readings(
        self, analysis: Analysis, model_deployment: str, candidate: str, stable: str
    ) -> Readings:
        """Return what was measured of two revisions. Never raises for bad answers.

        What is told only, and judged by nothing, is asked beside it, and left out where it isn't
        there by the time that all else is: the next evaluation asks again.

        Args:
            model_deployment: "namespace/name", as in the metrics' label.
        """
        asked = queries(analysis)
        window = seconds(analysis.window)
        told = asyncio.create_task(self._of(DEPENDENCIES, 0.0, model_deployment))
        try:
            answers = await asyncio.gather(*(self._of(q, window, model_deployment) for q in asked))
            found = {query.name: answer for query, answer in zip(asked, answers, strict=True)}
            if told.done() and not told.exception() and isinstance(told.result(), dict):
                found[DEPENDENCIES.name] = told.result()
        finally:
            told.cancel()
        return Readings(
            candidate=_revision(found, candidate),
            stable=_revision(found, stable),
            custom=self._custom_values(analysis, model_deployment, candidate, stable),
            problems={n: a for n, a in found.items() if isinstance(a, Problem)},
        )

    async def _of(self, query: Query, window: float, model_deployment: str) -> _Answer:
        """Ask together with all others that wait for the same."""
        question = (query, window)
        waiting = self._waiting.setdefault(question, {})
        if model_deployment not in waiting:
            waiting[model_deployment] = asyncio.get_running_loop().create_future()
        mine = waiting[model_deployment]
        if question not in self._asking:
            self._asking[question] = asyncio.create_task(self._ask(question))
        return await asyncio.shield(mine)

    async def _ask(self, question: _Question) -> None:
        """Ask until nobody waits."""
        query, window = question
        waiting = self._waiting[question]
        slots = self._aside if query is DEPENDENCIES else self._slots
        some: dict[str, asyncio.Future[_Answer]] = {}
        try:
            while waiting:
                async with slots:
                    some = {name: waiting.pop(name) for name in _some(waiting)}
                    found = await self._answer(query, window, some)
                for name, future in some.items():
                    mine = found if isinstance(found, Problem) else self._part(query, found, name)
                    future.set_result(mine)
        except BaseException as error:  # a bug, or the end: nobody may wait for ever
            for future in (*some.values(), *waiting.values()):
                if not future.done():
                    future.set_exception(RuntimeError(f"Prometheus was not asked: {error!r}"))
                    future.exception()  # whoever went away needs not hear of it
            raise
        finally:
            del self._asking[question], self._waiting[question]

    async def _answer(
        self, query: Query, window: float, model_deployments: Iterable[str]
    ) -> Believed | Problem:
        text = query.promql(window, model_deployments, self._namespace_label)
        try:
            return own(await self._client.query(text), self._namespace_label)
        except QueryFailed as error:
            return error.problem

    def _part(self, query: Query, answer: Believed, model_deployment: str) -> _Answer:
        """Return one ModelDeployment's part of an answer, by revision."""
        samples = answer.samples.items()
        mine = {key[1]: found for key, found in samples if key[0] == model_deployment}
        if not mine and model_deployment in answer.unplaced:
            return unplaced(query, self._namespace_label)
        return next(filter(None, map(query.several, mine.values())), mine)

    def _custom_values(
        self, analysis: Analysis, model_deployment: str, candidate: str, stable: str
    ) -> dict[str, float | Problem]:
        texts = {
            metric.name: custom.promql(metric.query, model_deployment, candidate, stable)
            for metric in custom.wanted(analysis)
        }
        namespace = model_deployment.partition("/")[0]
        interval = seconds(analysis.interval)
        found = self._custom.answers(namespace, interval, texts.values())
        return {name: found[text] for name, text in texts.items() if text in found}

    async def query(self, query: str) -> list[Sample]:
        """Ask one instant query. Raises: QueryFailed."""
        return await self._client.query(query)

    def close(self) -> None:
        """Let go of the threads."""
        self._custom.close()
        self._client.close()


def _some(names: Iterable[str]) -> list[str]:
    """Return as many names as one query may have, at least one."""
    some: list[str] = []
    for name in names:
        if some and (len(some) == _NAMES or sum(map(len, some)) + len(name) > _LETTERS):
            break
        some.append(name)
    return some


def _revision(found: dict[str, _Answer], revision: str) -> RevisionReadings:
    return RevisionReadings(
        {
            name: answer[revision]
            for name, answer in found.items()
            if not isinstance(answer, Problem) and revision in answer
        }
    )
