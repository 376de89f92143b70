"""Exact weights by a Gateway API HTTPRoute whose backends are the revisions' Services.

Service NAME stays pinned to the stable while that has any traffic, for clients inside the cluster
that don't come through the gateway: all or nothing, they are not what a candidate is tried on.

The first rule of the route has the weights. With `candidateHeader` a second one, more specific by
one header, leads testers to the candidate, or where the weights lead while there is none: so the
number of rules never changes in a rollout, and weights move by a write of the backends alone
(docs/decisions/0050-at-the-borders.md).
"""

from collections.abc import Mapping

from ..api import names
from ..api.names import revision_object_name
from ..api.traffic import CandidateHeader, Gateway
from ..core.objects.build import Object, Owner, labels, metadata
from .base import Live, main_service, percentages
from .replicas import ReplicasRouter


class GatewayRouter:
    """See the module."""

    def __init__(self, gateway: Gateway, header: CandidateHeader | None = None) -> None:
        self._gateway = gateway
        self._header = header

    def objects(
        self,
        owner: Owner,
        weights: Mapping[str, int],
        stable: str | None = None,
        testers: str | None = None,
    ) -> list[Object]:
        if not weights:
            return []
        most = max(sorted(weights), key=lambda revision: weights[revision])
        pinned = stable if stable in weights else most
        return [self._route(owner, weights, testers), main_service(owner, pinned)]

    def unwanted(self) -> list[str]:
        return []

    def weights(self, owner: Owner, live: Live, ready: Mapping[str, int]) -> dict[str, int]:
        route = live.get(("HTTPRoute", owner.name))
        if route is None:  # not yet, when the router was changed: then the Service has the word
            return ReplicasRouter().weights(owner, live, ready)
        return percentages(_shares(owner, route, 0))

    def testers(self, owner: Owner, live: Live) -> str | None:
        route = live.get(("HTTPRoute", owner.name))
        if route is None:
            return None
        led = _shares(owner, route, 1)
        return next(iter(led)) if len(led) == 1 and led != _shares(owner, route, 0) else None

    def _route(self, owner: Owner, weights: Mapping[str, int], testers: str | None) -> Object:
        matches = self._matches()
        rules = [self._rule(owner, matches, weights)]
        if self._header is not None:
            led = weights if testers is None else {testers: 100}
            rules.append(self._rule(owner, [_with(m, self._header) for m in matches], led))
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
            "rules": rules,
        }
        return {
            "apiVersion": "gateway.networking.k8s.io/v1",
            "kind": "HTTPRoute",
            "metadata": metadata(owner, owner.name, labels(owner)),
            "spec": spec,
        }

    def _matches(self) -> list[Object]:
        prefix = {"path": {"type": "PathPrefix", "value": self._gateway.path}}
        return [prefix | match for match in self._gateway.matches] or [prefix]

    def _rule(self, owner: Owner, matches: list[Object], weights: Mapping[str, int]) -> Object:
        handed_on = {
            "filters": self._filters(),
            "timeouts": self._gateway.timeouts,
            "retry": self._gateway.retry,
            "sessionPersistence": self._gateway.session_persistence,
        }
        return {
            "matches": matches,
            **{field: value for field, value in handed_on.items() if value},
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

    def _filters(self) -> list[Object]:
        """Return the filters, with one that takes a prefix off: the server knows of none."""
        filters = list(self._gateway.filters)
        rewritten = any(given.get("type") == "URLRewrite" for given in filters)
        if self._gateway.path == "/" or rewritten:
            return filters
        path = {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/"}
        return [*filters, {"type": "URLRewrite", "urlRewrite": {"path": path}}]


def _with(match: Object, header: CandidateHeader) -> Object:
    """Return a match that also asks for the header."""
    asked = {"type": "Exact", "name": header.name, "value": header.value}
    others = [h for h in match.get("headers") or [] if h["name"].lower() != header.name.lower()]
    return match | {"headers": [asked, *others]}


def _shares(owner: Owner, route: Object, rule: int) -> dict[str, int]:
    """Return revision → weight of one rule of a live route, without those that get nothing."""
    prefix = revision_object_name(owner.name, "")
    rules = (route["spec"].get("rules") or [])[rule : rule + 1]
    return {
        backend["name"].removeprefix(prefix): backend.get("weight", 1)
        for its in rules
        for backend in its.get("backendRefs") or []
        if backend["name"].startswith(prefix) and backend.get("weight", 1) > 0
    }
