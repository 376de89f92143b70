"""The pod that looks versions up: what an alias means, and the digest of each version's content.

Once for each change of what makes a revision. It runs the server's image with the server's storage,
so the operator needs neither a client for each kind of storage nor the right to read Secrets
(docs/decisions/0008-aliases-by-a-pod.md), and what is wrong with image, Secret, storage or version
shows before a revision is made. It answers in its termination message. `revision` says when it is
needed; `resolver_change` what is to be done about it, `execute` does it; `answer` reads it
(docs/decisions/0032-resolver-pod.md).
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from ...api import names
from ...api.config.operator import OperatorConfig
from ...api.duration import human, seconds
from ...api.spec import ModelDeploymentSpec, is_alias
from ...api.status import PinnedModel, Pins
from ..observed import Problem, Wanted
from ..times import epoch
from .build import Object, Owner, labels, metadata
from .causes import CONTENT_CHANGED, cause
from .identity import revision_labels
from .literal import literal
from .mounts import (
    ANSWER_CACHE_VOLUME,
    API_KEYS_VOLUME,
    FEEDBACK_VOLUME,
    PREDICTION_LOG_VOLUME,
)
from .revision import content_key
from .template import pod_template, signing_keys

LABEL_RESOLVES = f"{names.GROUP}/resolves"
CONTAINER = "resolver"
RESOLVING = "ResolvingVersions"  # the reason while nothing is known to be wrong

Contents = Mapping[tuple[str, str], str]  # (model, version) → digest that revisions are made of

# Until a pod without an answer and without a known cause is said to be slow.
SLOW_SECONDS = 20.0
# Until one that was evicted is made anew: long enough for its cause to be told, and a pause where
# every pod is evicted at once.
LINGER_SECONDS = 30.0

# By the exit code of `transit-models`; any other is that the storage has no such thing.
_REASONS = {3: "StorageUnavailable", 4: "ContentRefused"}

# What Python and the container runtime say of an image in which there is no such command.
_NO_TOOLS = ("No module named 'transit_models", "executable file not found")
_WITHOUT_TOOLS = "there is no transit-models in the image (spec.server.image)"

_SERVERS_VOLUMES = (
    *(API_KEYS_VOLUME, FEEDBACK_VOLUME),
    *(PREDICTION_LOG_VOLUME, ANSWER_CACHE_VOLUME),
)
_ONLY_OF_SERVERS = ("ports", "readinessProbe", "livenessProbe", "startupProbe", "lifecycle")
_MESSAGE_FILE = "/dev/termination-log"

# A sidecar would keep the pod from ending, and a proxy from reaching the storage before it is up.
_NO_SIDECARS = {
    "sidecar.istio.io/inject": "false",
    "linkerd.io/inject": "disabled",
    "kuma.io/sidecar-injection": "disabled",
    "openservicemesh.io/sidecar-injection": "disabled",
    "consul.hashicorp.com/connect-inject": "false",
    "vault.hashicorp.com/agent-inject": "false",
    "sidecar.opentelemetry.io/inject": "false",
}
_NO_SIDECARS_LABELS = {
    "sidecar.istio.io/inject": "false",
    "kuma.io/sidecar-injection": "disabled",
}


@dataclass(frozen=True)
class ResolverChange:
    """What is to be done about resolver pods: names to delete, and the name of one to make."""

    remove: tuple[str, ...] = ()
    make: str | None = None


def resolver_change(
    owner: Owner,
    live: Mapping[tuple[str, str], Object],
    spec: ModelDeploymentSpec,
    contents: Contents,
    needed: bool,
    now: float,
) -> ResolverChange:
    """Return how to come to one resolver pod for this spec, or to none where none is `needed`.

    One that was evicted, or has no answer that will do by `progressDeadline`, makes room for
    another. One that is being deleted on a lost node may be there for ever, so the next has another
    name.
    """
    pods = {name: pod for (kind, name), pod in live.items() if kind == "Pod" and _resolves(pod)}
    key = content_key(spec) if needed else None
    going = {n: p for n, p in pods.items() if p["metadata"].get("deletionTimestamp")}
    remove = [
        name
        for name, pod in pods.items()
        if name not in going and (_resolves(pod) != key or _is_spent(pod, spec, contents, now))
    ]
    if key is None or len(remove) + len(going) < len(pods):
        return ResolverChange(remove=tuple(remove))
    base = f"{owner.name}-resolve-{key}"
    taken = "".join(sorted(p["metadata"]["uid"] for n, p in pods.items() if n.startswith(base)))
    suffix = f"-{hashlib.sha256(taken.encode()).hexdigest()[:8]}" if taken else ""
    return ResolverChange(remove=tuple(remove), make=base + suffix)


def resolver_pod(
    owner: Owner, spec: ModelDeploymentSpec, config: OperatorConfig, name: str
) -> Object:
    """Return the pod that looks up a spec's versions. Raises: Unbuildable."""
    key = content_key(spec)
    written = tuple(PinnedModel(name=m.name, version=m.version) for m in spec.models)
    template = pod_template(owner.namespace, owner.name, Wanted(key, written), spec, config, "")
    said, pod = template["metadata"], template["spec"]
    # Identity, pull secrets, placement and init containers are needed here too; not what serves,
    # and no sidecar: the pod would never end.
    container = {k: v for k, v in pod["containers"][0].items() if k not in _ONLY_OF_SERVERS}
    keys = signing_keys(spec, config)
    references = [f"{m.name}@{m.version}" for m in spec.models]
    container |= {
        "name": CONTAINER,
        "command": ["python", "-m", "transit_models.cli"],
        "args": [
            *("resolve", "--output", _MESSAGE_FILE),
            *(("--signed-by", literal(keys)) if keys is not None else ()),
            *(_storage_uri(container), *references),
        ],
        "resources": config.resolver.resources,
        "volumeMounts": _without_servers_own(container.get("volumeMounts")),
    }
    own = revision_labels(owner.name, key)
    theirs = {k: v for k, v in said["labels"].items() if k not in own}
    its_labels = labels(owner) | {LABEL_RESOLVES: key, "app.kubernetes.io/name": "transit-resolver"}
    annotations = {
        k: v
        for k, v in (said.get("annotations") or {}).items()
        if not k.startswith("prometheus.io/")
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            **metadata(owner, name, theirs | its_labels | _NO_SIDECARS_LABELS),
            "annotations": annotations | _NO_SIDECARS,
        },
        "spec": {k: v for k, v in pod.items() if k != "topologySpreadConstraints"}
        | {
            "containers": [container],
            "volumes": _without_servers_own(pod.get("volumes")),
            "restartPolicy": "OnFailure",
        },
    }


