"""KEDA's ScaledObject of one revision: it asks Prometheus itself, and makes the autoscaler.

What KEDA must show to Prometheus is in a ClusterTriggerAuthentication of the administrator's: no
secret of the operator's gets into a namespace of users. Neighbour: `autoscaler` is the same without
KEDA; `api.config` refuses what KEDA can't be told.
"""

from typing import Final

from ....api.config.operator import OperatorConfig
from ....api.names import revision_object_name
from ....api.spec import Autoscaling
from ..build import Object, Owner, metadata
from ..identity import revision_labels

KIND: Final = "ScaledObject"
# The sum grows by one a second for each request in flight (docs/decisions/0078-in-flight.md).
SECONDS: Final = "prediction_latency_seconds_sum"
WINDOW: Final = "1m"


def scaled_object(
    owner: Owner,
    revision: str,
    wanted: Autoscaling,
    bounds: tuple[int, int],
    config: OperatorConfig,
) -> Object:
    """Return it, with the bounds that the plan has for this revision."""
    name = revision_object_name(owner.name, revision)
    triggers: list[Object] = []
    if wanted.cpu is not None:
        value = {"value": str(wanted.cpu)}
        triggers.append({"type": "cpu", "metricType": "Utilization", "metadata": value})
    if wanted.target_concurrency is not None:
        triggers.append(_by_requests(owner, revision, wanted.target_concurrency, config))
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": KIND,
        "metadata": metadata(owner, name, revision_labels(owner.name, revision)),
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
            "minReplicaCount": bounds[0],
            "maxReplicaCount": bounds[1],
            "triggers": triggers,
        },
    }


def in_flight(owner: Owner, revision: str, namespace_label: str) -> str:
    """Return the query for the requests in flight in all pods of a revision.

    As with signals, of two series of one pod the larger counts, series that have ended don't, nor
    do those of pods elsewhere. Names of Kubernetes need no escaping.
    """
    labels = {"model_deployment": f"{owner.namespace}/{owner.name}", "revision": revision}
    if namespace_label:
        labels[namespace_label] = owner.namespace
    matchers = ", ".join(f'{label}="{value}"' for label, value in labels.items())
    series = f"{SECONDS}{{{matchers}}}"
    each = f"rate({series}[{WINDOW}]) and {series}"
    return f"sum(max by (instance, pod, model, version) ({each}))"


def _by_requests(owner: Owner, revision: str, target: int, config: OperatorConfig) -> Object:
    prometheus = config.prometheus
    said = {
        "serverAddress": prometheus.url.rstrip("/"),
        "query": in_flight(owner, revision, prometheus.namespace_label),
        "threshold": str(target),
        # Or series that are lost would be taken for a service without load, and its pods away.
        "ignoreNullValues": "false",
    }
    if prometheus.headers:
        said["customHeaders"] = ",".join(f"{k}={v}" for k, v in prometheus.headers.items())
    if modes := prometheus.modes:
        said["authModes"] = ",".join(modes)
    trigger: Object = {"type": "prometheus", "metricType": "AverageValue", "metadata": said}
    if config.keda.authentication:
        trigger["authenticationRef"] = {
            "name": config.keda.authentication,
            "kind": "ClusterTriggerAuthentication",
        }
    return trigger
