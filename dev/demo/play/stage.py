"""What a scenario can do and see: change the version, wait for an end, look at the traffic.

Owns the ModelDeployment `kepler`, its watches, the traffic and the timeline while a run lasts.
"""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import yaml

from dev.client import watch
from dev.client.kube import Kube
from dev.client.watch import NotAsExpected, Object
from dev.cluster.ui import StepFailed

from ..seen import incidents
from ..seen.timeline import Timeline
from ..seen.traffic import PATH, Traffic, light_curve_bodies
from ..terminal.progress import Progress

NAME = "kepler"
NAMESPACE = "demo"
MODEL = "random_forest"
MANIFEST = Path(__file__).parents[1] / "manifests" / "kepler.yaml"
GONE_SECONDS = 90.0
REACHED_SECONDS = 20.0
SETTLED_ANSWERS = 60


class Stage:
    """Use as a context manager: watches and traffic end with it, the ModelDeployment stays.

    In another namespace than the demo's it has another host name, so that several don't meet.
    """

    def __init__(
        self, kube: Kube, progress: Progress, rate: float, namespace: str = NAMESPACE
    ) -> None:
        self.kube = kube
        self.namespace = namespace
        self.progress = progress
        self.timeline = Timeline()
        self.manifest: dict[str, Any] = yaml.safe_load(MANIFEST.read_text())
        gateway = self.manifest["spec"]["traffic"]["gateway"]
        if namespace != NAMESPACE:
            self.manifest["metadata"]["namespace"] = namespace
            gateway["hostnames"] = [f"{NAME}.{namespace}.example.com"]
        self.host = str(gateway["hostnames"][0])
        self.bodies = light_curve_bodies()
        self.traffic = Traffic(kube.gateway, self.host, self.bodies, rate)
        self.mdep = watch.model_deployment(kube, self.namespace, NAME, self.timeline.take)
        self.route = watch.http_route(kube, self.namespace, NAME)
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with self.progress.waiting(f"What an earlier run left of {self.namespace}/{NAME} removed"):
            self._remove()
        self._stack.enter_context(self.mdep)
        self._stack.enter_context(self.route)
        return self

    def __exit__(self, *_: object) -> None:
        self.traffic.stop()
        self._stack.close()

    @property
    def analysis(self) -> dict[str, Any]:
        """`spec.rollout.analysis` of the manifest."""
        found: dict[str, Any] = self.manifest["spec"]["rollout"]["analysis"]
        return found

    @property
    def steps(self) -> list[int]:
        """The weights of the manifest's steps."""
        return [int(step["weight"]) for step in self.manifest["spec"]["rollout"]["steps"]]

    @property
    def status(self) -> dict[str, Any]:
        """The ModelDeployment's status as last seen."""
        found: dict[str, Any] = (self.mdep.latest or {}).get("status") or {}
        return found

    @property
    def last_transition(self) -> Object:
        """What happened last, of the status's history."""
        found: Object = self.status["history"][-1]
        return found

    def ask_for(self, version: str) -> Object:
        """Apply the manifest with this version; the metadata (uid, generation) that it has then."""
        self.manifest["spec"]["models"][0]["version"] = version
        now = time.time()
        self.kube.apply(json.dumps(self.manifest))
        self.timeline.note(now, "Applied", f"the spec asks for {MODEL} {version}")
        return self.metadata()

    def metadata(self) -> Object:
        """What the API server has now: uid, generation. Raises `StepFailed`."""
        found = self.kube.find("-n", self.namespace, "mdep", NAME)
        if found is None:
            raise StepFailed(f"{self.namespace}/{NAME} is gone just after it was written")
        metadata: Object = found["metadata"]
        return metadata

    @contextmanager
    def followed(self, code: int) -> Iterator[None]:
        """Around the wait for a rollout: a stage with onlookers shows it to them meanwhile.

        `code` is what `transit status --watch` must end with.
        """
        yield

    def until(self, what: str, holds: Callable[[Object], bool], seconds: float) -> Object:
        """Wait until the status ({} before there is one) is so; it. Raises `NotAsExpected`."""
        found = self.mdep.wait_for(what, lambda m: holds(m.get("status") or {}), seconds)
        status: Object = found["status"]
        return status

    def begin_traffic(self) -> None:
        """Wait until the gateway leads to a server, then send. Raises `NotAsExpected`."""
        with self.progress.waiting(f"{self.kube.gateway}{PATH} answers") as waiting:
            while (problem := self._problem_of_one_request()) is not None:
                waiting.tell(problem)
                if waiting.seconds() > REACHED_SECONDS:
                    raise NotAsExpected(f"the gateway does not lead to {NAME}: {problem}")
                time.sleep(0.2)
        self.traffic.start()
        self.timeline.note(
            time.time(), "Traffic", f"{self.traffic.rate:g} requests a second through the gateway"
        )

    def spans(self, revision: str) -> list[incidents.Span]:
        """When a revision had traffic."""
        return incidents.spans(self.route.seen, NAME, revision)

    def weights(self) -> dict[str, int]:
        """The weights in the HTTPRoute now."""
        return incidents.weights_of(self.route.latest, NAME)

    def settled(self, stable: str, mark: int) -> bool:
        """Whether status and route give `stable` everything, and the last answers are its own."""
        answers = self.traffic.since(mark)[-SETTLED_ANSWERS:]
        return (
            self.status.get("traffic") == [{"revision": stable, "weight": 100}]
            and self.weights() == {stable: 100}
            and len(answers) == SETTLED_ANSWERS
            and all(not a.failed and a.revision == stable for a in answers)
        )

    def _problem_of_one_request(self) -> str | None:
        address = urlsplit(self.kube.gateway)
        connection = HTTPConnection(address.hostname or "127.0.0.1", address.port, timeout=5)
        headers = {"Host": self.host, "Content-Type": "application/json"}
        try:
            connection.request("POST", PATH, self.bodies[0], headers)
            answer = connection.getresponse()
            text = answer.read()[:100].decode("latin-1").strip()
            return None if answer.status == 200 else f"HTTP {answer.status}: {text}"
        except (OSError, HTTPException) as error:
            return str(error) or type(error).__name__
        finally:
            connection.close()

    def _remove(self) -> None:
        if self.kube.find("-n", self.namespace, "mdep", NAME) is None:
            return
        self.kube("-n", self.namespace, "delete", "mdep", NAME, f"--timeout={GONE_SECONDS:.0f}s")
        owned = f"transit.dev/model-deployment={NAME}"
        kinds = "deployments,services,httproutes,controllerrevisions,pods"
        deadline = time.monotonic() + GONE_SECONDS
        while self.kube("-n", self.namespace, "get", kinds, "-l", owned, "-o", "name").strip():
            if time.monotonic() > deadline:
                raise NotAsExpected(
                    f"what belonged to {self.namespace}/{NAME} is still there"
                    f" {GONE_SECONDS:.0f} s after its deletion"
                )
            time.sleep(0.5)


def reached(history: Sequence[Object], revision: str) -> list[int]:
    """The weights that a revision was given, in order."""
    return [
        int(item["weight"])
        for item in history
        if item["reason"] == "StepReached" and item.get("revision") == revision
    ]
