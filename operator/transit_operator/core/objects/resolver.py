"""The pod that looks up what an alias means: once for each change of what makes a revision.

It runs the server's image with the server's storage, so the operator needs neither a client for
each kind of storage nor the right to read Secrets (docs/decisions/0008-aliases-by-a-pod.md). It
answers in its termination message. `revision` says when it is needed, `execute` makes it.
"""

import json
from typing import Any

from ...api import names
from ...api.config import OperatorConfig
from ...api.spec import ALIASES, ModelDeploymentSpec
from ...api.status import PinnedModel, Pins
from ..observed import Problem, Wanted
from .build import Object, Owner, labels, metadata
from .revision import content_key
from .template import pod_template

LABEL_RESOLVES = f"{names.GROUP}/resolves"
_MESSAGE_FILE = "/dev/termination-log"
_RESOURCES = {"requests": {"cpu": "10m", "memory": "64Mi"}, "limits": {"memory": "512Mi"}}


def resolver_pod(owner: Owner, spec: ModelDeploymentSpec, config: OperatorConfig) -> Object:
    """Return the pod that resolves the aliases of a spec. Raises: UnknownPool."""
    key = content_key(spec)
    written = tuple(PinnedModel(name=m.name, version=m.version) for m in spec.models)
    template = pod_template(owner.namespace, owner.name, Wanted(key, written), spec, config)
    container = template["spec"]["containers"][0]
    for field in ("ports", "readinessProbe", "livenessProbe"):
        del container[field]
    references = [f"{m.name}@{m.version}" for m in spec.models if m.version in ALIASES]
    container |= {
        "name": "resolver",
        "command": ["python", "-m", "transit_models.cli"],
        "args": ["resolve", "--output", _MESSAGE_FILE, _storage_uri(container), *references],
        "resources": _RESOURCES,
    }
    its_labels = labels(owner) | {LABEL_RESOLVES: key, "app.kubernetes.io/name": "transit-resolver"}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata(owner, f"{owner.name}-resolve-{key}", its_labels),
        "spec": template["spec"] | {"restartPolicy": "OnFailure"},
    }


def answer(pod: Object, key: str) -> Pins | Problem:
    """Return what a resolver pod found out, or why there is nothing yet."""
    statuses = (pod.get("status") or {}).get("containerStatuses") or [{}]
    state = statuses[0].get("state") or {}
    ended = state.get("terminated") or (statuses[0].get("lastState") or {}).get("terminated")
    if ended is None:
        return Problem("ResolvingAliases", "the aliases of the models are being looked up")
    message = (ended.get("message") or "").strip()
    if ended.get("exitCode") != 0:
        return Problem("ModelNotFound", message[-600:] or "the aliases could not be looked up")
    found: list[dict[str, Any]] = json.loads(message)
    return Pins(key=key, models=[PinnedModel.model_validate(model) for model in found])


def _storage_uri(container: Object) -> str:
    uri: str = next(v["value"] for v in container["env"] if v["name"] == "TRANSIT_STORAGE_URI")
    return uri
