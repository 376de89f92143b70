"""Every request that was answered, by route and status, so that no failure is in no counter.

Plain numbers, as in `request_counters`, and for its reason. `metrics` shows what is counted.
"""

from collections.abc import Iterable, Iterator

from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

NO_ROUTE = ""  # unknown paths, and what was refused before its path was known


class HttpRequests(Collector):
    """`http_requests_total`. The route is the path's pattern, never a path as it was sent."""

    def __init__(self, model_deployment: str, revision: str) -> None:
        self._constant = (model_deployment, revision)
        self._counts: dict[tuple[str, int], int] = {}

    def expect(self, routes: Iterable[str]) -> None:
        """Show errors of the server at 0: Prometheus misses what a counter begins with."""
        for route in routes:
            self._counts.setdefault((route, 500), 0)

    def count(self, route: str, status: int) -> None:
        """One request that was answered."""
        key = (route, status)
        self._counts[key] = self._counts.get(key, 0) + 1

    def refused(self, status: int) -> None:
        """One that no route has seen."""
        self.count(NO_ROUTE, status)

    def collect(self) -> Iterator[CounterMetricFamily]:
        family = CounterMetricFamily(
            "http_requests",
            "Requests by route and status; 499: the client hung up before its answer.",
            labels=("model_deployment", "revision", "route", "status"),
        )
        for (route, status), number in sorted(self._counts.copy().items()):
            family.add_metric((*self._constant, route, str(status)), number)
        yield family
