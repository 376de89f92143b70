"""From the chart of before to this one, in the middle of a rollout of a real model under traffic.

`previous_chart` is the chart of before as Helm packed it: at a release of the chart, put the one
that was released before in place of it.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from dev.client.kube import Kube
from dev.cluster.ui import StepFailed
from dev.demo.play.scenarios import SCENARIOS, play
from dev.demo.play.stage import Stage, reached
from dev.demo.provision.install import CHART, CRD, DEPLOYMENT, NAMESPACE, RELEASE, VALUES, install
from tests.chart.helm import found, render
from tests.support import Object, eventually

pytestmark = pytest.mark.disruptive
(PREVIOUS,) = (Path(__file__).parent / "previous_chart").glob("transit-*.tgz")
FIRST, BAD = SCENARIOS[0], SCENARIOS[2]
OWNER = ("meta.helm.sh/release-name", "meta.helm.sh/release-namespace", "helm.sh/resource-policy")
WITHOUT_A_COLUMN = '[{"op": "remove", "path": "/spec/versions/0/additionalPrinterColumns/0"}]'
TODAYS = "test-rights-of-today"


@pytest.fixture
def before(stage: Stage) -> Iterator[Kube]:
    """The release of before is installed, with a CRD that belongs to no release.

    Only its chart is kept: it runs today's operator, which may ask for rights that are newer.
    """
    kube = stage.kube
    try:
        kube.helm("uninstall", RELEASE, "-n", NAMESPACE, "--wait")
        kube("annotate", CRD, *(f"{name}-" for name in OWNER))
        kube("label", CRD, "app.kubernetes.io/managed-by-")
        kube("patch", CRD, "--type=json", f"--patch={WITHOUT_A_COLUMN}")
        kube.apply(yaml.safe_dump_all(todays_rights()))
        kube.helm("install", RELEASE, PREVIOUS, "-n", NAMESPACE, "--wait", "--timeout", "120s")
        yield kube
    finally:
        kube("delete", "clusterrolebinding,clusterrole", TODAYS, "--ignore-not-found")
        install(kube)


def todays_rights() -> list[Object]:
    """The operator's rights as this chart has them, for the account of the one of before."""
    objects = render()
    binding = found(objects, "ClusterRoleBinding")
    role = found(objects, "ClusterRole", binding["roleRef"]["name"])
    role["metadata"], binding["metadata"] = {"name": TODAYS}, {"name": TODAYS}
    binding["roleRef"]["name"] = TODAYS
    return [role, binding]


def columns(kube: Kube) -> list[str]:
    (version,) = (kube.find(CRD) or {})["spec"]["versions"]
    return [column["name"] for column in version["additionalPrinterColumns"]]


def servers(stage: Stage) -> dict[str, int]:
    """The uid of each server's pod → how often its container was started anew."""
    selector = "app.kubernetes.io/name=transit-server"
    pods = (stage.kube.find("-n", stage.namespace, "pods", "-l", selector) or {})["items"]
    return {
        pod["metadata"]["uid"]: sum(c["restartCount"] for c in pod["status"]["containerStatuses"])
        for pod in pods
    }


def operators(kube: Kube) -> Any:
    return (kube.find("-n", NAMESPACE, "deployment", DEPLOYMENT) or {}).get("spec")


def test_a_rollout_goes_through_an_upgrade_and_an_uninstall(stage: Stage, before: Kube) -> None:
    kube = before
    play(stage, FIRST)
    stage.ask_for("1.1.0")
    stage.until("a hold with data", lambda s: s.get("candidate", {}).get("heldSeconds", 0) > 0, 90)
    revision = stage.status["candidate"]["revision"]
    running, mark = servers(stage), stage.traffic.mark()
    uid = (kube.find(CRD) or {})["metadata"]["uid"]
    assert "Phase" not in columns(kube)

    unchanged = operators(kube)
    with pytest.raises(StepFailed, match="cannot be imported into the current release"):
        kube.helm("upgrade", RELEASE, CHART, "-n", NAMESPACE, "--values", VALUES)
    assert operators(kube) == unchanged, "Helm changes nothing before it owns the CRD"

    install(kube)  # gives the CRD to the release as the docs say, then upgrades
    definition = kube.find(CRD) or {}
    assert definition["metadata"]["uid"] == uid
    assert definition["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
    assert "Phase" in columns(kube), "Helm upgraded the CRD"
    assert kube.find("clusterrole", DEPLOYMENT) is None, "the name of before"
    assert servers(stage) == running
    done = stage.until("the promotion", lambda s: s["stable"]["revision"] == revision, 180)
    assert reached(done["history"], revision) == stage.steps
    # The candidate has had a pod more for its larger share.
    assert not any(servers(stage).values()), "none was restarted"

    kube.helm("uninstall", RELEASE, "-n", NAMESPACE, "--wait")
    assert (kube.find(CRD) or {})["metadata"]["uid"] == uid
    still = stage.traffic.mark()
    eventually("traffic goes on", lambda: len(stage.traffic.since(still)) >= 200, 60)
    install(kube)
    assert stage.traffic.failures(mark) == []
    play(stage, BAD)
    assert not any(servers(stage).values()), "none was restarted"
