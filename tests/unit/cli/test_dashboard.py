"""The live page, its pure parts: commands that are offered, rows, plots, classes, bands."""

import pytest

from tests.unit.cli.seen import Object, seen
from tests.unit.scenes import (
    FAILING,
    R1,
    R2,
    UNREACHABLE,
    against,
    reasons,
    rolling,
    say,
    serving,
)
from tests.unit.world import World
from transit_cli.cluster.prometheus import direct
from transit_cli.cluster.watching import Away, Changed, Deleted, Everything
from transit_cli.dashboard.data.fleet import Fleet
from transit_cli.dashboard.listing import Filter, Listing
from transit_cli.dashboard.pages import Pages
from transit_cli.dashboard.plots import plot
from transit_cli.dashboard.steering import choices
from transit_cli.dashboard.visitor import Visitor
from transit_cli.rollout.explaining.chance import at_least, between
from transit_cli.rollout.explaining.classes import mixes
from transit_cli.rollout.explaining.curves import Series, Subject, curves
from transit_cli.rollout.explaining.timeline import Step, Timeline
from transit_cli.rollout.status.reading import read
from transit_operator.core.signals.statistics import surely_above

NOBODY = Visitor("", None)  # who may only look


def baking() -> World:
    return rolling(100)


def paused() -> World:
    world = rolling(10)
    say(world, "pause/1")
    return world


def turned_back() -> World:
    world = rolling(10)
    world.readings = against(FAILING)
    world.run(30)
    return world


def going_back() -> World:
    """A rollback at 100 % for which the standby has too few pods."""
    world = rolling(100, replicas=8)
    world.slow = True
    world.readings = against(FAILING)
    world.run(15)
    return world


def promoted() -> World:
    world = rolling(10)
    world.run(200)
    return world


def blind() -> World:
    world = rolling(10)
    world.readings = UNREACHABLE
    world.run(20)
    return world


@pytest.mark.parametrize(
    ("story", "verbs"),
    [
        (World, []),
        (serving, ["resolve"]),
        (rolling, ["pause", "promote", "promote-full", "abort", "resolve"]),
        (blind, ["pause", "promote", "promote-full", "abort", "resolve"]),
        (paused, ["resume", "promote", "promote-full", "abort", "resolve"]),
        (baking, ["pause", "promote", "abort", "resolve"]),
        (turned_back, ["retry", "resolve"]),
        (promoted, ["rollback", "resolve"]),
    ],
)
def test_commands_that_are_offered_are_those_the_operator_carries_out(
    story: type[World], verbs: list[str]
) -> None:
    mdep = seen(story())
    assert [one.verb for one in choices(mdep, read(mdep))] == verbs
    for one in choices(mdep, read(mdep)):
        world = story()
        say(world, f"{one.verb}/1")
        assert "CommandIgnored" not in reasons(world), one
        assert one.effect.endswith(".")


@pytest.mark.parametrize(
    ("story", "verb", "effect"),
    [
        (rolling, "promote", "forest 2.0.0 gets 50 % of the traffic now, in place of 10 %"),
        (baking, "promote", "forest 2.0.0 becomes the stable version now"),
        (rolling, "abort", "its 10 % of the traffic goes to forest 1.0.0"),
        (turned_back, "retry", "forest 2.0.0 was rolled back (ErrorRate)"),
        (promoted, "rollback", "forest 1.0.0 gets all traffic at once"),
    ],
)
def test_a_confirmation_says_what_will_happen(story: type[World], verb: str, effect: str) -> None:
    mdep = seen(story())
    (mine,) = [one for one in choices(mdep, read(mdep)) if one.verb == verb]
    assert effect in mine.effect


@pytest.fixture
def fleet() -> Fleet:
    return Fleet()


@pytest.fixture
def listing(fleet: Fleet) -> Listing:
    return Listing(fleet, Pages(), "a cluster")


def item(world: World, name: str = "kepler") -> Object:
    found = seen(world, name)
    found["metadata"]["uid"] = f"uid-of-{name}"
    return found


