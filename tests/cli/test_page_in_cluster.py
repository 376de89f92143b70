"""The live page as the chart installs it, in a pod: it follows a real rollout and steers it.

Of a release of its own, without an operator, for the test's namespace alone. What it refuses, and
to whom: tests/page/test_in_cluster.py.
"""

import html
import re
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from dev.client.kube import Kube
from dev.demo.provision.install import CHART, VALUES
from tests.scenarios.scene import Scene
from tests.support import eventually

RELEASE = "look"
TOKEN = re.compile(r'"X-Transit-Token": "([\w-]+)"')


@pytest.fixture
def page(kube: Kube, namespace: str) -> Iterator[str]:
    """The address of a page that is installed in a namespace and shows it."""
    kube.helm(
        *("install", RELEASE, CHART, "-n", namespace, "--values", VALUES),
        *("--set", "crds.enabled=false,rbac.aggregateClusterRoles=false,replicas=0"),
        *("--set", f"dashboard.enabled=true,config.namespaces={{{namespace}}}"),
        *("--wait", "--timeout", "120s"),
    )
    try:
        with kube.forward(namespace, f"service/{RELEASE}-dashboard", 80) as port:
            yield f"http://127.0.0.1:{port}"
    finally:
        kube.helm("uninstall", RELEASE, "-n", namespace)


@contextmanager
def editor(kube: Kube, namespace: str, url: str) -> Iterator[httpx.Client]:
    """The browser of an account that may edit a namespace, behind a proxy that says who it is."""
    where = ("-n", namespace)
    kube(*where, "create", "serviceaccount", "editor")
    account = f"--serviceaccount={namespace}:editor"
    kube(*where, "create", "rolebinding", "editor", "--clusterrole=edit", account)
    token = kube(*where, "create", "token", "editor").strip()
    headers = {"Authorization": f"Bearer {token}", "Origin": url}
    with httpx.Client(base_url=url, timeout=60, headers=headers) as client:
        found = TOKEN.search(html.unescape(client.get("/").text))
        assert found is not None
        client.headers["X-Transit-Token"] = found[1]
        yield client


def test_it_shows_a_rollout_to_all_and_is_steered_by_who_may(
    scene: Scene, kube: Kube, page: str
) -> None:
    scene.holds("300s", "300s", "300s")
    scene.serving()
    second = scene.roll_out("1.1.0")
    scene.until_given(second, 10)
    one = f"/m/{scene.namespace}/m"

    def shown(address: str) -> str:
        return html.unescape(httpx.get(page + address, timeout=60).text)

    eventually("it has heard of the rollout", lambda: "1 of 3" in shown("/"), 30)
    seen = shown(one)
    for word in (second, "90 %", *(pod["metadata"]["name"] for pod in scene.pods())):
        assert word in seen
    assert "Abort…" not in seen

    def measured() -> bool:
        plot = httpx.get(f"{page}{one}/plots/errorRate", timeout=60).json()
        return bool(plot) and plot["candidate"][-1] == 0

    eventually("Prometheus is asked from the pod", measured, 60)
    with editor(kube, scene.namespace, page) as client:
        assert "Abort…" in html.unescape(client.get(one).text)
        assert "Done" in client.post(f"{one}/do/promote").text
    scene.until_given(second, 50)
