"""`transit why`: the words for each reason, the timeline, what stood out; from real statuses."""

import math

import pytest

from tests.unit.cli.seen import seen
from tests.unit.measured import measured, predictions, with_only
from tests.unit.scenes import (
    FAILING,
    FLIPPED,
    R1,
    R2,
    REPLICAS_ROUTER,
    SLOW,
    UNREACHABLE,
    V1,
    V3,
    against,
    rolling,
    rollout,
    say,
    serving,
    update,
)
from tests.unit.world import World, good, spec
from transit_cli.rollout.explaining.chance import at_least, one_in
from transit_cli.rollout.explaining.curves import Curves, Series, Subject, curves, query
from transit_cli.rollout.explaining.differing import difference
from transit_cli.rollout.explaining.standouts import classes, pods_by_errors, pods_by_latency
from transit_cli.rollout.explaining.timeline import Timeline, chosen, timelines
from transit_cli.rollout.explaining.why import NoSuchRevision, Why, why
from transit_cli.screens.answer import rows
from transit_cli.screens.page import page
from transit_cli.screens.plot import plot
from transit_operator.core.observed import RevisionReadings
from transit_operator.core.signals.statistics import binomial_tail


def turned_back(candidate: RevisionReadings, **overrides: object) -> World:
    world = rolling(10, **overrides)
    world.readings = against(candidate)
    world.run(15)
    return world


def answer(world: World, wanted: str | None = None) -> Why:
    return why(seen(world), wanted, world.now)


@pytest.mark.parametrize(
    ("readings", "signal", "headline", "number", "passes"),
    [
        (
            FAILING,
            "errorRate",
            "too many of its predictions failed",
            "51 of 1000 predictions failed in 5m: 5.1 %",
            "at most 50 failures in 1000, or errorRate.max: 0.051",
        ),
        (
            SLOW,
            "latency",
            "it was too slow",
            "p95 was 21 ms in 5m, 2.10 times the stable's 10 ms",
            "p95 up to 20 ms, or latency.maxRatio: 2.1",
        ),
        (
            FLIPPED,
            "drift",
            "it predicts other classes than the stable version",
            "A 15% B 25% C 60% against A 60% B 25% C 15% of stable",
            "drift.maxKL: 0.62",
        ),
    ],
)
def test_why_it_was_turned_back(
    readings: RevisionReadings, signal: str, headline: str, number: str, passes: str
) -> None:
    found = answer(turned_back(readings))
    assert found.kind == "turned-back"
    assert found.headline == f"forest 2.0.0 was rolled back: {headline}"
    assert found.signal == signal
    assert found.explained is not None
    assert number in found.explained.number
    assert passes in found.explained.passes
    assert "15s after it was given 10 %" in found.facts[0]
    assert "transit retry kepler -n ml" in found.try_next


def test_rows_that_it_fails_on_are_held_against_the_stables() -> None:
    world = rolling(10, **REPLICAS_ROUTER)
    bad = with_only(good(), measured(predictions(800, input_error=200)))
    base = with_only(good(), measured(predictions(9900, input_error=100)))
    world.readings = against(bad, base)
    world.run(15)
    found = answer(world).explained
    assert found is not None
    assert found.number.startswith("200 of 1000 predictions failed in 5m: 20 %, rows that")
    assert found.number.endswith("the stable fails on 1 % so")
    assert found.against == "at most 5 % more than those may fail (errorRate.max)"
    assert found.passes == "at most 60 failures in 1000, or errorRate.max: 0.19"


def test_few_samples_say_how_sure_it_is() -> None:
    found = answer(turned_back(good(20, 10)))
    assert found.explained is not None
    assert "in 1 of 88,000,000 such windows" in found.explained.sure


def test_pods_that_never_came_up_have_no_numbers_but_a_cause() -> None:
    world = serving()
    world.broken.add(R2)
    world.spec = rolling(10).spec
    world.run(90)
    found = answer(world)
    assert found.headline.endswith("its pods never became ready")
    assert found.explained is not None
    assert "0 of 1 pods ready" in found.explained.number
    assert any("kubectl describe pod" in text for text in found.try_next)


def test_why_it_waits() -> None:
    world = rolling(10)
    world.readings = UNREACHABLE
    world.run(20)
    found = answer(world)
    assert found.kind == "waits"
    assert "waits for data: errorRate: Prometheus can't be reached" in found.headline


def test_too_few_samples_say_how_many_are_missing_and_what_would_do() -> None:
    world = rolling(10)
    world.readings = against(good(20))
    world.run(15)
    facts = "\n".join(answer(world).facts)
    assert "errorRate has 20 samples of 100 in 5m" in facts
    assert "100 take 25m: a window of 25m or minSamples: 20 would do" in facts


def test_a_signal_near_its_bound_is_told() -> None:
    world = rolling(10)
    world.readings = against(good(errors=40))
    world.run(15)
    found = answer(world)
    assert found.kind == "goes-on"
    assert any(text.startswith("errorRate has used 80 % of its bound") for text in found.facts)