@pytest.mark.parametrize(
    ("story", "words"),
    [
        (serving, ("phase-Stable", "1.0.0")),
        (rolling, ("phase-Progressing", "1.0.0", "2.0.0", "10 %", "1 of 3")),
        (blind, ("1 of 3", "waits")),
        (baking, ("phase-Baking", "100 %")),
        (paused, ("phase-Paused",)),
        (turned_back, ("phase-RolledBack", "1.0.0")),
        (World, ("phase-Unknown", "kepler")),
    ],
)
def test_rows_of_the_list(
    fleet: Fleet, listing: Listing, story: type[World], words: tuple[str, ...]
) -> None:
    fleet.take(Everything((item(story()),)))
    page = listing.page(Filter(), NOBODY)
    assert page.count("/m/ml/kepler") == 1
    for word in words:
        assert word in page


def test_a_filter_takes_words_anywhere_and_a_phase(fleet: Fleet, listing: Listing) -> None:
    fleet.take(Everything((item(serving()), item(rolling(), "galileo"))))
    assert "kepler</a>" in listing.page(Filter("ML/KEP"), NOBODY)
    assert "galileo</a>" not in listing.page(Filter("ML/KEP"), NOBODY)
    assert "galileo</a>" in listing.page(Filter("2.0.0 forest"), NOBODY)
    assert "1 of 2:" in listing.page(Filter(phase="Progressing"), NOBODY)
    assert "None of 2" in listing.page(Filter(phase="Failed"), NOBODY)


def test_the_sum_has_what_the_operator_has_not_seen_yet(fleet: Fleet, listing: Listing) -> None:
    fleet.take(Everything((item(World()), item(serving(), "galileo"))))
    page = listing.page(Filter(), NOBODY)
    assert '1 Stable</span>, <span class="count">1 Unknown</span>' in page


def of(namespace: str) -> Object:
    found = seen(rolling(10), "kepler")
    found["metadata"] |= {"namespace": namespace, "uid": namespace}
    return found


def test_of_several_namespaces_each_is_listed_by_itself() -> None:
    fleet = Fleet(2)
    fleet.take(Everything((of("ml"),)), "ml")
    fleet.take(Away("no right"), "vision")
    assert not fleet.complete.is_set()
    fleet.take(Everything((of("vision"),)), "vision")
    assert fleet.complete.is_set()
    fleet.take(Away("no API server answers"), "ml")
    fleet.take(Changed(of("vision")), "vision")
    assert fleet.problem == "no API server answers", "the other one's news say nothing of it"
    fleet.take(Everything(()), "ml")
    assert [one.key for one in fleet.ordered()] == [("vision", "kepler")]
    assert fleet.problem == ""


def test_the_password_of_a_prometheus_is_not_shown() -> None:
    found = direct("http://me:secret@prometheus.example:9090/x", "namespace")
    assert found.where == "http://prometheus.example:9090/x"


def test_names_and_messages_are_never_markup(fleet: Fleet, listing: Listing) -> None:
    evil = item(rolling())
    evil["status"]["candidate"]["models"][0]["version"] = "<script>alert(1)</script>"
    fleet.take(Everything((evil,)))
    page = listing.page(Filter('"><script>'), NOBODY)
    assert "<script>" not in page
    assert "&lt;script&gt;" in listing.page(Filter(), NOBODY)


async def test_whoever_waits_is_told_of_each_change_once(fleet: Fleet) -> None:
    with fleet.waiting() as waiting:
        fleet.take(Everything((item(serving()),)))
        fleet.take(Changed(item(rolling())))
        assert await waiting.some(1) == {("ml", "kepler")}
        assert await waiting.some(0.01) == set()
        version = fleet.version
        fleet.take(Everything((item(rolling()),)))
        assert (await waiting.some(0.01), fleet.version) == (set(), version)
        fleet.take(Away("nobody answers"))
        assert waiting.woken.is_set()
        assert fleet.problem == "nobody answers"
        fleet.take(Deleted(item(rolling())))
        assert await waiting.some(1) == {("ml", "kepler")}
        assert (fleet.entries, fleet.problem) == ({}, "")


