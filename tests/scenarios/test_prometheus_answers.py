"""Prometheus answers badly: no step, no rollback, the clock stands still, and the status says why.

A proxy (tests/puppet/prometheus_proxy.py) stands between the operator and the real Prometheus for
the time of this file. One rollout goes through all of it, in the order of the file.
"""

import json
import uuid
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from dev.cluster import versions
from dev.demo.install import install
from dev.demo.kube import Kube
from tests.support import Object

from .history import condition, jumps, statuses
from .scene import Scene, post

pytestmark = pytest.mark.disruptive

PROXY = "bad-prometheus"
PORT = 9090
TIMEOUT_SECONDS = 2
UPSTREAM = "http://prometheus.monitoring.svc:9090"
# what each mode must be called; a slow answer is given up after the limit, plus one second
REASONS = {
    "error": "PrometheusError",
    "html": "PrometheusMalformed",
    "slow": "PrometheusSlow",
    "trickle": "PrometheusSlow",
    "empty": "NoSeries",
    "nan": "NoSeries",
}


class BadPrometheus:
    """The proxy in a namespace of its own."""

    def __init__(self, kube: Kube, namespace: str) -> None:
        self._kube = kube
        self._namespace = namespace

    @property
    def url(self) -> str:
        return f"http://{PROXY}.{self._namespace}.svc:{PORT}"

    def start(self) -> None:
        """Make its pod and Service, and wait until it listens."""
        labels = {"app": PROXY}
        container = {
            "name": "proxy",
            "image": versions.PUPPET_IMAGE,
            "imagePullPolicy": "IfNotPresent",
            "command": ["python3", "-m", "tests.puppet.prometheus_proxy"],
            "env": [{"name": "UPSTREAM", "value": UPSTREAM}, {"name": "PORT", "value": str(PORT)}],
            "readinessProbe": {"httpGet": {"path": "/puppet", "port": PORT}, "periodSeconds": 1},
        }
        metadata = {"name": PROXY, "namespace": self._namespace, "labels": labels}
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata}
        service = {"apiVersion": "v1", "kind": "Service", "metadata": metadata}
        pod["spec"] = {
            "nodeSelector": {"transit.dev/pool": "cpu"},
            "containers": [container],
            "terminationGracePeriodSeconds": 1,
        }
        service["spec"] = {"selector": labels, "ports": [{"port": PORT}]}
        self._kube.apply("\n---\n".join(map(json.dumps, (pod, service))))
        ready = ("wait", "--for=condition=Ready", f"pod/{PROXY}", "--timeout=30s")
        self._kube("-n", self._namespace, *ready)

    def stop(self) -> None:
        """Take the pod away: connections are refused."""
        self._kube("-n", self._namespace, "delete", "pod", PROXY)

    def answers(self, mode: str) -> None:
        """Answer so from now on."""
        post(self._kube, self._namespace, PROXY, mode, PORT)


@pytest.fixture(scope="module")
def bad(operator: Kube) -> Iterator[BadPrometheus]:
    """The operator asks the proxy, which passes everything at first; afterwards it asks as ever."""
    namespace = f"test-{uuid.uuid4().hex[:8]}"
    operator("create", "namespace", namespace)
    proxy = BadPrometheus(operator, namespace)
    try:
        proxy.start()
        install(
            operator,
            f"config.prometheus.url={proxy.url}",
            f"config.prometheus.timeoutSeconds={TIMEOUT_SECONDS}",
        )
        yield proxy
    finally:
        install(operator)
        operator("delete", "namespace", namespace, "--wait=false")


@pytest.fixture(scope="module")
def rollout(bad: BadPrometheus, operator: Kube) -> Iterator[tuple[Scene, str]]:
    """A candidate at 10 % whose hold is long, and passes; its scene and its revision."""
    namespace = f"test-{uuid.uuid4().hex[:8]}"
    operator("create", "namespace", namespace)
    with Scene(operator, namespace) as scene:
        scene.holds("600s", "1s", "1s")
        scene.serving()
        revision = scene.roll_out("1.1.0")
        scene.until_judged(revision)
        yield scene, revision
        assert jumps(scene.mdep.seen) == []
    operator("delete", "namespace", namespace, "--wait=false")


class Tenants:
    """Use as a context manager: the scenes of two tenants, each in a namespace of its own."""

    def __init__(self, kube: Kube) -> None:
        self._kube = kube
        self._opened = ExitStack()

    def __enter__(self) -> tuple[Scene, Scene]:
        return self._scene(), self._scene()

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    def _scene(self) -> Scene:
        namespace = f"test-{uuid.uuid4().hex[:8]}"
        self._kube("create", "namespace", namespace)
        gone = ("delete", "namespace", namespace, "--wait=false")
        self._opened.callback(self._kube, *gone)
        return self._opened.enter_context(Scene(self._kube, namespace))


