"""The live page in a real Chromium during a real rollout: what a person sees at each step is what
the API server and Prometheus say.

`make test-page-live`, which needs the cluster; not part of `make test`. What the page does without
a cluster: tests/page.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Response
from playwright.sync_api import Page as Tab

from tests.chromium.asked import Asked, line
from tests.chromium.seen import differs, shown
from tests.cli.conftest import scene as scene
from tests.cli.conftest import transit as transit
from tests.command_line import Cli
from tests.page.conftest import KEY
from tests.page.test_browser import Seen
from tests.page.test_browser import browser as browser
from tests.scenarios.scene import Scene
from tests.support import Object, eventually

pytestmark = pytest.mark.browser

# A folder for a picture of each state in each theme, to be looked at; none if it isn't set.
PICTURES = os.environ.get("TRANSIT_PICTURES")
WEIGHTS = (10, 50, 100)


class Live:
    """A tab on the page of a scene's ModelDeployment, and the curves that it has drawn."""

    def __init__(self, tab: Tab, scene: Scene) -> None:
        self._curves: dict[str, Response] = {}  # the last of each signal, as the browser got it
        self._tab, self._scene = tab, scene
        tab.on("response", self._heard)
        tab.goto(f"/m/{scene.namespace}/{scene.name}")

    def agrees(self, weights: dict[str, int]) -> Object:
        """Wait until the page is, in everything, an object of the API server that gives revisions
        these weights; that object.
        """
        last: list[str] = ["there was no such object"]

        def same() -> Object | None:
            page = shown(self._tab)
            for one in reversed(self._scene.mdep.seen[-20:]):
                if one.object and self._weights(one.object) == weights:
                    last[:] = differs(page, one.object)
                    if not last:
                        return one.object
            return None

        try:
            found: Object = eventually("the page is the object", same, 30)
        except pytest.fail.Exception as failure:
            raise AssertionError("\n".join([str(failure), *last])) from failure
        return found

    def plot(self, signal: str, points: int, mark: str) -> Object:
        """The curves of a signal, once they were drawn with so many points, and this mark."""

        def drawn() -> Object | None:
            self._tab.wait_for_timeout(50)  # answers are heard of while Playwright is asked
            heard = self._curves.get(signal)
            plot: Object | None = heard.json() if heard is not None else None
            if plot is None or len(line(plot, "candidate")) < points:
                return None
            return plot if plot["marks"][-1]["text"] == mark else None

        found: Object = eventually(f"{signal} is drawn up to {mark}", drawn, 60)
        return found

    def under_the_mouse(self, title: str) -> dict[str, str]:
        """What the legend of a plot says where the mouse points: into its middle."""
        figure = self._tab.locator("figure", has=self._tab.get_by_role("heading", name=title))
        figure.scroll_into_view_if_needed()
        box = figure.locator(".u-over").bounding_box()
        assert box is not None
        self._tab.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        rows = figure.locator(".u-series")
        return {
            rows.nth(at).locator("th").inner_text(): rows.nth(at).locator("td").inner_text()
            for at in range(rows.count())
        }

    def answer(self) -> str:
        """What the page says first."""
        return str(shown(self._tab)["answer"])

    def pictured(self, name: str) -> None:
        """Take pictures, where somebody wants to look at them."""
        for theme in ("light", "dark") if PICTURES else ():
            self._tab.emulate_media(color_scheme="dark" if theme == "dark" else "light")
            path = Path(PICTURES or "") / f"live-{name}-{theme}.png"
            self._tab.screenshot(path=path, full_page=True)

    def _heard(self, answer: Response) -> None:
        signal = answer.url.partition("/plots/")[2].partition("?")[0]
        if signal and answer.ok:
            self._curves[signal] = answer

    @staticmethod
    def _weights(mdep: Object) -> dict[str, int]:
        traffic = (mdep.get("status") or {}).get("traffic") or []
        return {one["revision"]: one["weight"] for one in traffic if one["weight"]}


@contextmanager
def live(transit: Cli, browser: Browser, scene: Scene) -> Iterator[Live]:
    """Run `transit dashboard`, and open its page of the scene."""
    process = transit.start("dashboard", "--no-browser")
    try:
        assert process.stdout is not None
        entrance = KEY.match(process.stdout.readline())
        assert entrance is not None, process.communicate()
        context = browser.new_context(base_url=entrance[1], viewport={"width": 1280, "height": 900})
        tab = context.new_page()
        seen = Seen(tab, entrance[1])
        tab.goto(entrance[0])
        yield Live(tab, scene)
        assert (seen.complaints, seen.elsewhere) == ([], [])
        context.close()
    finally:
        process.terminate()
        process.communicate(timeout=60)


@contextmanager
def prometheus(scene: Scene) -> Iterator[Asked]:
    """Prometheus itself, through a port that is forwarded."""
    with (
        scene.kube.forward("monitoring", "service/prometheus", 9090) as port,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client,
    ):
        yield Asked(client, f"{scene.namespace}/{scene.name}")


def test_each_step_and_a_rollback(scene: Scene, transit: Cli, browser: Browser) -> None:
    scene.holds("600s", "600s", "600s")
    first = scene.serving(errors=0.01)
    second = scene.roll_out("1.1.0", errors=0.02, latency=0.012)
    scene.until_given(second, WEIGHTS[0])
    with live(transit, browser, scene) as page, prometheus(scene) as asked:
        for number, weight in enumerate(WEIGHTS):
            if number:
                scene.commanded("promote")
            rest = {first: 100 - weight} if weight < 100 else {}
            mdep = page.agrees({second: weight, **rest})
            assert mdep["status"]["phase"] == ("Baking" if weight == 100 else "Progressing")
            for signal in ("errorRate", "latency"):
                plot = page.plot(signal, 10, f"{weight} %")
                promql = asked.errors if signal == "errorRate" else asked.latency
                for name, revision in (("candidate", second), ("stable", first)):
                    assert asked.holds(promql(revision), plot["times"], plot[name]) >= 5
            page.pictured(f"{weight}")
        legend = page.under_the_mouse("error rate")
        assert legend["candidate"].startswith("2"), legend
        assert legend["stable"].startswith("1"), legend
        scene.commanded("promote")
        scene.until_stable(second)
        page.agrees({second: 100})
        page.pictured("promoted")

        third = scene.roll_out("1.2.0", errors=0.4)
        scene.until_rejected(third, "ErrorRate")
        mdep = page.agrees({second: 100})
        rejected = mdep["status"]["rejected"]
        assert rejected["revision"] == third
        assert page.answer() == "puppet 1.2.0 was rolled back: too many of its predictions failed"
        plot = page.plot("errorRate", 3, "Rejected")
        assert plot["candidate"][-1] == pytest.approx(rejected["evidence"]["value"], abs=0.02)
        page.pictured("rolled-back")