def test_nothing_under_way_names_what_was_turned_back_before() -> None:
    world = turned_back(FAILING)
    world.readings = against(good())
    update(world, V3)
    world.run(300)
    found = answer(world)
    assert found.kind == "settled"
    assert found.try_next == (f"transit why kepler -n ml --revision {R2}",)


def test_what_does_not_serve_is_not_settled() -> None:
    world = World(spec=spec(V1))
    found = answer(world)
    assert (found.kind, found.headline) == ("waits", "the operator has not looked at it yet")
    assert found.try_next == ("kubectl describe -n ml mdep kepler",)
    world.broken = {R1}
    world.settle()
    assert answer(world).kind == "waits"
    world.run(3000, step=30.0)
    found = answer(world)
    assert (found.kind, found.headline) == ("failed", "forest 1.0.0: 0 of 3 pods ready")
    assert found.facts == ("Available False: no pod with traffic is ready",)
    assert found.try_next == (f"kubectl describe -n ml pod -l transit.dev/revision={R1}",)


def test_who_was_aborted_has_words_and_no_number() -> None:
    world = rolling(10)
    say(world, "abort/1")
    titles = dict(rows(answer(world)))
    assert titles["in words"] == "aborted by command"
    assert "the number" not in titles


def test_a_revision_of_the_history_by_hash_or_version() -> None:
    world = turned_back(FAILING)
    world.readings = against(good())
    update(world, V3)
    world.run(300)
    for wanted in (R2, R2[:4], "2.0.0"):
        assert answer(world, wanted).signal == "errorRate"
    assert answer(world, "3.0.0").kind == "promoted"
    with pytest.raises(NoSuchRevision, match=R2):
        answer(world, "9.9.9")


def test_the_timeline_of_a_rollout() -> None:
    world = rolling(50)
    world.readings = against(FAILING)
    world.run(15)
    (one,) = timelines(seen(world))
    assert (one.revision, one.end, one.models) == (R2, "Rejected", "forest 2.0.0")
    assert [step.weight for step in one.steps] == [10, 50]
    assert one.started is not None
    assert one.ended is not None
    assert one.started < one.steps[0].at < one.steps[1].at <= one.ended
    assert one.evidence is not None
    assert chosen([one], "1.0.0") is None


def test_a_rollout_that_goes_on_has_no_end() -> None:
    (one,) = timelines(seen(rolling(10, **rollout())))
    assert one.end is None


@pytest.mark.parametrize(
    ("errors", "n", "share"),
    [(51, 1000, 0.05), (10, 20, 0.05), (0, 5, 0.1), (3, 3, 0.2), (6, 5, 0.5)],
)
def test_chance_is_the_operators(errors: float, n: float, share: float) -> None:
    assert math.isclose(at_least(errors, n, share), binomial_tail(errors, n, share), rel_tol=1e-9)


@pytest.mark.parametrize(
    ("chance", "text"),
    [(0.46, "46 % of"), (0.00043, "1 of 2,300"), (1e-12, "less than 1 of 1,000,000,000")],
)
def test_chances_for_people(chance: float, text: str) -> None:
    assert one_in(chance) == text


def test_pods_that_stood_out() -> None:
    alone = {"p-0": (40.0, 100.0), "p-1": (1.0, 100.0), "p-2": (2.0, 100.0)}
    assert pods_by_errors(alone) == ["p-0: 40 % failed, of the others 1.5 %"]
    alike = {"p-0": (20.0, 100.0), "p-1": (22.0, 100.0)}
    assert pods_by_errors(alike) == ["no pod alone: all 2 have about the same share"]
    assert pods_by_errors({}) == []
    slow = {"p-0": 0.5, "p-1": 0.01, "p-2": 0.012}
    assert pods_by_latency(slow) == ["p-0: 500 ms, half of them 12 ms"]


def test_classes_that_stood_out() -> None:
    assert classes({"A": 10, "B": 90}, {"A": 60, "B": 40}) == [
        "class B: 40 % of the stable's predictions, 90 % of the candidate's",
        "class A: 60 % of the stable's predictions, 10 % of the candidate's",
    ]
    assert classes({"A": 10}, {}) == []


@pytest.mark.parametrize("share", [n / 997 for n in range(600, 990, 7)])
def test_of_two_classes_that_moved_alike_the_one_that_gained_comes_first(share: float) -> None:
    """Where there are two, both always move by the same, but for the last digit of a float."""
    found = classes({"Z": 0.31 * share, "A": 0.31 * (1 - share)}, {"Z": 0.5, "A": 0.5})
    assert [line[: len("class Z")] for line in found] == ["class Z", "class A"]


SUBJECT = Subject("ml", "kepler", "new", "old", 300.0)


def test_queries_are_those_of_the_evaluations() -> None:
    text = query("errorRate", SUBJECT, {})
    assert text == (
        'sum by (revision, status) (increase(predictions_total{model_deployment="ml/kepler",'
        ' namespace="ml", revision=~"new|old"}[300000ms]) and predictions_total{'
        'model_deployment="ml/kepler", namespace="ml", revision=~"new|old"})'
    )
    assert query("latency", SUBJECT, {"latency": {"quantile": 0.9}}).startswith(
        "histogram_quantile(0.9, sum by (revision, le)"
    )
    assert "transit_signal_value" in query("drift", SUBJECT, {})


