"""One question to Prometheus: an instant query, by prometheus-api-client, in a thread.

Every failure becomes a `Problem` with words for people, in which no password is ever seen.
Neighbours: `access` has what a request brings along; `prometheus` and `custom` decide what is asked
when, and how much at one time.
"""

import asyncio
import math
import re
import ssl
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import requests
from prometheus_api_client import PrometheusApiClientException, PrometheusConnect
from urllib3.util.retry import Retry

from ..api.config.prometheus import PrometheusConfig
from ..core.observed import Problem, Sample
from .access import Access, Unreadable, access

# Far more than may ask at one time: one that trickles in for ever keeps its thread, but no slot.
_THREADS = 64
# What reading an answer raises that is JSON of another form, or nested without end.
_MALFORMED = (ValueError, LookupError, TypeError, ArithmeticError, RecursionError)


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
        self._config = config
        self._url = config.url.rstrip("/")
        self._shown = masked(self._url)
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
        try:
            brings = access(self._config)
        except Unreadable as error:
            raise QueryFailed(error.problem) from error
        try:
            return self._samples(brings, query)
        except (requests.ConnectionError, ssl.SSLError) as error:
            # That nobody accepts in time is one, too.
            text = f"Prometheus at {self._shown} can't be reached{_of_tls(error)}"
            raise QueryFailed(Problem("PrometheusUnreachable", text)) from error
        except requests.Timeout as error:
            raise QueryFailed(self._slow()) from error
        except requests.TooManyRedirects as error:
            raise QueryFailed(self._elsewhere(error)) from error
        except PrometheusApiClientException as error:
            raise QueryFailed(self._refused(str(error), brings)) from error
        except (requests.RequestException, OSError, *_MALFORMED) as error:
            text = f"{self._shown} did not answer as a Prometheus does ({type(error).__name__}):"
            text += " is config.prometheus.url the address of one?"
            raise QueryFailed(Problem("PrometheusMalformed", text)) from error

    def _samples(self, brings: Access, query: str) -> list[Sample]:
        # One session per call: requests' sessions aren't safe to share between threads.
        with PrometheusConnect(
            self._url,
            headers=brings.headers,
            auth=brings.auth,
            session=brings.session(),
            retry=Retry(total=0),
            timeout=self._timeout,
            method="POST",
        ) as client:
            result = client.custom_query(query)
        return [_sample(entry) for entry in result]

    def _refused(self, said: str, brings: Access) -> Problem:
        for secret in (self._url, *brings.secrets):
            said = said.replace(secret, self._shown if secret == self._url else "***")
        if re.match("HTTP Status Code 40[13]\\b", said):
            text = f"Prometheus at {self._shown} denies the operator access: {said[:200]}; see"
            text += " config.prometheus: basicAuth, bearerTokenFile, headers, tls.certFile"
            return Problem("PrometheusUnauthorized", text)
        return Problem("PrometheusError", f"Prometheus refused the query: {said[:300]}")

    def _elsewhere(self, error: requests.TooManyRedirects) -> Problem:
        where = error.response.headers.get("Location", "") if error.response is not None else ""
        shown = masked(where.partition("?")[0])
        text = f"{self._shown} sends to another address, {shown[:200]}, which is not followed: it"
        return Problem("PrometheusMalformed", f"{text} may be the page of a login")

    def _slow(self) -> Problem:
        return Problem("PrometheusSlow", f"Prometheus did not answer in {self._timeout:g} s")

    def close(self) -> None:
        """Let go of the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _sample(entry: Any) -> Sample:
    labels, value = entry["metric"], float(entry["value"][1])
    if not isinstance(labels, dict) or not all(isinstance(text, str) for text in labels.values()):
        raise TypeError("labels are texts")
    return labels, value


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


def _of_tls(error: BaseException) -> str:
    """Return what was wrong with the certificates, if that is what was."""
    inside: BaseException | None = error
    seen: set[int] = set()
    while inside is not None and id(inside) not in seen:
        seen.add(id(inside))
        if isinstance(inside, ssl.SSLError):
            words = getattr(inside, "verify_message", "") or inside.reason or "TLS fails"
            return f": {words.strip()}; see config.prometheus.tls"
        parts = (getattr(inside, "reason", None), *inside.args, inside.__cause__)
        inside = next((part for part in parts if isinstance(part, BaseException)), None)
    return ""
