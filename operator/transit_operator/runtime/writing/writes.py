"""Guarded writes: only what differs, only what is ours, only if nobody changed it since.

Every write here carries the resourceVersion that was read, scaling and deletion too: a late write
of an operator that led must not undo what the next one did. `Attempts` keeps one refused object
from stopping the others. Neighbours: `execute` and its parts write through here and nowhere else.
"""

import hashlib
import json
from collections.abc import Awaitable

from ...adapters.kubernetes import (
    AlreadyExists,
    Conflict,
    Kubernetes,
    KubernetesError,
    NotFound,
    NotLeading,
    Refused,
)
from ...api import names
from ...core.objects.build import Object
from ..observing.cache import Cache
from ..observing.observe import Snapshot
from ..observing.ownership import belongs, orphaned
from .diff import same


class Attempts:
    """Writes of which one that fails doesn't stop the next; what went wrong is told at the end."""

    def __init__(self) -> None:
        self.errors: list[KubernetesError] = []

    async def make(self, write: Awaitable[None]) -> bool:
        """Do it and tell whether it went well.

        Raises:
            Conflict: what was decided is out of date; a fresh look follows at once.
            NotLeading: nothing more can be written.
        """
        try:
            await write
        except (Conflict, NotLeading):
            raise
        except KubernetesError as error:
            self.errors.append(error)
            return False
        return True

    def raise_worst(self) -> None:
        """Raise what must be told soonest: a refusal before an outage.

        Raises:
            KubernetesError: a write failed; the message has all of its kind.
        """
        for kind in (Refused, NotFound, KubernetesError):
            found = [error for error in self.errors if isinstance(error, kind)]
            if found:
                messages = dict.fromkeys(str(error) for error in found)
                wait = max(error.retry_after for error in self.errors)
                raise kind("; ".join(messages), wait) from found[0]


class Rewritten:
    """What admission webhooks made of what was applied: it is not applied again at every look.

    A mirror of registries or an added toleration never is as it was asked for. Until somebody
    changes the object (its generation, else its resourceVersion), the outcome counts as done.
    Forgotten with the process: the next one applies once more, and nothing changes by that.
    """

    def __init__(self) -> None:
        self._outcomes: dict[str, tuple[str, object]] = {}  # uid → what was applied, and its state

    def note(self, desired: Object, written: Object) -> None:
        """Remember an object that came out otherwise than it was asked for."""
        uid = written["metadata"].get("uid", "")
        if same(desired, written):
            self._outcomes.pop(uid, None)
        else:
            self._outcomes[uid] = (_digest(desired), _state(written))

    def is_outcome(self, desired: Object, live: Object) -> bool:
        """Tell whether applying it brought about just what is there."""
        known = self._outcomes.get(live["metadata"].get("uid", ""))
        return known == (_digest(desired), _state(live))


