"""Two signals for what servers don't call an error: wrong requests, and some that never come."""

import random

import pytest

from tests.unit.measured import latencies, measured, predictions, with_only, without
from tests.unit.scenes import (
    R1,
    V2,
    against,
    candidate,
    rejected,
    rolling,
    rollout,
    run_until_weight,
)
from tests.unit.world import good, spec
from transit_operator.api.analysis import Analysis
from transit_operator.api.status import Baseline, ModelBaseline, Verdict
from transit_operator.core.observed import Readings, RevisionReadings, Route
from transit_operator.core.signals.evidence import Given, Input
from transit_operator.core.signals.invalid import InvalidSignal
from transit_operator.core.signals.statistics import surely_larger
from transit_operator.core.signals.traffic import TrafficSignal

PASS, FAIL, NO_DATA = Verdict.PASS, Verdict.FAIL, Verdict.NO_DATA
NOW = 1_000_000_000.0
NOTHING = RevisionReadings()
KEPT = Baseline(
    models={"forest": ModelBaseline(invalid=0, requests=5000)}, time="2026-01-01T00:00:00Z"
)


def seen(
    success: float, invalid: float, model: str = "forest", **others: float
) -> RevisionReadings:
    return measured(predictions(success, invalid=invalid, model=model, **others))


@pytest.mark.parametrize(
    ("mine", "base", "kept", "verdict"),
    [
        pytest.param(seen(100, 900), seen(9000, 0), None, FAIL, id="a changed schema"),
        pytest.param(seen(0, 10), seen(900, 0), None, FAIL, id="a first share, all invalid"),
        pytest.param(seen(0, 2), seen(900, 0), None, NO_DATA, id="two may be one client"),
        pytest.param(seen(100, 900), seen(1000, 9000), None, PASS, id="both see the mistakes"),
        pytest.param(seen(950, 50), seen(9000, 0), None, PASS, id="exactly the limit"),
        pytest.param(seen(470, 30), seen(9000, 0), None, NO_DATA, id="over, perhaps by chance"),
        pytest.param(seen(900, 100), seen(9000, 0), None, FAIL, id="ten percent more"),
        pytest.param(seen(9390, 610), seen(9000, 0), None, NO_DATA, id="plenty, just over"),
        pytest.param(seen(9000, 1000), seen(9000, 0), None, FAIL, id="plenty, and sure"),
        pytest.param(seen(99, 0), seen(9000, 0), None, NO_DATA, id="too few to pass"),
        pytest.param(seen(1000, 0), seen(3, 0), None, PASS, id="none needs no baseline"),
        pytest.param(seen(100, 900), NOTHING, None, NO_DATA, id="nothing to compare with"),
        pytest.param(seen(100, 900), NOTHING, KEPT, FAIL, id="at 100 % the kept share counts"),
        pytest.param(NOTHING, seen(9000, 0), None, NO_DATA, id="no requests"),
        pytest.param(
            seen(500, 0, refused=500), seen(9000, 0), None, PASS, id="a refusal is not invalid"
        ),
    ],
)
def test_invalid(
    mine: RevisionReadings, base: RevisionReadings, kept: Baseline | None, verdict: Verdict
) -> None:
    found = InvalidSignal().judge(Input(Analysis(), Readings(mine, base), NOW, kept))
    assert found.verdict is verdict, found.message


def test_a_rare_model_with_another_schema_fails_by_name() -> None:
    mine = measured(predictions(10_000, model="cnn"), predictions(0, invalid=60, model="xgb"))
    base = measured(predictions(90_000, model="cnn"), predictions(540, model="xgb"))
    found = InvalidSignal().judge(Input(Analysis(), Readings(mine, base), NOW))
    assert found.verdict is FAIL
    assert found.message.startswith("xgb: ")


def test_a_difference_of_shares_is_rarely_sure_where_there_is_none() -> None:
    rng = random.Random(5)
    sure = 0
    for _ in range(2000):
        n, m, share = rng.choice([10, 50, 200]), rng.choice([50, 500]), rng.choice([0.0, 0.2, 0.5])
        mine = sum(rng.random() < share + 0.05 for _ in range(n))
        base = sum(rng.random() < share for _ in range(m))
        sure += surely_larger((mine, n), (base, m), 0.05)
    assert sure <= 20


def test_a_changed_schema_is_turned_back_at_the_first_share() -> None:
    world = rolling(10)
    world.readings = against(seen(0, 30))
    world.run(15)
    assert rejected(world).reason == "Invalid"
    assert world.traffic == {R1: 100}


def test_at_100_percent_it_is_compared_with_what_was_kept() -> None:
    world = rolling(100)
    world.readings = Readings(with_only(good(), seen(500, 500)))
    world.run(15)
    assert rejected(world).reason == "Invalid"


def arrived(requests: float, invalid: float = 0) -> RevisionReadings:
    return measured(
        predictions(requests, invalid=invalid),
        latencies(0.01, 0.005, requests) if requests else {},
    )


BATCHES = measured(predictions(20_000), latencies(0.01, 0.005, 20))


