"""Prometheus, found as the operator finds it, and asked through the API server if need be.

`--prometheus URL` is asked directly. Without it the operator's configuration says where it is, and
the API server's proxy leads there: so nothing need be forwarded, and the user's rights decide.
"""

import re
from collections.abc import Sequence
from typing import Any, Protocol
from urllib.parse import quote, urlsplit

import requests
import yaml

from ..exits import CommandFailed
from ..rollout.explaining.curves import Series
from .connection import Cluster, Object
from .decoding import decoded

DEFAULT_URL = "http://prometheus.monitoring.svc:9090"
TIMEOUT_SECONDS = 15.0
MOST_POINTS = 240
_CONFIG = "app.kubernetes.io/name=transit-operator"


class Unreachable(Exception):
    """Prometheus can't be asked; the text says why, for people."""


class _Door(Protocol):
    def ask(self, path: str, query: list[tuple[str, str]]) -> Any:
        """Return the answer's JSON. Raises: Unreachable."""


class Prometheus:
    """Asks instant and range queries. `namespace_label` is that of the operator's configuration."""

    def __init__(self, door: _Door, where: str, namespace_label: str) -> None:
        self.where = where
        self.namespace_label = namespace_label
        self._door = door

    def over(self, promql: str, start: float, end: float, least_step: float) -> list[Series]:
        """Return a query's series between two times. Raises: Unreachable."""
        step = max(least_step, (end - start) / MOST_POINTS)
        query = [
            ("query", promql),
            ("start", f"{start:.3f}"),
            ("end", f"{end:.3f}"),
            ("step", f"{step:.3f}"),
        ]
        return self._series("/api/v1/query_range", query)

    def at(self, promql: str, time: float) -> list[Series]:
        """Return a query's values at a time: series of one point. Raises: Unreachable."""
        return self._series("/api/v1/query", [("query", promql), ("time", f"{time:.3f}")])

    def _series(self, path: str, query: list[tuple[str, str]]) -> list[Series]:
        answer = self._door.ask(path, query)
        try:
            if answer["status"] != "success":
                raise Unreachable(f"Prometheus refused the query: {answer.get('error')}")
            return [_series(one) for one in answer["data"]["result"]]
        except (KeyError, TypeError, ValueError, IndexError) as error:
            text = f"{self.where} did not answer as a Prometheus does"
            raise Unreachable(text) from error


def find(cluster: Cluster, url: str | None) -> Prometheus:
    """Return where to ask. Nothing is asked yet. Raises: Unreachable."""
    config = _operators_configuration(cluster)
    label = config.get("namespaceLabel", "namespace")
    if url is not None:
        return direct(url, label)
    there = config.get("url") or DEFAULT_URL
    parts = urlsplit(there)
    names = (parts.hostname or "").split(".")
    if len(names) < 2 or (len(names) > 2 and names[2] != "svc"):
        return direct(there, label)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    service = f"{parts.scheme}:{names[0]}:{port}"
    path = f"/api/v1/namespaces/{quote(names[1])}/services/{service}/proxy{parts.path.rstrip('/')}"
    return Prometheus(_Proxied(cluster, path), there, label)


def direct(url: str, namespace_label: str) -> Prometheus:
    """Return one that is asked at its own address; a password in it is told to nobody else."""
    where = re.sub(r"//[^/]*@", "//", url)
    return Prometheus(_Direct(url), where, namespace_label)


class _Direct:
    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")

    def ask(self, path: str, query: list[tuple[str, str]]) -> Any:
        try:
            answer = requests.post(self._url + path, data=dict(query), timeout=TIMEOUT_SECONDS)
            return decoded(answer.content)
        except (requests.RequestException, ValueError) as error:
            where = urlsplit(self._url).hostname
            raise Unreachable(f"no Prometheus answers at {where}") from error


class _Proxied:
    def __init__(self, cluster: Cluster, path: str) -> None:
        self._cluster = cluster
        self._path = path

    def ask(self, path: str, query: list[tuple[str, str]]) -> Any:
        try:
            return self._cluster.get(self._path + path, query)
        except CommandFailed as failure:
            raise Unreachable(f"Prometheus can't be asked through the API server: {failure}") from (
                failure
            )


def _operators_configuration(cluster: Cluster) -> Object:
    """Return `config.prometheus` of the operator, as far as this user may read it."""
    try:
        found = cluster.get("/api/v1/configmaps", [("labelSelector", _CONFIG)])["items"]
        texts: Sequence[str] = [one["data"]["config.yaml"] for one in found]
        config = yaml.safe_load(texts[0]) or {}
        return dict(config.get("prometheus") or {})
    except (CommandFailed, KeyError, IndexError, TypeError, yaml.YAMLError):
        return {}


def _series(one: Any) -> Series:
    points = one.get("values") or [one["value"]]
    return Series(one["metric"], tuple((float(at), float(value)) for at, value in points))