def _without_servers_own(named: list[Any] | None) -> list[Any]:
    return [entry for entry in named or [] if entry.get("name") not in _SERVERS_VOLUMES]


def answers(
    live: Mapping[tuple[str, str], Object],
    spec: ModelDeploymentSpec,
    contents: Contents,
    now: float,
    since: float = 0.0,
) -> Pins | Problem:
    """Return what the resolver pods found out for this spec, or why there is nothing yet.

    `contents` are known from revisions of the same storage: a version with another digest will not
    do; nor will a pod that was not made after `since`.
    """
    key = content_key(spec)
    found = [
        answer(pod, spec, contents, now)
        for (kind, _), pod in sorted(live.items())
        if kind == "Pod"
        and _resolves(pod) == key
        and not pod["metadata"].get("deletionTimestamp")
        and epoch(pod["metadata"]["creationTimestamp"]) > since
    ]
    known = (one for one in found if isinstance(one, Pins))
    return next(known, next(iter(found), _looking_up()))


def answer(
    pod: Object, spec: ModelDeploymentSpec, contents: Contents, now: float
) -> Pins | Problem:
    """Return what a resolver pod found out, or why there is nothing yet."""
    age = now - epoch(pod["metadata"]["creationTimestamp"])
    statuses = (pod.get("status") or {}).get("containerStatuses") or []
    own: Object = next((c for c in statuses if c.get("name") == CONTAINER), {})
    state = own.get("state") or {}
    ended = state.get("terminated") or (own.get("lastState") or {}).get("terminated")
    if ended is not None and _is_no_image_of_ours(ended):
        return _as_written(spec, _again(pod, spec, now))
    if ended is not None and ended.get("exitCode") == 0:
        message = (ended.get("message") or "").strip()
        return _read(spec, message, contents, _again(pod, spec, now))
    if ended is not None and ended.get("reason") == "Error":
        message = (ended.get("message") or "").strip()
        text = message[-600:] or f"the resolver pod ended with exit code {ended.get('exitCode')}"
        reason = _REASONS.get(ended.get("exitCode"), "ModelNotFound")
        return Problem(reason, text, _again(pod, spec, now))
    why = cause(pod, CONTAINER)
    if why:
        return _failing(why, _again(pod, spec, now))
    if age < SLOW_SECONDS:
        return _looking_up(now - age + SLOW_SECONDS)
    name = pod["metadata"]["name"]
    return Problem(
        RESOLVING,
        f"resolving the versions of the models has taken {human(age)}, and the pod does"
        f" not say why; its events may: kubectl describe pod {name}",
        _again(pod, spec, now),
    )


