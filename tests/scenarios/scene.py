"""One ModelDeployment of puppets on the real cluster: change its spec, turn knobs, wait, look back.

Neighbours: `tests/puppet/README.md` has the knobs; `conftest.py` makes a `Scene` in a namespace of
its own. Holds are seconds, the window is the shortest that real scrapes of 2 s can fill.
"""

import copy
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, TypeVar

from dev.client import watch
from dev.client.kube import Kube
from dev.cluster import versions
from dev.cluster.ui import StepFailed
from tests.puppet.storage import resolved
from tests.support import Object, eventually
from transit_operator.api.spec import ModelDeploymentSpec
from transit_operator.api.status import PinnedModel
from transit_operator.core.objects.revision import revision_of

from .history import condition, evaluated_at, jumps, lost_traffic, named, statuses

NAME = "m"
OWNED = (
    "deployments,services,httproutes,controllerrevisions,horizontalpodautoscalers,"
    "poddisruptionbudgets,pods"
)
FIRST_SECONDS = 75.0
END_SECONDS = 90.0
STEPS = [{"weight": 10, "hold": "2s"}, {"weight": 50, "hold": "2s"}, {"weight": 100, "hold": "3s"}]
SPEC: Object = {
    "models": [{"name": "puppet", "version": "1.0.0"}],
    "storage": {"uri": "s3://none"},
    "server": {
        "image": versions.PUPPET_IMAGE,
        "resources": {
            "requests": {"cpu": "5m", "memory": "16Mi"},
            "limits": {"memory": "64Mi"},
        },
    },
    "replicas": 1,
    "rollout": {
        "steps": STEPS,
        "progressDeadline": "30s",
        "analysis": {"interval": "1s", "window": "8s", "minSamples": 40},
    },
}


