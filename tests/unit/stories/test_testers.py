"""Whom `traffic.candidateHeader` leads to, and what that is not: a weight."""

from typing import Any

import pytest

from tests.unit.scenes import R1, R2, R3, V1, V2, V3, candidate, phase, say, serving, update
from tests.unit.world import STEPS, World, spec
from transit_operator.api.status import Phase
from transit_operator.core.objects.build import Object, Owner
from transit_operator.routers import for_spec

HEADER = {"name": "X-Transit", "value": "candidate"}
OWNER = Owner("ml", "kepler", "uid-1")
A, B = "aaaaaaaaaa", "bbbbbbbbbb"


def routed(**gateway: Any) -> dict[str, Any]:
    whole = {"parentRefs": [{"name": "public"}], **gateway}
    return {"traffic": {"router": "gateway", "gateway": whole, "candidateHeader": HEADER}}


def at_zero() -> dict[str, Any]:
    steps = [{"weight": 0, "hold": "1h", "approval": True}, *STEPS]
    return routed() | {"rollout": {"steps": steps, "progressDeadline": "60s"}}


def rules(weights: dict[str, int], testers: str | None, **gateway: Any) -> list[Object]:
    router = for_spec(spec(**routed(**gateway)))
    route = router.objects(OWNER, weights, None, testers)[0]
    found: list[Object] = route["spec"]["rules"]
    assert router.testers(OWNER, {("HTTPRoute", "kepler"): route}) == testers
    assert router.weights(OWNER, {("HTTPRoute", "kepler"): route}, {}) == weights
    return found


def test_a_rule_of_their_own_leads_to_the_candidate() -> None:
    main, testers = rules({A: 90, B: 10}, B)
    assert main["matches"] == [{"path": {"type": "PathPrefix", "value": "/"}}]
    (match,) = testers["matches"]
    assert match["path"] == main["matches"][0]["path"]
    assert match["headers"] == [{"type": "Exact", **HEADER}]
    (backend,) = testers["backendRefs"]
    assert (backend["name"], backend["weight"]) == (f"kepler-{B}", 100)


def test_without_a_candidate_it_leads_where_all_others_go() -> None:
    main, testers = rules({A: 100}, None)
    assert testers["backendRefs"] == main["backendRefs"]


def test_what_else_a_request_must_have_goes_for_testers_too() -> None:
    given: list[dict[str, Any]] = [
        {"method": "POST", "headers": [{"name": "x-team", "value": "a"}]},
        {"headers": [{"name": "x-transit", "value": "mine"}]},
    ]
    filters = [{"type": "ExtensionRef", "extensionRef": {"group": "g", "kind": "K", "name": "n"}}]
    main, testers = rules({A: 100}, B, matches=given, filters=filters, timeouts={"request": "9s"})
    assert [m.get("method") for m in testers["matches"]] == ["POST", None]
    assert testers["matches"][0]["headers"][1:] == given[0]["headers"]
    assert testers["matches"][1]["headers"] == [{"type": "Exact", **HEADER}]
    for field in ("filters", "timeouts"):
        assert testers[field] == main[field]


def test_there_is_no_such_rule_unless_it_is_asked_for() -> None:
    (route, _) = for_spec(spec()).objects(OWNER, {A: 90, B: 10}, A, B)
    assert len(route["spec"]["rules"]) == 1


def test_testers_reach_the_candidate_at_zero_percent_when_it_is_ready() -> None:
    world = serving(**at_zero())
    assert world.testers is None
    world.slow = True
    update(world, V2, **at_zero())
    world.run(10)
    assert (world.testers, world.traffic) == (None, {R1: 100})
    world.start(R2)
    world.run(10)
    assert world.testers == R2
    assert world.traffic == {R1: 100}
    assert world.status.testers == R2
    assert (world.status.weight, candidate(world).weight) == (0, 0)


def test_without_a_ready_pod_testers_get_what_all_others_get() -> None:
    world = serving(**at_zero())
    update(world, V2, **at_zero())
    world.run(10)
    assert world.testers == R2
    world.pods[R2] = tuple(type(p)(p.name, ready=False) for p in world.pods[R2])
    world.settle()
    assert world.testers is None


@pytest.mark.parametrize("how", ["abort", "newer"])
def test_testers_leave_first_and_the_pods_go_after_the_drain(how: str) -> None:
    world = serving(**at_zero())
    update(world, V2, **at_zero())
    world.run(10)
    assert world.testers == R2
    if how == "abort":
        say(world, "abort/1")
        assert phase(world) is Phase.ROLLED_BACK
    else:
        update(world, V3, **at_zero())
        assert candidate(world).revision == R3
    assert world.testers != R2
    assert R2 in world.pods, "requests of testers are still under way"
    world.run(15)
    assert R2 not in world.pods


def test_at_a_hundred_percent_all_is_as_without() -> None:
    """The standby shrinks, and the promotion happens."""
    world = serving(**routed())
    update(world, V2, **routed())
    world.run(110)
    assert world.traffic == {R2: 100}
    assert world.testers is None
    assert len(world.pods[R1]) == 2, "half of three, rounded up"
    world.run(120)
    assert (phase(world), world.status.stable and world.status.stable.revision) == (
        Phase.STABLE,
        R2,
    )


def test_testers_change_no_weight_on_the_way() -> None:
    """The same rollout, with and without testers."""

    def weights(**more: Any) -> list[dict[str, int]]:
        world = World(spec=spec(V1, **more))
        world.settle()
        world.spec = spec(V2, **more)
        seen = []
        for _ in range(80):
            world.run(5)
            seen.append(dict(world.traffic))
        return seen

    plain = {"traffic": {k: v for k, v in routed()["traffic"].items() if k != "candidateHeader"}}
    assert weights(**routed()) == weights(**plain)
