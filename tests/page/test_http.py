"""What the page answers: who may ask, what is pushed, what a command does, how often it asks."""

import html
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from tests.page import plays
from tests.page.conftest import Page
from tests.page.stage import Stage
from tests.support import eventually
from tests.unit.scenes import R2, V2

TOKEN = re.compile(r"X-Transit-Token&#34;: &#34;([\w-]+)")


@contextmanager
def events(client: httpx.Client, path: str) -> Iterator[Iterator[str]]:
    """Open an event stream; its lines."""
    with client.stream("GET", path, timeout=60) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield answer.iter_lines()


def until(lines: Iterator[str], text: str) -> str:
    """Read on to the event that has a text in it; that event."""
    event: list[str] = []
    for line in lines:
        event.append(line)
        if not line:
            if any(text in one for one in event):
                return "\n".join(event)
            event = []
    raise AssertionError(f"the stream ended without {text}")


def headers(client: httpx.Client, origin: str) -> dict[str, str]:
    """Return what the buttons of a page send."""
    token = TOKEN.search(client.get("/").text)
    assert token is not None
    return {"X-Transit-Token": token[1], "Origin": origin}


def test_only_who_has_the_key_comes_in_and_only_by_its_address(
    stage: Stage, served: Page, namespace: str
) -> None:
    stranger = httpx.Client(base_url=served.origin)
    for path in (
        "/",
        "/list/events",
        "/static/dashboard.js",
        f"/m/{namespace}/kepler",
        "/?key=guessed",
    ):
        assert stranger.get(path).status_code == 403
    port = served.origin.rpartition(":")[2]
    for host in (f"evil.example:{port}", "127.0.0.1", f"127.0.0.1:{int(port) + 1}"):
        rebound = stranger.get(served.entrance, headers={"Host": host})
        assert (rebound.status_code, "set-cookie" in rebound.headers) == (421, False)
    entered = stranger.get(served.entrance)
    assert (entered.status_code, entered.headers["location"]) == (303, "/")
    assert "HttpOnly" in entered.headers["set-cookie"]
    assert "SameSite=strict" in entered.headers["set-cookie"]
    assert stranger.get("/").status_code == 200


@pytest.mark.parametrize("spoilt", ["token", "origin", "other origin", "cookie"])
def test_a_command_of_somebody_elses_page_is_refused(
    stage: Stage, served: Page, namespace: str, spoilt: str
) -> None:
    stage.put("kepler", plays.under_way(), namespace)
    client = served.opened()
    sent = headers(client, served.origin)
    if spoilt == "cookie":
        client.cookies.clear()
    elif spoilt == "other origin":
        sent["Origin"] = "http://evil.example"
    else:
        del sent["X-Transit-Token" if spoilt == "token" else "Origin"]
    assert client.post(f"/m/{namespace}/kepler/do/abort", headers=sent).status_code == 403
    assert stage.worlds[namespace, "kepler"].action == ""


@pytest.mark.parametrize(
    ("play", "words"),
    [
        (
            plays.under_way,
            ("forest 2.0.0 goes on (step 2 of 3, 50 %)", "Abort…", "3 of 3 pods ready", "-0</th>"),
        ),
        (
            plays.turned_back,
            (
                "forest 3.0.0 was rolled back: too many of its predictions failed",
                "51 of 1000 predictions failed in 5m: 5.1 %",
                "at most 50 failures in 1000",
                "Rolled back before",
                "+  version: 3.0.0",
                "Predicted classes",
            ),
        ),
        (plays.blind, ("waits for data: errorRate", "MetricsAvailable False", "?</span> NoData")),
        (plays.starting, ("step 0 of 3", "CrashLoopBackOff")),
        (plays.paused, ("paused: transit resume goes on", "Resume…")),
    ],
)
def test_a_page_says_what_the_status_says(
    stage: Stage, served: Page, namespace: str, play: plays.Play, words: tuple[str, ...]
) -> None:
    stage.put("kepler", play(), namespace)
    page = html.unescape(served.opened().get(f"/m/{namespace}/kepler").text)
    for word in words:
        assert word in page
    for signal in stage.worlds[namespace, "kepler"].status.signals:
        assert signal.message in page


