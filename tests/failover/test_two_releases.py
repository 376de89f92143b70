"""Two releases of one name in two namespaces, each for a namespace of its own: they do not meet.

Neither has a right in the cluster as a whole.
"""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from dev.client.kube import Kube
from dev.cluster.ui import StepFailed
from tests.scenarios.scene import Scene, steady
from transit_operator.api.crd import UNSEEN

from .release import NAME, Release


@pytest.fixture(scope="module")
def pair(alone: Kube) -> Iterator[tuple[Release, Release]]:
    """Both installed, and nobody else at work."""
    with Release(alone, "a") as one, Release(alone, "b") as other:
        yield one, other


def may(release: Release, *what: str) -> bool:
    """Whether its operator may do that."""
    try:
        return release.kube("auth", "can-i", *what, release.account).strip() == "yes"
    except StepFailed:  # "no" is exit code 1
        return False


def serving(scenes: list[Scene]) -> None:
    """Each with a first version, side by side."""
    for scene, revision in [(scene, scene.roll_out("1.0.0")) for scene in scenes]:
        scene.until_stable(revision)


def test_each_rolls_out_its_own_without_a_right_elsewhere(pair: tuple[Release, Release]) -> None:
    with ExitStack() as scenes:
        each = [scenes.enter_context(steady(one.kube, one.models[0])) for one in pair]
        serving(each)
        for scene, revision in [(scene, scene.roll_out("1.1.0")) for scene in each]:
            scene.until_stable(revision)
    for release in pair:
        other = next(one for one in pair if one is not release)
        assert may(release, "list", "deployments.apps", "-n", release.models[0])
        for namespace in (("-n", other.models[0]), ("-n", "default"), ("--all-namespaces",)):
            assert not may(release, "list", "deployments.apps", *namespace)
        for kind in ("namespaces", "customresourcedefinitions"):
            assert not may(release, "list", kind)
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
        serving([scenes.enter_context(steady(kube, one.models[0], "later")) for one in pair])
    found = kube.find("-n", namespace, "mdep", elsewhere.name) or {}
    assert found["status"] == UNSEEN, "as the CRD makes it"


def test_helm_test_passes_for_both(pair: tuple[Release, Release]) -> None:
    for release in pair:
        said = release.kube.helm("test", NAME, "-n", release.system, "--timeout", "120s")
        assert "Phase:          Succeeded" in said