def counted() -> list[Series]:
    def series(revision: str, status: str, *values: float) -> Series:
        points = tuple((float(at), value) for at, value in enumerate(values))
        return Series({"revision": revision, "status": status}, points)

    return [
        series("new", "success", 90, 80),
        series("new", "error", 10, 20),
        series("old", "success", 100, 100),
        series("old", "invalid", 5, 5),
    ]


def test_counts_become_shares() -> None:
    found = curves("errorRate", SUBJECT, {}, 0.05, counted())
    assert found.candidate == ((0.0, 0.1), (1.0, 0.2))
    assert found.stable == ((0.0, 0.0), (1.0, 0.0))
    assert found.bound == ((0.0, 0.05), (1.0, 0.05))
    by_input = [
        Series({"revision": "new", "status": "input_error"}, ((0.0, 25.0),)),
        Series({"revision": "old", "status": "input_error"}, ((0.0, 25.0),)),
    ]
    both = curves("errorRate", SUBJECT, {}, 0.05, [*counted(), *by_input])
    assert (both.candidate[0], both.stable[0]) == ((0.0, 0.28), (0.0, 0.2))
    assert both.bound[0] == (0.0, 0.25), "the stable's share of them is allowed on top"
    invalid = curves("invalid", SUBJECT, {}, 0.05, counted())
    assert invalid.stable[0][1] == pytest.approx(5 / 105)
    assert invalid.bound[0][1] == pytest.approx(5 / 105 + 0.05)


@pytest.mark.parametrize("signal", ["errorRate", "latency", "drift", "custom/queue"])
def test_what_is_no_number_is_in_no_curve(signal: str) -> None:
    points = ((0.0, 1.0), (1.0, math.nan), (2.0, math.inf), (3.0, 2.0))
    found = curves(
        signal, SUBJECT, {}, 2.0, [Series({"revision": "new", "status": "success"}, points)]
    )
    assert [at for at, _ in found.candidate] == [0.0, 3.0]
    assert all(
        math.isfinite(number) for line in (found.bound, found.band) for p in line for number in p
    )


def drawn() -> tuple[Curves, Timeline, World]:
    world = rolling(50)
    world.readings = against(FAILING)
    world.run(15)
    (timeline,) = timelines(seen(world))
    assert timeline.started is not None
    at = [timeline.started + second for second in range(0, 90, 5)]
    lines = Curves(
        signal="errorRate",
        candidate=tuple((time, 0.051 * n / 18) for n, time in enumerate(at)),
        stable=tuple((time, 0.01) for time in at),
        bound=((at[0], 0.05), (at[-1], 0.05)),
    )
    return lines, timeline, world


@pytest.mark.parametrize("colours", [True, False])
def test_a_plot_has_the_steps_and_the_verdict_in_its_legend(colours: bool) -> None:
    lines, timeline, _ = drawn()
    text = plot(lines, timeline, 100, colours=colours).plain
    assert "stable (dots) 1 %   bound 5 %" in text
    assert "10 % at 15s, 50 % at 45s; Rejected at 1m" in text
    assert max(map(len, text.splitlines())) <= 100
    assert "\x1b" not in text


def test_a_page_is_whole_and_loads_nothing() -> None:
    lines, _, world = drawn()
    found = answer(world)
    diff = ["--- stable", "+++ candidate", "-  image: a<b", "+  image: c"]
    text = page(seen(world), found, [lines], diff)
    assert text.startswith("<!doctype html>")
    assert "<svg" in text
    assert "StepReached" in text
    assert "image: a&lt;b" in text
    for outside in ("http://", "https://", "<script", "<link", "@import", "url("):
        assert outside not in text
    assert "No plots" in page(seen(world), found, [], [])


def test_the_difference_of_two_records() -> None:
    lines = difference({"image": "a", "models": [1]}, {"image": "b", "models": [1]})
    assert "-image: a" in lines
    assert "+image: b" in lines
    assert difference({}, {"image": "b"}) == []


def test_one_that_is_tried_again_has_a_timeline_of_its_own() -> None:
    world = turned_back(FAILING)
    world.readings = against(good())
    world.action = "retry/1"
    world.run(5)
    world.run(60)
    first, second = timelines(seen(world))
    assert (first.revision, first.end, second.revision) == (R2, "Rejected", R2)
    assert [event.reason for event in second.events][:2] == ["Retried", "RolloutStarted"]


def test_a_long_rollout_that_the_history_has_forgotten_is_known_by_its_status() -> None:
    world = rolling(10)
    world.run(15)
    mdep = seen(world)
    mdep["status"]["history"] = []
    found = why(mdep, None, world.now)
    assert found.timeline is not None
    assert found.timeline.started is not None


def test_after_the_command_rollback_it_says_who_decided() -> None:
    world = rolling(100)
    world.run(90)
    world.action = "rollback/1"
    world.run(120)
    found = answer(world)
    assert found.kind == "turned-back"
    assert found.headline.startswith("forest 2.0.0 was rolled back: rolled back to ")
