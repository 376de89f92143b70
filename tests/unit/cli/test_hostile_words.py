"""What a model's author can write into a status reaches no terminal and no browser as commands."""

import io
import json
from typing import Any

import pytest
from rich.console import Console, RenderableType

from tests.unit.cli.seen import pods_of, seen
from tests.unit.scenes import R2, rolling
from transit_cli.cluster.decoding import decoded
from transit_cli.rollout.explaining.why import why
from transit_cli.rollout.status.reading import read
from transit_cli.screens import tree
from transit_cli.screens.answer import answer
from transit_cli.screens.page import page

HOSTILE = "\x1b]0;owned\x07 \x1b[2J \x9b31m \u202e [red]x[/red] <script>alert(1)</script>"


def drawn(renderable: RenderableType) -> str:
    file = io.StringIO()
    Console(file=file, width=400, force_terminal=False).print(renderable)
    return file.getvalue()


@pytest.fixture
def hostile() -> tuple[dict[str, Any], list[dict[str, Any]], float]:
    """A rollout as the API server sends it, whose server and Gateway say harmful things."""
    world = rolling(50)
    world.crash(R2)
    mdep, pods = seen(world), pods_of(world)
    status = mdep["status"]
    status["message"] = HOSTILE
    for said in (*status["signals"], *status["history"], *status["conditions"]):
        said["message"] = HOSTILE
    for container in (one for pod in pods for one in pod["status"]["containerStatuses"]):
        container["state"] = {"waiting": {"reason": HOSTILE, "message": HOSTILE}}
    sent = json.dumps([mdep, pods])
    mdep, pods = decoded(sent)
    return mdep, pods, world.now


def test_a_terminal_is_told_nothing(
    hostile: tuple[dict[str, Any], list[dict[str, Any]], float],
) -> None:
    mdep, pods, now = hostile
    text = drawn(tree.status(read(mdep, pods, now), {}, now))
    text += drawn(answer(why(mdep, None, now)))
    assert "[red]x[/red] <script>" in text
    assert not [one for one in text if one != "\n" and not one.isprintable()]


def test_a_page_has_no_script(
    hostile: tuple[dict[str, Any], list[dict[str, Any]], float],
) -> None:
    mdep, _, now = hostile
    text = page(mdep, why(mdep, None, now), [], [f"+ {HOSTILE}"])
    assert "&lt;script&gt;" in text
    assert "<script" not in text


def test_other_words_stay_as_they_are() -> None:
    said = {"a": ["Grüße\n\t1.5 µs", 3, None, True], "\u0434": {"x": "\u4f60\u597d"}}
    assert decoded(json.dumps(said)) == said