def _looking_up(look_again: float | None = None) -> Problem:
    return Problem(RESOLVING, "resolving the versions of the models", look_again)


def _failing(why: str, look_again: float | None) -> Problem:
    return Problem("ResolverFailing", f"the versions can't be resolved: {why}"[:900], look_again)


def _read(
    spec: ModelDeploymentSpec, message: str, contents: Contents, look_again: float | None
) -> Pins | Problem:
    asked = [(model.name, model.version) for model in spec.models]
    try:
        found: list[Any] = json.loads(message)
        pins = Pins(
            key=content_key(spec), models=[PinnedModel.model_validate(model) for model in found]
        )
    except (ValueError, TypeError, ValidationError):
        pins = None
    if pins is None or not _answers(asked, pins.models):
        return _failing("the resolver pod ended without an answer that can be read", look_again)
    for model in pins.models:
        before = contents.get((model.name, model.version))
        if before is not None and model.digest not in (None, before):
            return _replaced(model, before, look_again)
    return pins


def _is_no_image_of_ours(ended: Object) -> bool:
    words = ended.get("message") or ""
    return any(sign in words for sign in _NO_TOOLS)


def _as_written(spec: ModelDeploymentSpec, look_again: float | None) -> Pins | Problem:
    """An image of one's own needs no `transit-models`, where no alias must be looked up.

    What it is told then has no digests either.
    """
    if any(is_alias(model.version) for model in spec.models):
        return _failing(f"an alias needs it, and {_WITHOUT_TOOLS}", look_again)
    if spec.storage.verify == "Signature":
        return _failing(f"storage.verify: Signature needs it, and {_WITHOUT_TOOLS}", look_again)
    models = [PinnedModel(name=model.name, version=model.version) for model in spec.models]
    return Pins(key=content_key(spec), models=models)


def _answers(asked: list[tuple[str, str]], found: list[PinnedModel]) -> bool:
    """Tell whether each model got an answer, and each version is the one that was asked for."""
    return len(asked) == len(found) and all(
        model.name == name and (version == model.version or is_alias(version))
        for (name, version), model in zip(asked, found, strict=True)
    )


def _replaced(model: PinnedModel, before: str, look_again: float | None) -> Problem:
    return Problem(
        CONTENT_CHANGED,
        f"the content of {model.name} {model.version} in the storage has changed: the digest is"
        f" {model.digest}, and revisions here are of {before}. Publish it under another"
        " version, or accept it with the command resolve",
        look_again,
    )


def _is_spent(pod: Object, spec: ModelDeploymentSpec, contents: Contents, now: float) -> bool:
    """Tell whether a pod without an answer that will do shall make room for another one."""
    found = answer(pod, spec, contents, now)
    return isinstance(found, Problem) and now >= _spent_at(pod, spec)


def _spent_at(pod: Object, spec: ModelDeploymentSpec) -> float:
    made = epoch(pod["metadata"]["creationTimestamp"])
    if (pod.get("status") or {}).get("phase") == "Failed":
        return made + LINGER_SECONDS
    return made + max(LINGER_SECONDS, seconds(spec.rollout.progress_deadline))


def _again(pod: Object, spec: ModelDeploymentSpec, now: float) -> float | None:
    at = _spent_at(pod, spec)
    return at if at > now else None


def _resolves(pod: Object) -> str:
    found: str = (pod["metadata"].get("labels") or {}).get(LABEL_RESOLVES, "")
    return found


def _storage_uri(container: Object) -> str:
    """Return the storage's URI as the variable has it: `literal`."""
    uri: str = next(v["value"] for v in container["env"] if v["name"] == "TRANSIT_STORAGE_URI")
    return uri
