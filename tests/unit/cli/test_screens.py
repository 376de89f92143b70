"""What `transit get` and `transit status` draw: the words that a person needs, in plain text."""

import io

import pytest
from rich.console import Console, RenderableType

from tests.unit.cli.seen import pods_of, seen
from tests.unit.scenes import FAILING, R1, R2, UNREACHABLE, against, rolling, serving
from tests.unit.world import World
from transit_cli.rollout.status.reading import read
from transit_cli.rollout.status.trend import Trend
from transit_cli.screens import tree
from transit_cli.screens.lines import Lines
from transit_cli.screens.listing import listing
from transit_cli.screens.spark import spark


def drawn(renderable: RenderableType, *, terminal: bool = False) -> str:
    file = io.StringIO()
    Console(file=file, width=200, force_terminal=terminal, color_system=None).print(renderable)
    return file.getvalue()


def screen(world: World) -> str:
    trend = Trend()
    trend.see(seen(world))
    found = read(seen(world), pods_of(world), world.now)
    return drawn(tree.status(found, trend.numbers, world.now))


def test_a_rollout_as_a_tree() -> None:
    world = rolling(10)
    world.run(15)
    text = screen(world)
    for part in (
        "ml/kepler  Progressing",
        "candidate forest 2.0.0",
        R2,
        "10 %",
        "stable    forest 1.0.0",
        R1,
        "90 %",
        f"● kepler-{R2}-0  ready",
        "10 % held 15s of 30s",
        "15s left, 1m45s to the end",
        "errorRate  Pass",
        "1.00x, bound 2.00x",
        "StepReached",
    ):
        assert part in text


def test_a_rollback_says_why() -> None:
    world = rolling(10)
    world.readings = against(FAILING)
    world.run(15)
    text = screen(world)
    assert "RolledBack" in text
    assert "errorRate  Fail  5.1 %  bound 5 %" in text
    assert "forest 2.0.0 was rolled back, ErrorRate: error rate 5.1%" in text


def test_a_sick_pod_says_what_is_wrong_with_it() -> None:
    world = rolling(50)
    world.crash(R2)
    assert f"○ kepler-{R2}-0  not ready  1 restart  node-1, 6m40s  CrashLoopBackOff" in screen(
        world
    )


def test_without_data_it_says_so() -> None:
    world = rolling(10)
    world.readings = UNREACHABLE
    world.run(20)
    text = screen(world)
    assert "waits for data: errorRate: Prometheus can't be reached" in text
    assert "MetricsAvailable False, PrometheusUnreachable" in text


def test_no_escape_codes_but_on_a_terminal() -> None:
    assert "\x1b" not in screen(rolling(10))


def test_the_list_shows_versions() -> None:
    worlds = {"a": serving(), "b": rolling(50)}
    rows = [read(seen(world, name)) for name, world in worlds.items()]
    now = worlds["b"].now
    lines = drawn(listing(rows, everywhere=True, wide=False, now=now)).splitlines()
    assert lines[0].split() == [
        *("NAMESPACE", "NAME", "PHASE", "STABLE", "CANDIDATE", "WEIGHT", "STEP", "AGE"),
    ]
    assert lines[1].split() == ["ml", "a", "Stable", "1.0.0", "1d1h"]
    assert lines[2].split() == [
        *("ml", "b", "Progressing", "1.0.0", "2.0.0", "█████░░░░░", "50", "%", "2/3", "1d1h"),
    ]
    wide = drawn(listing(rows, everywhere=False, wide=True, now=now))
    assert R1 in wide
    assert R2 in wide


def test_lines_of_a_log_tell_each_thing_once() -> None:
    lines, world = Lines(), rolling(10)
    told: list[str] = []

    def look() -> None:
        told.extend(lines.new(read(seen(world), pods_of(world), world.now)))

    look()
    look()
    world.run(45, step=15)
    look()
    world.readings = against(FAILING)
    world.run(15)
    look()
    look()
    assert told[0].startswith("Progressing: step 1 of 3")
    text = "\n".join(told)
    for once in (
        "StepReached: step 2 of 3",
        "Rejected: ErrorRate",
        "RolledBack:",
        "errorRate Fail",
    ):
        assert text.count(once) == 1
    assert "step 1 of 3: 10 % for" not in text  # it was before the watch began


@pytest.mark.parametrize(
    ("numbers", "top", "text"),
    [
        ([], None, ""),
        ([0, 0], None, "▁▁"),
        ([0, 0.5, 1], 1, "▁▅█"),
        ([9], 1, "█"),
        (range(100), None, "▇▇▇▇████████"),
    ],
)
def test_sparks(numbers: list[float], top: float | None, text: str) -> None:
    assert spark(numbers, top) == text


def test_a_trend_has_each_evaluation_once() -> None:
    trend, world = Trend(), rolling(10)
    for _ in range(3):
        trend.see(seen(world))
    before = len(trend.numbers.get("errorRate", []))
    world.run(15)
    trend.see(seen(world))
    trend.see(seen(world))
    assert len(trend.numbers["errorRate"]) == before + 1
