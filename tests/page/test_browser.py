"""What a person sees and does: a real Chromium on the page, both themes, a phone's width, axe.

`make test-page`, which brings Chromium; not part of `make test`.
"""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect, sync_playwright
from playwright.sync_api import Page as Tab

from tests.page import plays
from tests.page.apiserver import ApiServer
from tests.page.conftest import Page
from tests.page.stage import Stage
from tests.page.test_in_cluster import api as api
from tests.page.test_in_cluster import serving

pytestmark = pytest.mark.browser

CHROMIUM = "/usr/bin/chromium"
DESK, PHONE = (1280, 900), (360, 740)
SCREENS = (
    "/",
    "/m/ml/kepler",
    "/m/ml/galileo",
    "/m/ml/tycho",
    "/m/astronomy/brahe",
    "/m/astronomy/hubble",
    "/m/physics/newton",
)
SERIOUS = ("serious", "critical")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium."""
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


class Seen:
    """What a tab complains of, and whom it asks."""

    def __init__(self, tab: Tab, origin: str) -> None:
        self.complaints: list[str] = []
        self.elsewhere: list[str] = []
        self._origin = origin
        tab.on("console", lambda message: self._said(message.type, message.text))
        tab.on("pageerror", lambda error: self._said("error", str(error)))
        tab.on("request", lambda request: self._asked(request.url))

    def _said(self, kind: str, text: str) -> None:
        # pods that come and go change this machine's interfaces, and Chromium begins anew
        if kind == "error" and "ERR_NETWORK_CHANGED" not in text:
            self.complaints.append(text)

    def _asked(self, url: str) -> None:
        if not url.startswith(self._origin):
            self.elsewhere.append(url)


def opened(browser: Browser, page: Page, theme: str, size: tuple[int, int]) -> tuple[Tab, Seen]:
    """Open a tab, let in by the printed address."""
    width, height = size
    context = browser.new_context(
        base_url=page.origin,
        color_scheme="dark" if theme == "dark" else "light",
        viewport={"width": width, "height": height},
    )
    tab = context.new_page()
    seen = Seen(tab, page.origin)
    tab.goto(page.entrance)
    return tab, seen


def go(tab: Tab, path: str) -> None:
    """Go to a screen, and wait until it is live and drawn."""
    tab.goto(path)
    expect(tab.locator("#live")).to_have_text("live")
    expect(tab.locator("figure:not([data-drawn])")).to_have_count(0)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_every_screen_is_readable_by_everybody(
    stage: Stage, served: Page, browser: Browser, theme: str, size: tuple[int, int]
) -> None:
    plays.all_of(stage)
    tab, seen = opened(browser, served, theme, size)
    for path in SCREENS:
        go(tab, path)
        found = Axe().run(tab).response["violations"]
        assert [
            (path, v["id"], v["nodes"][0]["html"]) for v in found if v["impact"] in SERIOUS
        ] == []
        wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert tab.evaluate(wide) <= 0, path
    assert (seen.complaints, seen.elsewhere) == ([], [])
    tab.context.close()


def test_the_list_lives_and_filters(
    stage: Stage, served: Page, browser: Browser, namespace: str
) -> None:
    stage.put("kepler", plays.since(60), namespace)
    tab, seen = opened(browser, served, "light", DESK)
    go(tab, "/")
    tab.evaluate("window.here = true")
    row = tab.locator("tr", has_text=namespace)
    expect(row).to_contain_text("Stable")
    stage.put("kepler", plays.under_way(), namespace)
    expect(row).to_contain_text("Progressing")
    expect(row).to_contain_text("50 %")
    tab.keyboard.press("/")
    tab.keyboard.type(f"{namespace}/")
    expect(tab.locator("#rows tr")).to_have_count(1)
    expect(tab).to_have_url(f"{served.origin}/?q={namespace}%2F&phase=")
    stage.put("galileo", plays.since(60), namespace)
    expect(tab.locator("#rows tr")).to_have_count(2)
    stage.remove("galileo", namespace)
    expect(tab.locator("#rows tr")).to_have_count(1)
    assert tab.evaluate("window.here"), "nothing was loaded anew"
    assert (seen.complaints, seen.elsewhere) == ([], [])
    tab.context.close()


def test_a_command_is_confirmed_first(
    stage: Stage, served: Page, browser: Browser, namespace: str
) -> None:
    stage.put("kepler", plays.under_way(), namespace)
    world = stage.worlds[namespace, "kepler"]
    tab, seen = opened(browser, served, "light", DESK)
    go(tab, f"/m/{namespace}/kepler")
    tab.get_by_role("button", name="Abort…").focus()
    tab.keyboard.press("Enter")
    dialog = tab.get_by_role("dialog")
    expect(dialog).to_contain_text("forest 2.0.0 is rolled back")
    expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()
    tab.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    assert world.action == ""
    tab.get_by_role("button", name="Abort…").click()
    dialog.get_by_role("button", name="Abort", exact=True).click()
    expect(dialog).to_contain_text("Done")
    assert world.action.startswith("abort/")
    dialog.get_by_role("button", name="Close").click()
    expect(tab.locator(".title")).to_contain_text("RolledBack")
    expect(tab.locator("#answer")).to_contain_text("a person aborted it")
    assert (seen.complaints, seen.elsewhere) == ([], [])
    tab.context.close()


def test_a_rollout_draws_its_signals_and_goes_on(
    stage: Stage, served: Page, browser: Browser, namespace: str
) -> None:
    stage.put("kepler", plays.under_way(), namespace)
    tab, seen = opened(browser, served, "light", DESK)
    go(tab, f"/m/{namespace}/kepler")
    expect(tab.locator("figure canvas")).to_have_count(6)
    tab.evaluate("document.querySelector('figure canvas').mine = true")
    stage.put("kepler", plays.turned_back(), namespace)
    expect(tab.locator("#answer h2")).to_contain_text("too many of its predictions failed")
    expect(tab.locator("figure").first).to_contain_text("error rate")
    expect(tab.locator("figure canvas")).to_have_count(6)
    assert (seen.complaints, seen.elsewhere) == ([], [])
    tab.context.close()


def test_a_thousand_are_listed_and_stay_live(
    stage: Stage, served: Page, browser: Browser, namespace: str
) -> None:
    one = plays.under_way()
    for number in range(1000):
        stage.put(f"model-{number:04d}", one, namespace)
    tab, seen = opened(browser, served, "light", DESK)
    rows = tab.locator("#rows tr", has_text=namespace)
    expect(rows).to_have_count(1000, timeout=60_000)
    started = time.monotonic()
    go(tab, "/")
    expect(rows).to_have_count(1000)
    print(f"a thousand rows after {time.monotonic() - started:.2f} s")
    stage.put("model-0999", plays.turned_back(), namespace)
    expect(tab.locator("#rows tr", has_text="model-0999")).to_contain_text("RolledBack")
    assert (seen.complaints, seen.elsewhere) == ([], [])
    tab.context.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_signing_in_brings_the_buttons(
    api: ApiServer, stage: Stage, browser: Browser, tmp_path: Path, theme: str
) -> None:
    """On localhost, where a browser keeps a Secure cookie without TLS: as by a port-forward."""
    token = api.token("people", "editor")
    with serving(api, tmp_path, stage.url, "Optional") as page:
        context = browser.new_context(
            base_url=page.url, color_scheme="dark" if theme == "dark" else "light"
        )
        tab = context.new_page()
        seen = Seen(tab, page.url)
        go(tab, "/m/ml/kepler")
        expect(tab.get_by_role("button", name="Abort…")).to_have_count(0)
        tab.get_by_role("button", name="Sign in…").click()
        dialog = tab.get_by_role("dialog")
        expect(dialog.get_by_label("Token")).to_be_focused()
        tab.keyboard.type("made.up.token")
        tab.keyboard.press("Enter")
        expect(dialog).to_contain_text("doesn't take this token")
        found = Axe().run(tab).response["violations"]
        assert [v["id"] for v in found if v["impact"] in SERIOUS] == []
        dialog.get_by_label("Token").fill(token)
        dialog.get_by_role("button", name="Sign in").click()
        expect(tab.get_by_role("button", name="Abort…")).to_be_visible()
        expect(tab.locator(".who")).to_contain_text("people:editor")
        tab.get_by_role("button", name="Abort…").click()
        expect(dialog).to_contain_text("forest 2.0.0 is rolled back")
        tab.keyboard.press("Escape")
        found = Axe().run(tab).response["violations"]
        assert [v["id"] for v in found if v["impact"] in SERIOUS] == []
        tab.get_by_role("button", name="Sign out").click()
        expect(tab.get_by_role("button", name="Sign in…")).to_be_visible()
        expect(tab.get_by_role("button", name="Abort…")).to_have_count(0)
        assert (seen.complaints, seen.elsewhere) == ([], [])
        context.close()
