"""Builders of Kubernetes objects: no I/O, the same input gives the same object.

Everything a ModelDeployment makes is named, labelled and owned here, so that deleting the
ModelDeployment removes all of it without a finalizer.
"""

from dataclasses import dataclass
from typing import Any

from ...api import names
from ...api.names import revision_object_name
from .identity import revision_labels, selector

Object = dict[str, Any]


@dataclass(frozen=True)
class Owner:
    """The ModelDeployment that objects belong to. `created` in epoch seconds."""

    namespace: str
    name: str
    uid: str
    created: float = 0.0


def labels(owner: Owner) -> dict[str, str]:
    """Return the labels of what belongs to a ModelDeployment, not to one revision."""
    return {
        names.LABEL_MODEL_DEPLOYMENT: owner.name,
        "app.kubernetes.io/name": "transit-server",
        "app.kubernetes.io/instance": owner.name,
        **names.MANAGED_BY,
    }


def metadata(owner: Owner, name: str, its_labels: dict[str, str]) -> Object:
    """Return metadata with labels and the owner reference."""
    return {
        "name": name,
        "namespace": owner.namespace,
        "labels": its_labels,
        "ownerReferences": [
            {
                "apiVersion": names.API_VERSION,
                "kind": names.KIND,
                "name": owner.name,
                "uid": owner.uid,
                "controller": True,
                "blockOwnerDeletion": False,
            }
        ],
    }


def controller_revision(owner: Owner, revision: str, data: Object) -> Object:
    """Return the record of what a revision was resolved to; `data` holds its pod template."""
    return {
        "apiVersion": "apps/v1",
        "kind": "ControllerRevision",
        "metadata": metadata(
            owner, revision_object_name(owner.name, revision), revision_labels(owner.name, revision)
        ),
        "revision": 1,
        "data": data,
    }


def deployment(owner: Owner, revision: str, template: Object) -> Object:
    """Return a revision's Deployment, without `replicas`: those are scaled, not applied.

    Were they applied, handing them to an autoscaler would mean to stop applying them, and the API
    server sets a field that nobody applies any more back to its default: one pod.
    """
    spec: Object = {
        "selector": {"matchLabels": selector(owner.name, revision)},
        "template": template,
        "revisionHistoryLimit": 1,
        "strategy": {
            "type": "RollingUpdate",
            "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": 0},
        },
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata(
            owner, revision_object_name(owner.name, revision), revision_labels(owner.name, revision)
        ),
        "spec": spec,
    }


def disruption_budget(owner: Owner, revision: str) -> Object:
    """Return what keeps drains from taking many pods of a revision at one time.

    A percentage of what may be missing is rounded up: one pod of up to ten, one of a single one. So
    it never holds a drain up for ever, nor does it for pods that aren't ready.
    """
    name = revision_object_name(owner.name, revision)
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": metadata(owner, name, revision_labels(owner.name, revision)),
        "spec": {
            "maxUnavailable": "10%",
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
            "selector": {"matchLabels": selector(owner.name, revision)},
        },
    }


def revision_service(owner: Owner, revision: str) -> Object:
    """Return the Service in front of one revision's pods."""
    name = revision_object_name(owner.name, revision)
    return service(
        owner, name, revision_labels(owner.name, revision), selector(owner.name, revision)
    )


def service(owner: Owner, name: str, its_labels: dict[str, str], pods: dict[str, str]) -> Object:
    """Return a Service that sends to the pods with the given labels."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(owner, name, its_labels),
        "spec": {
            "type": "ClusterIP",
            "selector": pods,
            "ports": [
                {
                    "name": "http",
                    "port": names.SERVICE_PORT,
                    "targetPort": "http",
                    "protocol": "TCP",
                    "appProtocol": "http",
                }
            ],
        },
    }
