"""The HorizontalPodAutoscaler of one revision: by CPU, by requests in flight, or by both.

Figures of pods come from the metrics API, those of requests from the custom metrics API, which an
adapter of Prometheus serves under the name here (docs/guides/autoscaling.md). Neighbour:
`scaled_object` is the same by KEDA.
"""

from typing import Final

from ....api.names import revision_object_name
from ....api.spec import Autoscaling
from ..build import Object, Owner, metadata
from ..identity import revision_labels

KIND: Final = "HorizontalPodAutoscaler"
# Admins write it into the rules of their adapter: changing it is a breaking change.
CONCURRENCY: Final = "transit_requests_in_flight"


def autoscaler(
    owner: Owner, revision: str, wanted: Autoscaling, minimum: int, maximum: int
) -> Object:
    """Return it, with the bounds that the plan has for this revision."""
    name = revision_object_name(owner.name, revision)
    return {
        "apiVersion": "autoscaling/v2",
        "kind": KIND,
        "metadata": metadata(owner, name, revision_labels(owner.name, revision)),
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
            "minReplicas": minimum,
            "maxReplicas": maximum,
            "metrics": _metrics(wanted),
        },
    }


def _metrics(wanted: Autoscaling) -> list[Object]:
    metrics: list[Object] = []
    if wanted.cpu is not None:
        target = {"type": "Utilization", "averageUtilization": wanted.cpu}
        metrics.append({"type": "Resource", "resource": {"name": "cpu", "target": target}})
    if wanted.target_concurrency is not None:
        target = {"type": "AverageValue", "averageValue": str(wanted.target_concurrency)}
        pods = {"metric": {"name": CONCURRENCY}, "target": target}
        metrics.append({"type": "Pods", "pods": pods})
    return metrics