def _digest(desired: Object) -> str:
    meta = {k: v for k, v in desired["metadata"].items() if k != "resourceVersion"}
    text = json.dumps({**desired, "metadata": meta}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _state(obj: Object) -> object:
    """Return what changes whenever what is asked for does; a Deployment's status changes often."""
    meta = obj["metadata"]
    return meta.get("generation") or meta.get("resourceVersion")


class Writer:
    """Writes for one look: what was written stands in the snapshot and the cache at once."""

    def __init__(
        self, kubernetes: Kubernetes, cache: Cache, snapshot: Snapshot, rewritten: Rewritten
    ) -> None:
        self._kubernetes = kubernetes
        self._cache = cache
        self._snapshot = snapshot
        self._rewritten = rewritten

    def live(self, kind: str, name: str) -> Object | None:
        """Return an object of ours as it was read or last written."""
        return self._snapshot.live.get((kind, name))

    async def apply(self, desired: Object) -> None:
        """Write an object where it differs. Raises: KubernetesError."""
        kind, name = desired["kind"], desired["metadata"]["name"]
        live = self.live(kind, name)
        if live is not None and (same(desired, live) or self._rewritten.is_outcome(desired, live)):
            return
        guarded = desired
        if live is None:
            await self._refuse_strangers(kind, name)
        else:
            version = live["metadata"]["resourceVersion"]
            guarded = {**desired, "metadata": {**desired["metadata"], "resourceVersion": version}}
        written = await self._kubernetes.apply(guarded)
        self._rewritten.note(desired, written)
        self._keep(written)

    async def rehearse(self, desired: Object) -> None:
        """Ask whether an object that isn't there could be written. Raises: KubernetesError."""
        await self._kubernetes.rehearse(desired)

    async def turn(self, desired: Object) -> None:
        """Write the backends of a route, and nothing else of it, where they differ.

        So a field of the route that the API server refuses never holds up a rollback. Where it has
        more or fewer rules than ours, all lead where the first of ours does, until `apply` writes
        them as they shall be. A route that isn't there is left to it. Raises: KubernetesError.
        """
        live = self.live(desired["kind"], desired["metadata"]["name"])
        wanted = [rule["backendRefs"] for rule in desired["spec"]["rules"]]
        rules = (live or {}).get("spec", {}).get("rules") or []
        if live is None or not rules:
            return
        if len(rules) != len(wanted):
            wanted = [wanted[0]] * len(rules)
        if all(
            same(refs, rule.get("backendRefs")) for refs, rule in zip(wanted, rules, strict=True)
        ):
            return
        turned = [{**rule, "backendRefs": refs} for refs, rule in zip(wanted, rules, strict=True)]
        self._keep(await self._kubernetes.merge(live, {"spec": {"rules": turned}}))

    async def scale(self, name: str, replicas: int, *, only_up: bool = False) -> None:
        """Set a Deployment's pods. Raises: KubernetesError."""
        live = self.live("Deployment", name)
        if live is None:
            return  # it could not be made, and that is told
        present = live["spec"].get("replicas", 1)
        if present == replicas or (only_up and present > replicas):
            return
        version = await self._kubernetes.scale(live, replicas)
        self._keep(
            {
                **live,
                "metadata": {**live["metadata"], "resourceVersion": version},
                "spec": {**live["spec"], "replicas": replicas},
            }
        )

    async def create_secret(self, secret: Object) -> None:
        """Make a Secret if it isn't there; it is never read. Raises: KubernetesError."""
        try:
            await self._kubernetes.create(secret)
        except AlreadyExists:
            return

    async def create_pod(self, pod: Object) -> None:
        """Make a pod that is not there. Raises: KubernetesError."""
        await self._refuse_strangers("Pod", pod["metadata"]["name"])
        self._keep(await self._kubernetes.apply(pod))

    async def delete(self, kind: str, name: str) -> None:
        """Delete an object of ours, if it is there. Raises: KubernetesError."""
        live = self.live(kind, name)
        if live is None or live["metadata"].get("deletionTimestamp"):
            return
        await self._kubernetes.delete(kind, live)
        namespace = self._snapshot.owner.namespace
        self._cache.drop(kind, namespace, name, live["metadata"]["uid"])

    def _keep(self, written: Object) -> None:
        self._snapshot.live[written["kind"], written["metadata"]["name"]] = written
        self._cache.put(written)

    async def _refuse_strangers(self, kind: str, name: str) -> None:
        """Never take over an object that somebody else made under a name that we need."""
        owner = self._snapshot.owner
        try:
            found = await self._kubernetes.get(kind, owner.namespace, name)
        except NotFound:
            return
        if belongs(owner, found) or orphaned(owner, found):
            return
        owners = found["metadata"].get("ownerReferences") or []
        if any(o.get("kind") == names.KIND and o.get("name") == owner.name for o in owners):
            raise KubernetesError(f"{kind} {name} of a deleted ModelDeployment is not gone yet")
        raise Refused(
            f"{kind} {name} exists and is not Transit's: remove it, or give the"
            " ModelDeployment another name"
        )
