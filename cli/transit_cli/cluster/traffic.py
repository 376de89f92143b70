"""What a cluster knows that makes advice exact: the traffic as it is, and the Gateways."""

import time
from urllib.parse import quote

from ..lint.advice import Known
from .connection import Cluster, NotFound, Object
from .prometheus import Prometheus

_LOOK_BACK = "6h"
_SCRAPES = "10m"


def known(prometheus: Prometheus, namespace: str, name: str) -> Known:
    """Return what Prometheus has measured of a ModelDeployment. Raises: Unreachable."""
    owner = f'model_deployment="{namespace}/{name}"'
    served = f'predictions_total{{{owner}, status=~"success|error"}}'
    failed = f'predictions_total{{{owner}, status="error"}}'
    rate = _value(prometheus, f"sum(rate({served}[{_LOOK_BACK}]))")
    errors = _value(prometheus, f"sum(rate({failed}[{_LOOK_BACK}]))")
    pods = f"predictions_total{{{owner}}}"
    scrapes = _value(prometheus, f"max(count_over_time({pods}[{_SCRAPES}]))")
    return Known(
        rate=rate,
        error_rate=(errors or 0.0) / rate if rate else None,
        scrape_seconds=600 / scrapes if scrapes and scrapes > 1 else None,
    )


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