def reason(status: Object) -> str:
    """Why there are no metrics, or that there are."""
    return str(condition(status, "MetricsAvailable").get("reason", ""))


def holds_and_says(scene: Scene, reason: str) -> None:
    """Wait until the status says it; then the clock stands still for some evaluations."""
    blind = scene.until(
        f"MetricsAvailable is False, {reason}",
        lambda s: condition(s, "MetricsAvailable").get("reason") == reason,
        20,
    )
    held = blind["candidate"]["heldSeconds"]
    for status in scene.evaluations(3, 40):
        said = condition(status, "MetricsAvailable")
        assert (said["status"], said["reason"]) == ("False", reason), said
        assert said["message"]
        assert status["phase"] == "Progressing"
        assert (status["candidate"]["step"], status["candidate"]["weight"]) == (1, 10)
        assert status["candidate"]["heldSeconds"] == held


def sees_again(scene: Scene) -> None:
    """Wait for two evaluations with data. The first adds nothing: the time before it was blind."""
    held = scene.status["candidate"]["heldSeconds"]
    first = scene.until("data again", lambda s: s["candidate"].get("blindSince") is None, 30)
    assert first["candidate"]["heldSeconds"] == held, "blind time was counted as soak time"
    scene.until("held time grows", lambda s: s["candidate"]["heldSeconds"] > held, 30)
    assert condition(scene.status, "MetricsAvailable")["status"] == "True"


@pytest.mark.parametrize("mode", REASONS)
def test_a_bad_answer_holds(bad: BadPrometheus, rollout: tuple[Scene, str], mode: str) -> None:
    scene, _ = rollout
    bad.answers(mode)
    holds_and_says(scene, REASONS[mode])
    bad.answers("pass")
    sees_again(scene)


def test_more_series_than_were_asked_for_hold(
    bad: BadPrometheus, rollout: tuple[Scene, str]
) -> None:
    scene, _ = rollout
    bad.answers("many")
    try:
        holds_and_says(scene, "ManySeries")
    finally:
        bad.answers("pass")
    sees_again(scene)


def test_while_it_cannot_be_reached_commands_work(
    bad: BadPrometheus, rollout: tuple[Scene, str]
) -> None:
    scene, revision = rollout
    bad.stop()
    holds_and_says(scene, "PrometheusUnreachable")
    scene.commanded("pause")
    scene.until("it is paused", lambda s: s["phase"] == "Paused", 10)
    scene.commanded("resume")
    scene.command("promote")
    scene.until_step(revision, 2, 15)
    scene.commanded("promote")
    scene.command("abort")
    scene.until_rejected(revision, "Aborted", 15)
    scene.commanded("retry")
    scene.until("nobody sees it", lambda s: "waiting for Prometheus" in s["message"], 30)
    assert scene.status["traffic"] == [
        {"revision": scene.status["stable"]["revision"], "weight": 100}
    ]
    scene.command("promote")
    scene.until_step(revision, 1, 15)
    assert scene.status["candidate"]["heldSeconds"] == 0


def test_when_it_is_back_the_rollout_goes_on(
    bad: BadPrometheus, rollout: tuple[Scene, str]
) -> None:
    scene, revision = rollout
    bad.start()
    scene.holds("2s", "1s", "1s")
    scene.apply()
    scene.until_stable(revision)
    assert scene.given_weights(revision)[-3:] == [10, 50, 100]


def test_one_tenants_slow_queries_delay_nobody_else(bad: BadPrometheus, operator: Kube) -> None:
    """Given 16 queries of 4 s in one namespace, then another's verdicts come as ever; and who has
    them can still give commands.
    """
    with Tenants(operator) as (slow, other):
        slow.holds("600s", "1s", "1s")
        slow.analysis["custom"] = [
            {"name": f"slow-{number}", "query": f"vector(1) or slow_tenant_{number}", "max": 2}
            for number in range(16)
        ]
        slow.serving()
        other.serving()
        bad.answers("slow-tenant")
        tried = slow.roll_out("1.1.0")
        slow.until_step(tried, 1)
        slow.until("it is slow", lambda s: reason(s) == "PrometheusSlow", 60)
        mark = len(other.mdep.seen)
        good = other.roll_out("1.1.0")
        other.until_stable(good)
        worse = other.roll_out("1.2.0", errors=0.5)
        other.until_rejected(worse, "ErrorRate")
        assert "PrometheusSlow" not in {reason(s) for s in statuses(other.mdep.seen[mark:])}
        slow.command("abort")
        slow.until_rejected(tried, "Aborted", 15)
    bad.answers("pass")
