"""Every request that was answered, by route and status, so that no failure is in no counter."""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter

NO_ROUTE = ""  # unknown paths, and what was refused before its path was known


class HttpRequests:
    """`http_requests_total`. The route is the path's pattern, never a path as it was sent."""

    def __init__(self, registry: CollectorRegistry, model_deployment: str, revision: str) -> None:
        self._constant = (model_deployment, revision)
        self._counter = Counter(
            "http_requests_total",
            "Requests by route and status; 499: the client hung up before its answer.",
            ("model_deployment", "revision", "route", "status"),
            registry=registry,
        )
        self._bound: dict[tuple[str, int], Counter] = {}

    def expect(self, routes: Iterable[str]) -> None:
        """Show errors of the server at 0: Prometheus misses what a counter begins with."""
        for route in routes:
            self._bind(route, 500)

    def count(self, route: str, status: int) -> None:
        """One request that was answered."""
        bound = self._bound.get((route, status))
        (bound or self._bind(route, status)).inc()

    def refused(self, status: int) -> None:
        """One that no route has seen."""
        self.count(NO_ROUTE, status)

    def _bind(self, route: str, status: int) -> Counter:
        bound = self._counter.labels(*self._constant, route, str(status))
        self._bound[route, status] = bound
        return bound
