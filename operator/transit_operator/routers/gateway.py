"""Exact weights by a Gateway API HTTPRoute whose backends are the revisions' Services.

Service NAME stays pinned to the stable while that has any traffic, for clients inside the cluster
that don't come through the gateway: all or nothing, they are not what a candidate is tried on.
"""

from collections.abc import Mapping

from ..api import names
from ..api.names import revision_object_name
from ..api.traffic import Gateway
from ..core.objects.build import Object, Owner, labels, metadata
from .base import Live, main_service, percentages
from .replicas import ReplicasRouter


class GatewayRouter:
    """See the module."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def objects(
        self, owner: Owner, weights: Mapping[str, int], stable: str | None = None
    ) -> list[Object]:
        if not weights:
            return []
        most = max(sorted(weights), key=lambda revision: weights[revision])
        pinned = stable if stable in weights else most
        return [self._route(owner, weights), main_service(owner, pinned)]

    def unwanted(self) -> list[str]:
        return []

    def weights(self, owner: Owner, live: Live, ready: Mapping[str, int]) -> dict[str, int]:
        route = live.get(("HTTPRoute", owner.name))
        if route is None:  # not yet, when the router was changed: then the Service has the word
            return ReplicasRouter().weights(owner, live, ready)
        prefix = revision_object_name(owner.name, "")
        found: dict[str, int] = {}
        for rule in route["spec"].get("rules") or []:
            for backend in rule.get("backendRefs") or []:
                if backend["name"].startswith(prefix) and backend.get("weight", 1) > 0:
                    found[backend["name"].removeprefix(prefix)] = backend.get("weight", 1)
        return percentages(found)

    def _route(self, owner: Owner, weights: Mapping[str, int]) -> Object:
        spec: Object = {
            "hostnames": list(self._gateway.hostnames),
            "parentRefs": [
                {
                    "group": "gateway.networking.k8s.io",
                    "kind": "Gateway",
                    **parent.model_dump(by_alias=True, exclude_none=True),
                }
                for parent in self._gateway.parent_refs
            ],
            "rules": [
                {
                    "matches": [{"path": {"type": "PathPrefix", "value": "/"}}],
                    "backendRefs": [
                        {
                            "group": "",
                            "kind": "Service",
                            "name": revision_object_name(owner.name, revision),
                            "port": names.SERVICE_PORT,
                            "weight": weight,
                        }
                        for revision, weight in sorted(weights.items())
                    ],
                }
            ],
        }
        return {
            "apiVersion": "gateway.networking.k8s.io/v1",
            "kind": "HTTPRoute",
            "metadata": metadata(owner, owner.name, labels(owner)),
            "spec": spec,
        }