@pytest.mark.parametrize(
    ("mine", "base", "share", "age", "exact", "verdict"),
    [
        pytest.param(arrived(0), arrived(20_000), 10, 600, True, FAIL, id="nothing comes"),
        pytest.param(arrived(3), arrived(20_000), 10, 600, True, FAIL, id="testers only"),
        pytest.param(arrived(2200), arrived(20_000), 10, 600, True, PASS, id="its share comes"),
        pytest.param(arrived(400), arrived(20_000), 10, 600, True, PASS, id="less, but it comes"),
        pytest.param(arrived(0, 2200), arrived(20_000), 10, 600, True, PASS, id="all invalid came"),
        pytest.param(arrived(0), arrived(20_000), 10, 20, True, NO_DATA, id="just given"),
        pytest.param(arrived(0), arrived(20_000), 10, 149, True, NO_DATA, id="not yet to be seen"),
        pytest.param(arrived(0), arrived(20_000), 10, 200, True, FAIL, id="a window half over"),
        pytest.param(arrived(0), arrived(800), 10, 600, True, NO_DATA, id="less than a hundred"),
        pytest.param(arrived(0), BATCHES, 10, 600, True, NO_DATA, id="few requests of many rows"),
        pytest.param(arrived(0), arrived(20_000), 0, 600, True, NO_DATA, id="no share"),
        pytest.param(arrived(0), arrived(20_000), 100, 600, True, NO_DATA, id="nothing to tell by"),
        pytest.param(arrived(0), arrived(20_000), 10, 400, False, NO_DATA, id="kept connections"),
        pytest.param(arrived(0), arrived(20_000), 10, 800, False, FAIL, id="nor later"),
    ],
)
def test_traffic(
    mine: RevisionReadings,
    base: RevisionReadings,
    share: int,
    age: float,
    exact: bool,
    verdict: Verdict,
) -> None:
    given = Given(share, NOW - age, exact)
    found = TrafficSignal().judge(Input(Analysis(), Readings(mine, base), NOW, given=given))
    assert found.verdict is verdict, found.message


def test_a_candidate_that_nobody_reaches_is_turned_back() -> None:
    world = rolling(10)
    world.readings = Readings(arrived(0), good(20_000))
    world.run(120)
    assert world.status.rejected is None, "requests of before the share are in the window, too"
    world.run(120)
    assert rejected(world).reason == "NoTraffic"
    assert world.traffic == {R1: 100}


SILENT = Route(None, "NotObserved", "Gateway public has not taken the last change of the route yet")
REFUSED = Route(False, "NoGateway", "no Gateway has taken the route")


@pytest.mark.parametrize("route", [SILENT, REFUSED], ids=["not taken yet", "not accepted"])
def test_a_share_that_no_gateway_gives_is_no_fault_of_the_candidate(route: Route) -> None:
    """Clients in the cluster go on asking the stable by its Service."""
    world = rolling(10)
    world.route = route
    world.readings = Readings(arrived(0), good(20_000))
    world.run(900)
    assert world.status.rejected is None
    assert route.message in str(world.status.message)
    metrics = next(c for c in world.status.conditions if c.type == "MetricsAvailable")
    assert (metrics.reason, route.message in metrics.message) == ("RouteNotTaken", True)
    world.route = Route(True)
    world.run(15)
    assert rejected(world).reason == "NoTraffic"


def test_no_weight_counts_as_reached_on_a_route_that_is_refused() -> None:
    world = rolling(10)
    world.route = REFUSED
    world.settle()
    reached = next(c for c in world.status.conditions if c.type == "WeightReached")
    assert (reached.status, reached.reason) == ("False", "RouteNotAccepted")


def test_whoever_scrapes_no_buckets_is_told_so_and_traffic_is_seen_all_the_same() -> None:
    world = rolling(10)
    world.readings = against(*[without(good(), "latencies")] * 2)
    world.run(15)
    said = {e.signal: e for e in world.status.signals}
    assert "no buckets of prediction_latency_seconds_bucket" in said["latency"].message
    assert said["traffic"].verdict is PASS
    world.spec = spec(V2, **rollout(analysis={"latency": {"mode": "Off"}}))
    run_until_weight(world, 100)


def test_a_quiet_service_is_not_blamed_on_its_candidate() -> None:
    world = rolling(10)
    world.readings = Readings(arrived(0), good(200))
    world.run(7200)
    assert world.status.rejected is None
    assert candidate(world).weight == 10


def test_a_window_that_runs_dry_at_100_percent_is_no_fault() -> None:
    world = rolling(10)
    run_until_weight(world, 100)
    world.readings = Readings(arrived(0), good(20_000))
    world.run(600)
    assert world.status.rejected is None


def test_bursts_of_requests_that_go_one_way_are_no_fault() -> None:
    """In bunches of twenty, each to one revision: fewer than one window of a hundred fails."""
    rng = random.Random(9)
    fails = 0
    for _ in range(500):
        bunches = [rng.random() < 0.1 for _ in range(60)]
        mine, base = 20 * sum(bunches), 20 * (60 - sum(bunches))
        given = Given(10, NOW - 3600)
        said = Readings(arrived(mine), arrived(base))
        found = TrafficSignal().judge(Input(Analysis(), said, NOW, given=given))
        fails += found.verdict is FAIL
    assert fails <= 5