def test_it_ends_at_once_also_with_open_pages(own_stage: Stage, own_page: Page) -> None:
    with events(own_page.opened(), "/list/events") as lines:
        until(lines, "summary")
        started = time.monotonic()
        said = own_page.interrupted()
        assert time.monotonic() - started < 20
        assert said == (130, "")


def test_nothing_is_asked_of_anybody_else(stage: Stage, served: Page, namespace: str) -> None:
    stage.put("kepler", plays.under_way(), namespace)
    client = served.opened()
    for path in ("/", f"/m/{namespace}/kepler"):
        answer = client.get(path)
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        links = re.findall(r'(?:src|href|hx-get|action)="([^"]+)"', answer.text)
        assert links
        assert all(link.startswith(("/", "#")) for link in links)
        assert not re.search(r"<script(?![^>]*\bsrc=)|\bon\w+=|\bstyle=", answer.text)


def test_the_list_is_pushed_as_it_changes(stage: Stage, served: Page, namespace: str) -> None:
    stage.put("kepler", plays.since(60), namespace)
    client = served.opened()
    version = re.search(r"seen=(\d+)", client.get(f"/?q={namespace}/").text)
    assert version is not None
    with events(client, f"/list/events?q={namespace}/&seen={version[1]}") as lines:
        assert 'hx-target="#rows"' not in until(lines, "summary")
        stage.put("kepler", plays.under_way(), namespace)
        row = until(lines, "Progressing")
        assert "outerMorph" in row
        assert "50 %" in row
        stage.put("galileo", plays.since(60), namespace)
        assert f"/m/{namespace}/galileo" in until(lines, 'hx-target="#rows"')
        stage.remove("kepler", namespace)
        assert f"/m/{namespace}/kepler" not in until(lines, 'hx-target="#rows"')


def test_a_filtered_list_gets_what_comes_to_fit_and_loses_what_no_longer_does(
    stage: Stage, served: Page, namespace: str
) -> None:
    stage.put("kepler", plays.since(60), namespace)
    client = served.opened()
    only = f"phase=Progressing&q={namespace}/"
    assert "None of" in client.get(f"/?{only}").text
    with events(client, f"/list/events?{only}") as lines:
        stage.put("kepler", plays.under_way(), namespace)
        assert f"/m/{namespace}/kepler" in until(lines, f"/m/{namespace}/kepler")
        stage.put("kepler", plays.since(60), namespace)
        assert f"/m/{namespace}/kepler" not in until(lines, "None of")


@pytest.mark.parametrize(
    ("play", "verb", "confirmed", "came"),
    [
        (plays.under_way, "abort", "is rolled back", "RolledBack"),
        (plays.under_way, "promote", "gets 100 % of the traffic now", "Baking"),
        (plays.under_way, "pause", "takes no further step", "Paused"),
        (plays.paused, "resume", "Goes on after the pause", "Progressing"),
        (plays.turned_back, "retry", "its rollout starts anew, with 10 %", "Progressing"),
    ],
)
def test_a_command_says_what_it_will_do_and_does_it(
    stage: Stage,
    served: Page,
    namespace: str,
    play: plays.Play,
    verb: str,
    confirmed: str,
    came: str,
) -> None:
    stage.put("kepler", play(), namespace)
    client = served.opened()
    assert f"/ask/{verb}" in client.get(f"/m/{namespace}/kepler").text
    assert confirmed in client.get(f"/m/{namespace}/kepler/ask/{verb}").text
    done = client.post(f"/m/{namespace}/kepler/do/{verb}", headers=headers(client, served.origin))
    assert done.status_code == 200
    assert "Done" in done.text
    assert stage.worlds[namespace, "kepler"].status.phase == came
    assert stage.worlds[namespace, "kepler"].action.startswith(f"{verb}/")


