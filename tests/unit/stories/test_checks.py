"""Checks before the first share: Jobs that must pass, and how they are built and read."""

from dataclasses import replace
from typing import Any

import pytest

from tests.unit.scenes import (
    R1,
    R2,
    V2,
    candidate,
    phase,
    rejected,
    rolling,
    rollout,
    run_until_weight,
    say,
    serving,
    update,
)
from tests.unit.world import World
from transit_operator.api.status import Phase
from transit_operator.core.decide import decide
from transit_operator.core.objects.build import Owner
from transit_operator.core.objects.checks import check_jobs, check_runs, leftover_jobs
from transit_operator.core.observed import CheckRun, Problem

OWNER = Owner("ml", "m", "uid-1")
TEMPLATE = {"spec": {"containers": [{"name": "load", "image": "load:1", "ports": [{}]}]}}
CHECKED = rollout(checks=[{"name": "load-test", "template": TEMPLATE, "timeout": "5m"}])


def checking(**overrides: Any) -> World:
    """Return a world in which the candidate's check runs."""
    world = serving(**CHECKED | overrides)
    update(world, V2, **CHECKED | overrides)
    world.run(30)
    assert candidate(world).checked_at is not None
    return world


def test_the_first_share_waits_for_the_check() -> None:
    world = checking()
    world.run(120)
    assert world.traffic == {R1: 100}
    assert "waiting for the checks load-test" in str(world.status.message)
    world.checks = {"load-test": CheckRun(True, "1000 requests, none failed")}
    run_until_weight(world, 10)
    assert candidate(world).checks[0].message == "1000 requests, none failed"


def test_a_failed_check_turns_the_candidate_back_without_a_share() -> None:
    world = checking()
    world.checks = {"load-test": CheckRun(False, "p99 was 4 s")}
    world.settle()
    assert rejected(world).reason == "Check"
    assert "load-test: p99 was 4 s" in rejected(world).message
    assert world.traffic == {R1: 100}
    assert phase(world) is Phase.ROLLED_BACK
    world.checks = {}
    say(world, "retry/1")
    world.run(30)
    assert candidate(world).checks[0].state == "Running", "it runs anew"


def test_a_check_without_a_result_has_an_end() -> None:
    world = checking()
    world.run(400)
    assert rejected(world).reason == "Check"
    assert "no result after 5m" in rejected(world).message


def test_why_there_is_no_job_is_told_at_once_and_in_the_end() -> None:
    world = checking()
    refused = Problem(
        "Refused", "the template of spec.rollout.checks 'load-test': 422 no such field"
    )
    while world.status.rejected is None:
        world.now += 15
        status = decide(replace(world.observed(), problem=refused)).status
        if status.candidate is not None:
            assert status.candidate.checks[0].state == "Running", "the template may be mended"
            assert "422 no such field" in status.candidate.checks[0].message
        world.status = status
    assert "no result after 5m, no Job yet: the template" in rejected(world).message


def test_a_person_may_go_on_without() -> None:
    world = checking()
    say(world, "promote/1")
    assert world.traffic == {R1: 90, R2: 10}


def test_without_checks_nothing_waits() -> None:
    assert rolling(10).status.candidate is not None


def job(world: World) -> dict[str, Any]:
    (made,) = check_jobs(OWNER, world.spec, world.status).values()
    return made


def test_the_job_has_the_template_and_the_candidates_address() -> None:
    made = job(checking())
    container = made["spec"]["template"]["spec"]["containers"][0]
    assert container["image"] == "load:1"
    assert {"name": "TRANSIT_CANDIDATE_URL", "value": f"http://m-{R2}.ml"} in container["env"]
    assert "ports" not in container
    assert made["spec"]["activeDeadlineSeconds"] == 300
    assert made["spec"]["template"]["spec"]["restartPolicy"] == "Never"
    labels = made["spec"]["template"]["metadata"]["labels"]
    assert "transit.dev/revision" not in labels, "no Service must send to it"


def test_its_pods_pass_for_no_server_whatever_the_template_says() -> None:
    """As one that an API server took before it refused such labels."""
    said = {"transit.dev/revision": R1, "transit.dev/x": "y", "app.kubernetes.io/version": R1}
    template = {**TEMPLATE, "metadata": {"labels": {**said, "team": "ml"}}}
    made = job(checking(**rollout(checks=[{"name": "load-test", "template": template}])))
    labels = made["spec"]["template"]["metadata"]["labels"]
    assert not said.keys() & labels.keys()
    assert labels["team"] == "ml"
    assert labels["app.kubernetes.io/name"] == "transit-check"


@pytest.mark.parametrize(("kind", "passed"), [("Complete", True), ("Failed", False)])
def test_its_end_and_its_last_line_are_read(kind: str, passed: bool) -> None:
    world = checking()
    made = job(world) | {"status": {"conditions": [{"type": kind, "status": "True"}]}}
    name = made["metadata"]["name"]
    pod = {
        "metadata": {"name": "p", "labels": {"batch.kubernetes.io/job-name": name}},
        "status": {"containerStatuses": [{"state": {"terminated": {"message": "a\nlast\n"}}}]},
    }
    live = {("Job", name): made, ("Pod", "p"): pod}
    runs = check_runs(OWNER, world.spec, world.status, live)
    assert runs == {"load-test": CheckRun(passed, "last")}


def test_a_job_goes_when_nobody_asks_about_its_revision_any_more() -> None:
    world = checking()
    made = job(world)
    live = {("Job", made["metadata"]["name"]): made}
    assert leftover_jobs(live, world.status) == []
    world.checks = {"load-test": CheckRun(False)}
    world.settle()
    assert leftover_jobs(live, world.status) == [], "its logs may be looked at"
    update(world, "1.0.0")
    assert leftover_jobs(live, world.status) == [made["metadata"]["name"]]