class Scene:
    """Use as a context manager. `spec` is what the next `apply` asks for."""

    def __init__(self, kube: Kube, namespace: str, name: str = NAME) -> None:
        self.kube = kube
        self.namespace = namespace
        self.name = name
        self.mdep = watch.model_deployment(kube, namespace, name)
        self.spec = copy.deepcopy(SPEC)
        self.by_gateway()
        self._tokens = 0

    def __enter__(self) -> "Scene":
        self.mdep.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.mdep.__exit__()

    # --- what the user does

    def by_gateway(self) -> None:
        """Exact weights; the default of a scene."""
        self.spec["traffic"] = {
            "router": "gateway",
            "gateway": {
                "parentRefs": [{"name": "public", "namespace": "traefik"}],
                "hostnames": [f"{self.namespace}.example.com"],
            },
        }

    def by_replicas(self) -> None:
        """Weights by pod counts."""
        self.spec["traffic"] = {"router": "replicas"}

    @property
    def analysis(self) -> Object:
        """`spec.rollout.analysis`, to be changed before an `apply`."""
        found: Object = self.spec["rollout"]["analysis"]
        return found

    def holds(self, *holds: str) -> None:
        """Other holds for the steps of 10, 50 and 100 %."""
        self.spec["rollout"]["steps"] = [
            {"weight": step["weight"], "hold": hold}
            for step, hold in zip(STEPS, holds, strict=True)
        ]

    def in_the_gpu_pool(self) -> None:
        """A GPU for each pod, of which the cluster has four: see the fixture `gpus`."""
        self.spec["server"]["pool"] = "gpu"
        resources = self.spec["server"]["resources"]
        resources["requests"]["nvidia.com/gpu"] = resources["limits"]["nvidia.com/gpu"] = 1

    def ask_for(self, version: str, **behaviour: Any) -> str:
        """Set version and behaviour in the spec; the revision that they make."""
        self.spec["models"][0]["version"] = version
        self.spec["server"]["env"] = [{"name": "PUPPET", "value": json.dumps(behaviour)}]
        spec = ModelDeploymentSpec.model_validate(self.spec)
        found = (resolved(f"{model.name}@{model.version}") for model in spec.models)
        return revision_of(spec, [PinnedModel.model_validate(model) for model in found]).revision

    def apply(self) -> None:
        """`kubectl apply` of the spec as it stands."""
        self.kube.apply(json.dumps(self.manifest()))

    def roll_out(self, version: str, **behaviour: Any) -> str:
        """Ask for a version with this behaviour and apply it; its revision."""
        revision = self.ask_for(version, **behaviour)
        self.apply()
        return revision

    def serving(self, version: str = "1.0.0", **behaviour: Any) -> str:
        """Given a first version that serves and is stable; its revision."""
        revision = self.roll_out(version, **behaviour)
        self.until_stable(revision, FIRST_SECONDS)
        return revision

    def command(self, verb: str) -> str:
        """Annotate `transit.dev/action` with a new token; the whole value."""
        self._tokens += 1
        return self.repeat(f"{verb}/{self._tokens}")

    def repeat(self, action: str) -> str:
        """Annotate `transit.dev/action` with this very value."""
        arguments = ("annotate", "mdep", self.name, "--overwrite", f"transit.dev/action={action}")
        self.kube("-n", self.namespace, *arguments)
        return action

    def commanded(self, verb: str) -> None:
        """Give a command and wait until it is handled."""
        action = self.command(verb)
        self.until(f"{action} is handled", lambda s: s.get("handledAction") == action, 15)

    def tell(self, revision: str, **behaviour: Any) -> None:
        """Turn knobs of all pods of a revision, which must be running, from now on."""
        pods = self.pods(revision)
        assert pods, f"revision {revision} has no pod to tell"
        for pod in pods:
            post(self.kube, self.namespace, pod["metadata"]["name"], json.dumps(behaviour))

    def evict(self, revision: str) -> str:
        """Evict a pod of a revision as `kubectl drain` does; its uid. Raises `StepFailed`."""
        pod = self.pods(revision)[0]["metadata"]
        self.evict_pod(pod["name"])
        return str(pod["uid"])

    def evict_pod(self, name: str) -> None:
        """Evict one pod. Raises `StepFailed`."""
        eviction = {
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"name": name, "namespace": self.namespace},
        }
        path = f"/api/v1/namespaces/{self.namespace}/pods/{name}/eviction"
        self.kube("create", "--raw", path, "-f", "-", stdin=json.dumps(eviction))

    # --- what can be seen

    @property
    def status(self) -> Object:
        """The status as last seen."""
        found: Object = (self.mdep.latest or {}).get("status") or {}
        return found

    @property
    def history(self) -> list[Object]:
        """`status.history` as last seen."""
        found: list[Object] = self.status.get("history") or []
        return found

    def reasons(self, revision: str | None = None) -> list[str]:
        """The reasons in the history, of one revision or of all."""
        return [t["reason"] for t in self.history if revision in (None, t.get("revision"))]

    def given_weights(self, revision: str) -> list[int]:
        """The weights that a revision was given as a candidate, in order, by the history."""
        return [
            t["weight"]
            for t in self.history
            if t["reason"] == "StepReached" and t.get("revision") == revision
        ]

    @property
    def signals(self) -> list[Object]:
        """The evidence of the last evaluation."""
        found: list[Object] = self.status.get("signals") or []
        return found

    def signal(self, name: str) -> Object:
        """The evidence of one signal in the last evaluation; {} when there is none."""
        return next((e for e in self.signals if e["signal"] == name), {})

    def condition(self, kind: str) -> Object:
        """A condition; {} when there is none."""
        return condition(self.status, kind)

    def pods(self, revision: str | None = None) -> list[Object]:
        """Pods that aren't being deleted, of one revision or of all."""
        selector = f"transit.dev/model-deployment={self.name}"
        if revision:
            selector += f",transit.dev/revision={revision}"
        found = self.kube.find("-n", self.namespace, "pods", "-l", selector) or {"items": []}
        return [p for p in found["items"] if not p["metadata"].get("deletionTimestamp")]

    def owned(self) -> list[Object]:
        """Every object of the ModelDeployment, pods included."""
        selector = f"transit.dev/model-deployment={self.name}"
        found = self.kube.find("-n", self.namespace, OWNED, "-l", selector) or {"items": []}
        return list(found["items"])

    def manifest(self) -> Object:
        """The ModelDeployment as `apply` sends it."""
        return {
            "apiVersion": "transit.dev/v1alpha1",
            "kind": "ModelDeployment",
            "metadata": {"name": self.name, "namespace": self.namespace},
            "spec": self.spec,
        }

    # --- waiting

    def until_listening(self, revision: str) -> None:
        """Wait until a revision's pods, ready or not, answer."""

        def listening() -> bool:
            pods = [pod["metadata"]["name"] for pod in self.pods(revision)]
            where = f"/api/v1/namespaces/{self.namespace}/pods"
            try:
                for pod in pods:
                    self.kube("get", "--raw", f"{where}/{pod}:8081/proxy/health/live")
            except StepFailed:
                return False
            return bool(pods)

        eventually(f"the pods of {revision} listen", listening, 20)

    def until(self, what: str, holds: Callable[[Object], Any], seconds: float = 30.0) -> Object:
        """Wait until the status is so; the status that was. Fails at the deadline."""
        try:
            found = self.mdep.wait_for(what, lambda m: bool(holds(m.get("status") or {})), seconds)
        except watch.NotAsExpected as failure:
            raise watch.NotAsExpected(f"{failure}\n{self._told()}") from failure
        status: Object = found["status"]
        return status

    def _told(self) -> str:
        """What the status says, for a failed wait: candidate, traffic, evidence, history."""
        told = {key: self.status.get(key) for key in ("candidate", "traffic", "paused")}
        evidence = [f"{e['signal']} {e['verdict']}: {e['message']}" for e in self.signals]
        past = [f"{t['time']} {t['reason']} {t.get('weight')}" for t in self.history]
        return "\n".join([json.dumps(told), *evidence, *past])

    def until_stable(self, revision: str, seconds: float = END_SECONDS) -> Object:
        """Wait until a revision is the stable one and has all traffic."""
        return self.until(
            f"{revision} is stable",
            lambda s: (
                s.get("phase") == "Stable"
                and s["stable"]["revision"] == revision
                and s.get("traffic") == [{"revision": revision, "weight": 100}]
            ),
            seconds,
        )

    def until_step(self, revision: str, step: int, seconds: float = 75.0) -> Object:
        """Wait until a candidate has reached a step."""
        return self.until(
            f"{revision} reaches step {step}",
            lambda s: (
                (c := s.get("candidate") or {}).get("revision") == revision and c["step"] >= step
            ),
            seconds,
        )

    def until_given(self, revision: str, weight: int, seconds: float = 60.0) -> list[Object]:
        """Wait until the gateway gives a revision this share, by the status; the whole traffic.

        The step is in the status before, and the weight follows it.
        """
        found = self.until(
            f"{revision} is given {weight} %",
            lambda s: {"revision": revision, "weight": weight} in s.get("traffic", []),
            seconds,
        )
        traffic: list[Object] = found["traffic"]
        return traffic

    def until_judged(self, revision: str, seconds: float = 75.0) -> Object:
        """Wait until an evaluation of the candidate passed: from then on its clock runs."""
        return self.until(
            f"an evaluation of {revision} passes",
            lambda s: (
                (c := s.get("candidate") or {}).get("revision") == revision and c.get("passes", 0)
            ),
            seconds,
        )

    def until_rejected(self, revision: str, reason: str, seconds: float = END_SECONDS) -> Object:
        """Wait until a revision was rolled back and the stable has all traffic."""
        found = self.until(
            f"{revision} is rolled back",
            lambda s: (
                (s.get("rejected") or {}).get("revision") == revision
                and s["phase"] == "RolledBack"
                and s["traffic"] == [{"revision": s["stable"]["revision"], "weight": 100}]
            ),
            seconds,
        )
        assert found["rejected"]["reason"] == reason, found["rejected"]
        return found

    def evaluations(self, number: int, seconds: float = 30.0) -> list[Object]:
        """Wait for that many more evaluations; the status after each, oldest first."""
        start, first = len(self.mdep.seen), evaluated_at(self.status)

        def found() -> list[Object]:
            by_time: dict[str, Object] = {}
            for one in statuses(self.mdep.seen[start:]):
                if evaluated_at(one) > first:
                    by_time.setdefault(evaluated_at(one), one)
            return list(by_time.values())

        self.until(f"{number} more evaluations", lambda _: len(found()) >= number, seconds)
        return found()

    def settled(self, revisions: Sequence[str], seconds: float = 60.0) -> list[Object]:
        """Wait until only these revisions have objects, and no others; all objects that are left.

        ControllerRevisions stay for the revisions that the status names.
        """

        def left() -> list[Object]:
            found = self.owned()
            others = {
                f"{o['kind']} {o['metadata']['name']}"
                for o in found
                if (r := o["metadata"]["labels"].get("transit.dev/revision"))
                and r not in revisions
                and not (o["kind"] == "ControllerRevision" and r in named(self.status))
            }
            return [] if others else found

        return list(eventually(f"only {', '.join(revisions)} is left", left, seconds, 1.0))


_AnyScene = TypeVar("_AnyScene", bound=Scene)


@contextmanager
def kept_steady(scene: _AnyScene) -> Iterator[_AnyScene]:
    """Open a scene in which, whatever it does, no weight may jump and no traffic may be lost."""
    with scene:
        yield scene
        assert jumps(scene.mdep.seen) == []
        assert lost_traffic(scene.mdep.seen) == []


def steady(kube: Kube, namespace: str, name: str = NAME) -> AbstractContextManager[Scene]:
    """A scene on Traefik that is kept steady."""
    return kept_steady(Scene(kube, namespace, name))


def post(kube: Kube, namespace: str, pod: str, text: str, port: int = 8000) -> None:
    """POST to /puppet of a pod, through the API server's proxy. Raises `StepFailed`."""
    path = f"/api/v1/namespaces/{namespace}/pods/{pod}:{port}/proxy/puppet"
    kube("create", "--raw", path, "-f", "-", stdin=text)
