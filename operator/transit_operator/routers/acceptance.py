"""What the Gateways say of a route, and which older route has taken its place.

The conditions of `status.parents` are those of Gateway API (GatewayAPI v1, RouteParentStatus). Two
routes with the same match on the same host of one Gateway are settled by age, then by
namespace/name, and no status tells the loser, so claims are compared here.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from ..core.objects.build import Object
from ..core.observed import NOT_OBSERVED, Route
from ..core.times import epoch, rfc3339

# Controllers write what they think of a new route within a second or two.
SILENT_SECONDS = 30.0


class Claim(NamedTuple):
    """What a route wants of a Gateway: one host and path. Host "" is every host."""

    gateway: str  # namespace/name
    host: str
    path: str


class Claimant(NamedTuple):
    """Who claims; the least of two goes first, as Gateway API orders them."""

    created: str  # RFC 3339, in whole seconds: sorts as text
    route: str  # namespace/name
    places: frozenset[tuple[str, int]]  # listeners by name and port; ("", 0) is all of a Gateway

    def meets(self, other: "Claimant") -> bool:
        """Tell whether both are on one listener."""
        return any(
            (a in ("", c) or c == "") and (b in (0, d) or d == 0)
            for a, b in self.places
            for c, d in other.places
        )


def claims(route: Object) -> dict[Claim, Claimant]:
    """Return what a route claims, and as whom."""
    meta, spec = route["metadata"], route["spec"]
    places: dict[str, set[tuple[str, int]]] = {}
    for parent in spec.get("parentRefs") or []:
        gateway = f"{parent.get('namespace', meta['namespace'])}/{parent['name']}"
        place = (parent.get("sectionName") or "", parent.get("port") or 0)
        places.setdefault(gateway, set()).add(place)
    name, created = f"{meta['namespace']}/{meta['name']}", meta.get("creationTimestamp") or ""
    hosts = [host.lower() for host in spec.get("hostnames") or []] or [""]
    return {
        Claim(gateway, host, path): Claimant(created, name, frozenset(its_places))
        for gateway, its_places in places.items()
        for host in hosts
        for path in _paths(spec)
    }


def acceptance(
    route: Object, now: float, rivals: Mapping[Claim, Iterable[Claimant]] | None = None
) -> Route:
    """Return what is known of a route's being carried. `rivals`: all who claim what it claims.

    A route is young for `SILENT_SECONDS`, and unknown until a controller has said anything. After
    that silence means that there is no such Gateway, or nobody who runs it. What was good of an
    earlier generation is unknown, too. A refusal stands until it is taken back.
    """
    for claim, mine in claims(route).items():
        before = min((r for r in (rivals or {}).get(claim, ()) if wins(r, mine)), default=None)
        if before is not None:
            where = f"host {claim.host}" if claim.host else "every host"
            return Route(
                accepted=False,
                reason="HostConflict",
                message=f"Gateway {claim.gateway}: {where} with path {claim.path} is taken by the"
                f" older HTTPRoute {before.route}; give spec.traffic.gateway another host name or"
                " path",
            )
    said = [_parent(route, parent) for parent in _parents(route)]
    carried = [state for state in said if state.accepted]
    refused = [state for state in said if state.accepted is False]
    if carried:
        others = "".join(f"; but {state.message}" for state in refused)
        return Route(True, "Accepted", carried[0].message + others)
    open_yet = [state for state in said if state.accepted is None]
    return next(iter([*open_yet, *refused]), None) or _silent(route, now)


def _silent(route: Object, now: float) -> Route:
    """Return what it means that no Gateway has reported on the route yet."""
    until = epoch(route["metadata"].get("creationTimestamp") or rfc3339(now)) + SILENT_SECONDS
    if now < until:
        return Route(None, look_again=until)
    gateways = sorted({claim.gateway for claim in claims(route)})
    return Route(
        accepted=False,
        reason="NoGateway",
        message=f"no Gateway has taken the route: is there {' or '.join(gateways)}, and does its"
        " controller run? See spec.traffic.gateway.parentRefs",
    )


def wins(rival: Claimant, mine: Claimant) -> bool:
    """Tell whether another claim of the same goes before this one, on a listener of both."""
    return rival.route != mine.route and rival[:2] < mine[:2] and rival.meets(mine)


def _paths(spec: Object) -> set[str]:
    """Return what a route takes whatever else a request has. An exact path has a mark before it."""
    found = set()
    for rule in spec.get("rules") or [{}]:
        for match in rule.get("matches") or [{}]:
            if not any(match.get(more) for more in ("headers", "queryParams", "method")):
                path = match.get("path") or {}
                exact = "" if path.get("type", "PathPrefix") == "PathPrefix" else f"{path['type']} "
                found.add(exact + (path.get("value") or "/"))
    return found


def _parents(route: Object) -> list[Object]:
    """Return the states of the parents that the route still names."""
    named = [_reference(route, parent) for parent in route["spec"].get("parentRefs") or []]
    states = (route.get("status") or {}).get("parents") or []
    return [s for s in states if _reference(route, s.get("parentRef") or {}) in named]


def _reference(route: Object, parent: Mapping[str, Any]) -> tuple[Any, ...]:
    own = route["metadata"]["namespace"]
    return (
        parent.get("group", "gateway.networking.k8s.io"),
        parent.get("kind", "Gateway"),
        parent.get("namespace") or own,
        parent.get("name"),
        parent.get("sectionName"),
        parent.get("port"),
    )


def _parent(route: Object, state: Object) -> Route:
    name = (state.get("parentRef") or {}).get("name")
    by_type = {c["type"]: c for c in state.get("conditions") or []}
    for kind in ("Accepted", "ResolvedRefs"):
        condition = by_type.get(kind) or {}
        if condition.get("status") == "False":
            text = f"Gateway {name}: {kind}=False: {condition.get('message') or ''}".rstrip(": ")
            return Route(False, condition.get("reason") or "NotAccepted", text)
    accepted = by_type.get("Accepted") or {}
    generation = route["metadata"].get("generation", 0)
    observed = accepted.get("observedGeneration", generation)
    if accepted.get("status") != "True":
        return Route(None)
    if observed < generation:
        text = f"Gateway {name} has not taken the last change of the route yet: it has reported on"
        text += f" generation {observed}, and this is {generation}; does its controller run?"
        return Route(None, NOT_OBSERVED, text)
    return Route(True, "Accepted", f"Gateway {name} carries the route")
