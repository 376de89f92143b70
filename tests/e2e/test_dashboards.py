"""Every query of the dashboards and alerts on the real Prometheus, during a real rollout."""

import json
import re
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from dev.demo.play.scenarios import SCENARIOS, play
from dev.demo.play.stage import NAME, Stage
from tests.chart.queries import FILES, of_panel, of_rules, panels
from tests.support import eventually

# Panels that are empty while all is well: that their queries are understood is all there is to see.
QUIET = {
    "Accuracy by feedback",
    "Failed",
    "Refused for their key or rate",
    "Rollbacks",
    "Rolling out",  # it is paused
    "Turned back",
    "What is wrong",
}
SECONDS = 60.0
Ask = Callable[[str], list[dict[str, Any]]]


@pytest.fixture(scope="module")
def ask(stage: Stage) -> Iterator[Ask]:
    """Prometheus, while a candidate is paused at its first step."""
    play(stage, SCENARIOS[0])
    stage.ask_for("1.1.0")
    stage.until("a hold with data", lambda s: s.get("candidate", {}).get("heldSeconds", 0) > 0, 90)
    command = ("annotate", "mdep", NAME, "transit.dev/action=pause/dashboards")
    stage.kube("-n", stage.namespace, *command)
    stage.until("the pause", lambda s: s.get("phase") == "Paused", 30)
    with stage.kube.forward("monitoring", "service/prometheus", 9090) as port:

        def answer(query: str) -> list[dict[str, Any]]:
            url = f"http://127.0.0.1:{port}/api/v1/query?query={urllib.parse.quote(query)}"
            with urllib.request.urlopen(url, timeout=10) as page:
                found: list[dict[str, Any]] = json.load(page)["data"]["result"]
            return found

        yield answer


PANELS = [(file.stem, panel) for file in FILES for panel in panels(file)]


@pytest.mark.parametrize(("name", "panel"), PANELS, ids=[f"{f}-{p['title']}" for f, p in PANELS])
def test_a_panel_shows_something(stage: Stage, ask: Ask, name: str, panel: dict[str, Any]) -> None:
    for query in of_panel(panel, f"{stage.namespace}/{NAME}"):
        if panel["title"] in QUIET:
            ask(query)
        else:
            eventually(f"{name}, {panel['title']}: {query}", partial(ask, query), SECONDS, 1)


def test_candidate_and_stable_are_told_apart(stage: Stage, ask: Ask) -> None:
    (panel,) = [p for name, p in PANELS if (name, p["title"]) == ("modeldeployment", "Error rate")]
    (query,) = of_panel(panel, f"{stage.namespace}/{NAME}")

    def roles() -> bool:
        found = {(s["metric"]["role"], s["metric"]["version"]) for s in ask(query)}
        return found == {("stable", "1.0.0"), ("candidate", "1.1.0")}

    eventually("both roles, with their versions", roles, SECONDS, 1)


def test_an_alert_asks_for_what_servers_have(ask: Ask) -> None:
    for expression in of_rules().values():
        ask(expression)
        for name in re.findall(r"\b((?:model|prediction|predictions)_[a-z_]+)\{", expression):
            eventually(f"series of {name}", partial(ask, name), SECONDS, 1)
