"""What a cluster knows that makes advice exact: the traffic as it is, and the Gateways."""

import time
from urllib.parse import quote

from ..lint.advice import Known
from .connection import Cluster, NotFound, Object
from .prometheus import Prometheus

LOOK_BACK = "6h"
OLD_ENOUGH_SECONDS = 600.0


def known(
    prometheus: Prometheus, namespace: str, name: str, old_enough: float = OLD_ENOUGH_SECONDS
) -> Known:
    """Return what Prometheus has measured of a ModelDeployment; nothing of one that is too young.

    Rates of series that have just begun are too low by far, and would alarm for nothing.
    Raises: Unreachable.
    """
    owner = f'model_deployment="{namespace}/{name}"'
    series = f"predictions_total{{{owner}}}"
    before = f"{series} offset {round(old_enough)}s"
    if _value(prometheus, f"count({before})") is None:
        return Known()
    rate = _value(prometheus, _mean_rate(f'{owner}, status=~"success|error|input_error"'))
    errors = _value(prometheus, _mean_rate(f'{owner}, status="error"'))
    counted = f"count_over_time({series}[{round(old_enough)}s]) and {before}"
    scrapes = _value(prometheus, f"max({counted})")
    return Known(
        rate=rate,
        error_rate=(errors or 0.0) / rate if rate else None,
        scrape_seconds=old_enough / scrapes if scrapes else None,
    )


def _mean_rate(labels: str) -> str:
    """Return the PromQL of a mean over the time in which there was anything."""
    return f"avg_over_time(sum(rate(predictions_total{{{labels}}}[1m]))[{LOOK_BACK}:30s])"


def gateways_of(
    cluster: Cluster, spec: Object, namespace: str
) -> tuple[dict[tuple[str, str], Object | None], dict[str, str]]:
    """Return the Gateways that a spec names, and the labels of its namespace.

    Raises: CommandFailed, where this user may not read them.
    """
    found: dict[tuple[str, str], Object | None] = {}
    gateway = (spec.get("traffic") or {}).get("gateway") or {}
    for parent in gateway.get("parentRefs") or []:
        key = (parent.get("namespace") or namespace, parent["name"])
        path = f"/apis/gateway.networking.k8s.io/v1/namespaces/{quote(key[0])}/gateways/"
        try:
            found[key] = cluster.get(path + quote(key[1]))
        except NotFound:
            found[key] = None
    labels: dict[str, str] = {}
    if found:
        try:
            here = cluster.get(f"/api/v1/namespaces/{quote(namespace)}")
            labels = here["metadata"].get("labels") or {}
        except NotFound:
            pass  # it is made with what is linted, perhaps
    return found, labels


def _value(prometheus: Prometheus, promql: str) -> float | None:
    found = prometheus.at(promql, time.time())
    value = found[0].points[0][1] if found else None
    return value if value is not None and value == value else None