def test_a_command_that_makes_no_sense_any_more_is_not_given(
    stage: Stage, served: Page, namespace: str
) -> None:
    stage.put("kepler", plays.since(60), namespace)
    client = served.opened()
    for answer in (
        client.get(f"/m/{namespace}/kepler/ask/abort"),
        client.post(f"/m/{namespace}/kepler/do/abort", headers=headers(client, served.origin)),
    ):
        assert answer.status_code == 409
        assert "would do nothing now" in answer.text
    missing = client.get(f"/m/{namespace}/nobody")
    assert (missing.status_code, "All ModelDeployments" in missing.text) == (404, True)
    assert stage.worlds[namespace, "kepler"].action == ""


def test_however_many_pages_are_open_each_question_is_asked_once_a_tick(
    own_stage: Stage, own_page: Page
) -> None:
    own_stage.put("kepler", plays.turned_back())
    client = own_page.opened()
    plots = re.findall(r'data-plot="([^"]+)"', client.get("/m/ml/kepler").text)
    assert len(plots) == 6
    got: list[int] = []

    def look() -> None:
        mine = own_page.opened()
        with events(mine, "/m/ml/kepler/events") as lines:
            until(lines, "event: plots")
        got.extend(mine.get(plot).status_code for plot in plots)
        mine.close()

    pages = [threading.Thread(target=look) for _ in range(20)]
    for page in pages:
        page.start()
    for page in pages:
        page.join(60)
    assert got == [200] * 120
    queries = {what: n for what, n in own_stage.asked.items() if what.startswith("/api/v1/query")}
    assert len(queries) >= len(plots)
    assert max(queries.values()) <= 2  # a tick may end in between
    assert own_stage.asked["watch"] == 1
    assert own_stage.asked["list"] == 2  # one to see whether it may be listed


def test_a_plot_has_lines_bound_band_steps_and_the_verdict(
    stage: Stage, served: Page, namespace: str
) -> None:
    stage.put("kepler", plays.turned_back(), namespace)
    client = served.opened()
    plot = client.get(f"/m/{namespace}/kepler/plots/errorRate").json()
    last = [plot[name][-1] for name in ("low", "candidate", "high")]
    assert last == sorted(last)
    assert plot["candidate"][-1] > 0.05 > plot["stable"][-1]
    assert plot["bound"][-1] == 0.05
    assert [mark["text"] for mark in plot["marks"]] == ["10 %", "Rejected"]
    assert len({len(plot[line]) for line in ("times", "candidate", "stable", "low")}) == 1


def test_an_older_rollout_has_its_own_address(stage: Stage, served: Page, namespace: str) -> None:
    stage.put("kepler", plays.turned_back(), namespace)
    client = served.opened()
    page = html.unescape(client.get(f"/m/{namespace}/kepler").text)
    older = re.findall(r'href="(/m/\S+rollout=[^"]+)"[^>]*>forest 2.0.0', page)
    assert len(older) == 1
    shown = html.unescape(client.get(older[0]).text)
    assert "forest 2.0.0 was promoted" in shown
    plot = re.search(r'data-plot="([^"]+/errorRate[^"]*)"', shown)
    assert plot is not None
    marks = [mark["text"] for mark in client.get(plot[1]).json()["marks"]]
    assert marks == ["10 %", "100 %", "Promoted"]


def test_an_api_server_that_is_away_is_told_of_and_comes_back(
    own_stage: Stage, own_page: Page
) -> None:
    own_stage.put("kepler", plays.under_way())
    client = own_page.opened()
    with events(client, "/list/events") as lines:
        until(lines, "kepler")
        own_stage.fall_silent()
        assert "no API server answers" in until(lines, "What is shown is as it was")
        own_stage.speak_again()
        own_stage.put("galileo", plays.since(60))
        assert "What is shown" not in until(lines, "/m/ml/galileo")
    assert "galileo" in eventually("the list", lambda: client.get("/").text)
    assert R2[:4] in client.get("/m/ml/kepler").text
    assert V2 in client.get("/m/ml/kepler").text
