"""Two releases of one name in two namespaces, each for a namespace of its own: they do not meet.

Neither has a right in the cluster as a whole. The installed operator, which watches everything, is
scaled to none meanwhile.
"""

import uuid
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from dev.cluster.ui import StepFailed
from dev.demo.install import CHART, DEPLOYMENT, PODS, VALUES, install
from dev.demo.install import NAMESPACE as SYSTEM
from dev.demo.kube import Kube
from tests.support import eventually
from transit_operator.api.crd import UNSEEN

from .scene import Scene

pytestmark = pytest.mark.disruptive
RELEASE = "pair"


class Release:
    """One of the two: its own namespace, and the one that it watches."""

    def __init__(self, kube: Kube, letter: str) -> None:
        self.kube = kube
        suffix = uuid.uuid4().hex[:6]
        self.system = f"test-{letter}-system-{suffix}"
        self.models = f"test-{letter}-{suffix}"

    @property
    def account(self) -> str:
        return f"--as=system:serviceaccount:{self.system}:{RELEASE}-operator"

    def install(self) -> None:
        self.kube("create", "namespace", self.models)
        self.kube.helm(
            *("install", RELEASE, CHART, "-n", self.system, "--create-namespace"),
            *("--values", VALUES, "--set", f"config.namespaces={{{self.models}}}"),
            *("--set", "crds.enabled=false,rbac.aggregateClusterRoles=false,replicas=1"),
            *("--wait", "--timeout", "120s"),
        )

    def remove(self) -> None:
        self.kube.helm("uninstall", RELEASE, "-n", self.system, "--ignore-not-found")
        for namespace in (self.models, self.system):
            self.kube("delete", "namespace", namespace, "--wait=false", "--ignore-not-found")

    def may(self, *what: str) -> bool:
        try:
            return self.kube("auth", "can-i", *what, self.account).strip() == "yes"
        except StepFailed:  # "no" is exit code 1
            return False

    def log(self) -> str:
        return self.kube("-n", self.system, "logs", f"deployment/{RELEASE}-operator", "--tail=-1")


@pytest.fixture(scope="module")
def pair(kube: Kube) -> Iterator[tuple[Release, Release]]:
    """Both installed, and nobody else at work."""
    install(kube)  # for the CRD
    kube("-n", SYSTEM, "scale", f"deployment/{DEPLOYMENT}", "--replicas=0")

    def pods() -> bool:
        return bool((kube.find("-n", SYSTEM, "pods", "-l", PODS) or {}).get("items"))

    eventually("the installed operators end", lambda: not pods(), 60)
    both = Release(kube, "a"), Release(kube, "b")
    try:
        for release in both:
            release.install()
        yield both
    finally:
        for release in both:
            release.remove()
        install(kube)


def serving(scenes: list[Scene]) -> None:
    """Each with a first version, side by side."""
    for scene, revision in [(scene, scene.roll_out("1.0.0")) for scene in scenes]:
        scene.until_stable(revision)


def test_each_rolls_out_its_own_without_a_right_elsewhere(pair: tuple[Release, Release]) -> None:
    with ExitStack() as scenes:
        each = [scenes.enter_context(Scene(one.kube, one.models)) for one in pair]
        serving(each)
        for scene, revision in [(scene, scene.roll_out("1.1.0")) for scene in each]:
            scene.until_stable(revision)
    for release in pair:
        other = next(one for one in pair if one is not release)
        assert release.may("list", "deployments.apps", "-n", release.models)
        for namespace in (("-n", other.models), ("-n", "default"), ("--all-namespaces",)):
            assert not release.may("list", "deployments.apps", *namespace)
        for kind in ("namespaces", "customresourcedefinitions"):
            assert not release.may("list", kind)
        log = release.log()
        assert "permissions" not in log
        assert "forbidden" not in log.lower()


def test_what_neither_watches_nobody_touches(pair: tuple[Release, Release], namespace: str) -> None:
    """By then both have listed and looked again at their own."""
    kube = pair[0].kube
    elsewhere = Scene(kube, namespace)
    elsewhere.ask_for("1.0.0")
    elsewhere.apply()
    with ExitStack() as scenes:
        serving([scenes.enter_context(Scene(kube, one.models, "later")) for one in pair])
    found = kube.find("-n", namespace, "mdep", elsewhere.name) or {}
    assert found["status"] == UNSEEN, "as the CRD makes it"


def test_helm_test_passes_for_both(pair: tuple[Release, Release]) -> None:
    for release in pair:
        said = release.kube.helm("test", RELEASE, "-n", release.system, "--timeout", "120s")
        assert "Phase:          Succeeded" in said
