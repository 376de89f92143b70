"""The live page on a real rollout: what it shows is the status and Prometheus, and it steers.

What it looks like, and states that a cluster seldom shows: tests/page.
"""

import html
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from tests.command_line import Cli
from tests.scenarios.scene import Scene
from tests.support import eventually

ADDRESS = re.compile(r"(http://127\.0\.0\.1:\d+)/\?key=\S+")
TOKEN = re.compile(r'"X-Transit-Token": "([\w-]+)"')


@contextmanager
def page(transit: Cli) -> Iterator[httpx.Client]:
    """Run `transit dashboard`; a client that has been let in, and may press its buttons."""
    process = transit.start("dashboard", "--no-browser")
    try:
        yield _entered(process)
    finally:
        process.terminate()
        process.communicate(timeout=60)


def _entered(process: "subprocess.Popen[str]") -> httpx.Client:
    assert process.stdout is not None
    found = ADDRESS.match(process.stdout.readline())
    assert found is not None, process.communicate()
    client = httpx.Client(base_url=found[1], timeout=60, follow_redirects=True)
    token = TOKEN.search(html.unescape(client.get(found[0]).text))
    assert token is not None
    client.headers.update({"X-Transit-Token": token[1], "Origin": found[1]})
    return client


def test_the_page_follows_a_rollout_and_steers_it(scene: Scene, transit: Cli) -> None:
    scene.holds("300s", "300s", "300s")
    first = scene.serving()
    second = scene.roll_out("1.1.0")
    scene.until_given(second, 10)
    scene.evaluations(2)
    with page(transit) as client:
        row = client.get("/").text
        for word in ("Progressing", "1.0.0", "1.1.0", "10 %", "1 of 3"):
            assert word in row
        one = f"/m/{scene.namespace}/m"
        seen = html.unescape(client.get(one).text)
        for word in (first, second, "90 %", *(pod["metadata"]["name"] for pod in scene.pods())):
            assert word in seen

        def measured() -> bool:
            plot = client.get(f"{one}/plots/errorRate").json()
            return bool(plot) and plot["candidate"][-1] == 0 and plot["stable"][-1] == 0

        eventually("both revisions have a curve", measured, 60)
        assert "puppet 1.1.0 gets 50 % of the traffic now" in client.get(f"{one}/ask/promote").text
        with client.stream("GET", "/list/events", timeout=120) as pushed:
            assert "Done" in client.post(f"{one}/do/promote").text
            next(line for line in pushed.iter_lines() if "2 of 3" in line)
        scene.until_given(second, 50)
        assert "Done" in client.post(f"{one}/do/abort").text
        scene.until_rejected(second, "Aborted")

        def told() -> str:  # the page has a watch of its own
            seen = html.unescape(client.get(one).text)
            return seen if "a person aborted it" in seen else ""

        seen = eventually("the page has heard of it", told, 15)
        assert scene.status["rejected"]["message"] in seen


def test_the_page_has_the_evidence_of_a_rollback(scene: Scene, transit: Cli) -> None:
    scene.serving()
    second = scene.roll_out("1.1.0", classes={"planet": 0.99, "star": 0.01})
    scene.until_rejected(second, "Drift")
    with page(transit) as client:
        one = f"/m/{scene.namespace}/m"

        def told() -> str:
            seen = html.unescape(client.get(one).text)
            return seen if "Predicted classes" in seen and "class planet" in seen else ""

        seen = eventually("Prometheus has told of the classes", told, 60)
        assert "it predicts other classes than the stable version" in seen
        assert 'value: \'{"classes"' in seen  # the diff of both revisions
        plot = client.get(f"{one}/plots/errorRate").json()
        assert plot["marks"][-1]["text"] == "Rejected"
