"""One question to Prometheus: an instant query, by prometheus-api-client, in a thread.

Every failure becomes a `Problem` with words for people, in which no password is ever seen.
Neighbours: `prometheus` and `custom` decide what is asked when, and how much at one time.
"""

import asyncio
import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import requests
from prometheus_api_client import PrometheusApiClientException, PrometheusConnect
from urllib3.util.retry import Retry

from ..api.config import PrometheusConfig
from ..core.observed import Problem, Sample

# Far more than may ask at one time: one that trickles in for ever keeps its thread, but no slot.
_THREADS = 64


class QueryFailed(Exception):
    """A query gave no usable answer; `problem` says why, for people and for conditions."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


def uncounted(result: str) -> None:
    """Count nothing."""


class Client:
    """Asks. The time limit of a query begins when it is sent: nobody waits here for a thread."""

    def __init__(
        self, config: PrometheusConfig, counted: Callable[[str], None] = uncounted
    ) -> None:
        """`counted` is told how each query ended: "ok", or the reason of the problem."""
        self._url = config.url.rstrip("/")
        self._timeout = config.timeout_seconds
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="prometheus")
        self._counted = counted

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
            raise QueryFailed(self._slow()) from error

    def _ask(self, query: str) -> list[Sample]:
        # One session per call: requests' sessions aren't safe to share between threads.
        retry = Retry(total=0)
        with PrometheusConnect(self._url, retry=retry, timeout=self._timeout, method="POST") as c:
            try:
                return _samples(c.custom_query(query))
            except requests.ConnectionError as error:  # that nobody accepts in time is one, too
                text = f"Prometheus at {masked(self._url)} can't be reached"
                raise QueryFailed(Problem("PrometheusUnreachable", text)) from error
            except requests.Timeout as error:
                raise QueryFailed(self._slow()) from error
            except PrometheusApiClientException as error:
                said = str(error).replace(self._url, masked(self._url))[:300]
                text = f"Prometheus refused the query: {said}"
                raise QueryFailed(Problem("PrometheusError", text)) from error
            except (requests.RequestException, ValueError, KeyError, TypeError) as error:
                text = f"{masked(self._url)} did not answer as a Prometheus does"
                text += f" ({type(error).__name__})"
                raise QueryFailed(Problem("PrometheusMalformed", text)) from error

    def _slow(self) -> Problem:
        return Problem("PrometheusSlow", f"Prometheus did not answer in {self._timeout:g} s")

    def close(self) -> None:
        """Let go of the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def masked(url: str) -> str:
    """Return a URL without the user and password that it may have.

    Whatever stands before the last @ goes, though a path or a password may have one, too: a URL
    that is told too short harms nobody.
    """
    scheme, slashes, rest = url.partition("://") if "://" in url else ("", "", url)
    return f"{scheme}{slashes}{rest.rpartition('@')[2]}"


def single(samples: list[Sample]) -> float:
    """Return the one number of a user's query. Raises: QueryFailed."""
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


def _samples(result: Any) -> list[Sample]:
    return [(entry["metric"], float(entry["value"][1])) for entry in result]