async def test_who_looks_at_one_is_not_woken_by_the_others(fleet: Fleet) -> None:
    with fleet.waiting(("ml", "kepler")) as waiting:
        fleet.take(Changed(item(serving(), "galileo")))
        assert not waiting.woken.is_set()
        fleet.take(Changed(item(serving())))
        assert await waiting.some(1) == {("ml", "kepler")}


@pytest.mark.parametrize("n", [1, 3, 20, 100, 900, 20_000])
@pytest.mark.parametrize("share", [0.0, 0.02, 0.06, 0.3, 1.0])
@pytest.mark.parametrize("bound", [0.01, 0.05, 0.2])
def test_a_band_is_beyond_a_bound_when_the_operator_is_sure(
    n: int, share: float, bound: float
) -> None:
    bad = round(n * share)
    low, high = between(bad, n)
    assert 0 <= low <= bad / n <= high <= 1
    if abs(at_least(bad, n, bound) - 0.01) > 1e-3:
        assert (low > bound) is surely_above(bad, n, bound)


def test_a_plot_has_a_band_where_there_are_counts() -> None:
    subject = Subject("ml", "kepler", R2, R1, 300)
    series = [
        Series({"revision": revision, "status": status}, ((100.0, value), (115.0, value)))
        for revision, status, value in (
            (R2, "success", 94.0),
            (R2, "error", 6.0),
            (R1, "success", 99.0),
            (R1, "error", 1.0),
        )
    ]
    found = curves("errorRate", subject, {}, 0.05, series)
    timeline = Timeline(revision=R2, started=100, steps=(Step(at=100, weight=10),), ended=115)
    drawn = plot(found, timeline)
    assert (drawn.unit, drawn.times, drawn.candidate) == ("share", [100, 115], [0.06, 0.06])
    assert drawn.stable == [0.01, 0.01]
    assert drawn.low[0] == pytest.approx(0.0183, abs=1e-3)
    assert drawn.high[0] == pytest.approx(0.140, abs=1e-3)
    assert [mark.text for mark in drawn.marks] == ["10 %"]
    assert drawn.summary == "candidate 6 %, stable 1 %, bound 5 %"
    assert curves("drift", subject, {}, 0.3, series).band == ()


def test_lines_of_different_times_have_gaps() -> None:
    subject = Subject("ml", "kepler", R2, R1, 300)
    series = [
        Series({"revision": R2}, ((100.0, 0.01),)),
        Series({"revision": R1}, ((115.0, 0.02),)),
    ]
    drawn = plot(curves("latency", subject, {}, 2.0, series), Timeline(revision=R2))
    assert (drawn.unit, drawn.times) == ("seconds", [100, 115])
    assert (drawn.candidate, drawn.stable) == ([0.01, None], [None, 0.02])
    assert drawn.bound == [None, 0.04]


def test_classes_are_shares_by_model_and_those_that_moved_most_are_shown() -> None:
    def one(revision: str, model: str, name: str, count: float) -> Series:
        labels = {"revision": revision, "model": model, "class": name}
        return Series(labels, ((100.0, count),))

    series = [one(R1, "cnn", str(i), 10) for i in range(20)]
    series += [one(R2, "cnn", str(i), 10 if i else 190) for i in range(20)]
    series += [one(R1, "forest", "a", 3), one("other", "forest", "b", 5)]
    cnn, forest = mixes(series, R2, R1)
    assert (cnn.model, len(cnn.shares), cnn.others) == ("cnn", 12, 8)
    assert (cnn.shares[0].name, cnn.shares[0].candidate, cnn.shares[0].stable) == ("0", 0.5, 0.05)
    assert [(s.name, s.candidate, s.stable) for s in forest.shares] == [("a", 0.0, 1.0)]


def test_a_retreat_can_be_hurried_or_turned_round() -> None:
    mdep = seen(going_back())
    assert mdep["status"].get("retreat"), mdep["status"]["phase"]
    assert [one.verb for one in choices(mdep, read(mdep))] == ["abort", "promote-full", "resolve"]
