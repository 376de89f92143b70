"""`transit why` and `transit lint --cluster` with real numbers of Prometheus and a real Gateway."""

import json
from pathlib import Path

import pytest

from dev.client.kube import Kube
from tests.command_line import Cli
from tests.scenarios.scene import Scene
from tests.support import eventually
from transit_cli.cluster.kubeconfig import connect
from transit_cli.cluster.prometheus import find
from transit_cli.cluster.traffic import known
from transit_cli.lint.advice import Known


def test_why_with_numbers_pods_and_a_page(scene: Scene, transit: Cli, tmp_path: Path) -> None:
    scene.serving()
    second = scene.roll_out("1.1.0", errors=0.5)
    scene.until_rejected(second, "ErrorRate")
    file = tmp_path / "why.html"
    done = transit("why", "m", "--html", str(file))
    assert done.returncode == 0, done.stderr
    text = done.stdout
    assert "puppet 1.1.0 was rolled back: too many of its predictions failed" in text
    assert "predictions failed in 8s: 50 %" in text
    assert "the status, and Prometheus at" in text, text
    assert "error rate) ^" in text  # the plot
    page = file.read_text()
    assert "<svg" in page
    assert "value: &#x27;{&quot;errors&quot;: 0.5}&#x27;" in page  # the diff of both revisions
    one = transit.data("why", "m", "--revision", "1.1.0", "--no-plot")
    assert one["signal"] == "errorRate"
    assert one["timeline"]["end"] == "Rejected"


def test_why_names_the_classes_that_moved(scene: Scene, transit: Cli) -> None:
    scene.serving()
    second = scene.roll_out("1.1.0", classes={"planet": 0.99, "star": 0.01})
    scene.until_rejected(second, "Drift")
    out = transit.data("why", "m")["stoodOut"]
    assert out[0].startswith("class planet: 50 % of the stable's predictions, 99 %")


def test_without_prometheus_why_says_so(scene: Scene, transit: Cli) -> None:
    scene.serving()
    second = scene.roll_out("1.1.0", errors=0.5)
    scene.until_rejected(second, "ErrorRate")
    done = transit("why", "m", "--prometheus", "http://127.0.0.1:9")
    assert done.returncode == 0
    assert "the status alone: no Prometheus answers at 127.0.0.1" in done.stdout
    assert "predictions failed" in done.stdout


def test_lint_knows_the_gateways(scene: Scene, transit: Cli) -> None:
    scene.spec["traffic"]["gateway"]["parentRefs"] = [{"name": "nobody"}]
    text = json.dumps(scene.manifest())
    done = transit("lint", "-", "--cluster", "--rate", "1", "-o", "json", stdin=text)
    assert done.returncode == 0, done.stderr
    said = {one["path"]: one["message"] for one in json.loads(done.stdout)}
    assert "there is no Gateway" in said["spec.traffic.gateway.parentRefs[0]"]
    assert "is never reached at 10 %" in said["spec.rollout.steps[0].weight"]
    scene.by_gateway()
    done = transit("lint", "-", "--cluster", "-o", "json", stdin=json.dumps(scene.manifest()))
    said = {one["path"]: one["message"] for one in json.loads(done.stdout)}
    assert "spec.traffic.gateway.parentRefs[0]" not in said


def test_what_is_known_of_the_traffic(scene: Scene, operator: Kube) -> None:
    """By the very queries that `lint --cluster` asks, of one that is younger than it would ask."""
    scene.serving(rate=30, errors=0.1)
    config = operator.kubectl.kubeconfig
    there = connect(str(config) if config else None, None, scene.namespace)

    def look() -> Known | None:
        found = known(find(there, None), scene.namespace, scene.name, old_enough=10)
        return found if found.rate and found.scrape_seconds else None

    found = eventually("the traffic is known", look, 60, 1.0)
    assert 0 < found.rate <= 31
    assert found.error_rate == pytest.approx(0.1, abs=0.02)
    assert found.scrape_seconds == pytest.approx(2, abs=0.7)  # as dev/cluster has it
    assert known(find(there, None), scene.namespace, scene.name) == Known()
