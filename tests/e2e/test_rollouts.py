"""Whole rollouts, as `make demo` shows them: good versions go to 100 %, bad ones are rolled back.

Given a version that serves, when the spec asks for another, then it ends as it must, the stable
version has all traffic after it, and no request failed but the bad one's own. The tests build on
each other, in the order of the file.
"""

import pytest

from dev.client.kube import Kube
from dev.demo.play.scenarios import PROMOTED, SCENARIOS, Scenario, play
from dev.demo.play.stage import NAME, Stage, reached
from tests.command_line import Cli
from transit_cli.rollout.status.times import epoch, seconds

SCRAPE_SECONDS = 2.0
ANALYSIS_SECONDS = 2.0
# For a busy machine; `make bench-rollback` has the figure.
ALLOWANCE_SECONDS = 20.0
# Replay sees pods by scrapes and decides at evaluations: each step may come one of them later.
EVALUATIONS_APART = 5
BY_FIGURES = [one for one in SCENARIOS if one.ends in (PROMOTED, "ErrorRate", "Latency", "Drift")]
BY_PODS = [one for one in SCENARIOS if one.ends in ("NotReady", "Health")]


def named(scenario: Scenario) -> str:
    return f"{scenario.name}-ends-{scenario.ends}"


@pytest.mark.parametrize("scenario", [SCENARIOS[0], *BY_FIGURES], ids=named)
def test_ends_as_it_must(
    stage: Stage, scenario: Scenario, capsys: pytest.CaptureFixture[str]
) -> None:
    result = play(stage, scenario)

    assert result.tally.others == []
    if scenario.ends == "ErrorRate":
        took = result.measured["fromEnoughEvidence"]
        with capsys.disabled():
            print(f"\n  error-rate rollback: weight 0 after {took:.2f} s from enough evidence")
        assert took <= SCRAPE_SECONDS + ANALYSIS_SECONDS + ALLOWANCE_SECONDS


def test_replay_of_what_was_recorded_gives_the_transitions_that_happened(
    stage: Stage, operator: Kube
) -> None:
    """The same policy decides the same, at the same weights: nothing of `decide` is copied.

    Before those that pods decide: the history holds twenty transitions, and no figure of
    Prometheus tells a restart.
    """
    (replayed,) = Cli(operator, stage.namespace).data("replay", NAME)
    rollouts = replayed["rollouts"]
    versions = [f"random_forest {scenario.version}" for scenario in BY_FIGURES]
    assert [one["models"] for one in rollouts] == versions
    apart = EVALUATIONS_APART * seconds(stage.analysis["interval"])
    for scenario, one in zip(BY_FIGURES, rollouts, strict=True):
        end = PROMOTED if scenario.good else "Rejected"
        mine = [t for t in stage.status["history"] if t.get("revision") == one["revision"]]
        happened = next(transition for transition in mine if transition["reason"] == end)
        would = one["would"]
        assert would["end"] == end, scenario.name
        if not scenario.good:
            assert would["message"].startswith(f"{scenario.ends}: ")
            assert happened["message"].startswith(f"{scenario.ends}: ")
        weights = [step["weight"] for step in would["steps"]]
        assert weights == reached(mine, one["revision"]), scenario.name
        assert would["at"] == pytest.approx(epoch(happened["time"]), abs=apart), scenario.name


@pytest.mark.parametrize("scenario", BY_PODS, ids=named)
def test_what_its_pods_do_ends_it_too(stage: Stage, scenario: Scenario) -> None:
    assert play(stage, scenario).tally.others == []


def test_a_newcomer_sees_what_happened(stage: Stage) -> None:
    """After the last scenario: kubectl get and describe tell it without a log."""
    table = stage.kube("-n", stage.namespace, "get", "mdep", "kepler", "-o", "wide")
    assert "RolledBack" in table
    assert "was rolled back, Health" in table
    described = stage.kube("-n", stage.namespace, "describe", "mdep", "kepler")
    for word in ("Rejected", "StepReached", "Promoted", "ErrorRate", "Evidence"):
        assert word in described
    reasons = stage.kube(
        "-n", stage.namespace, "get", "events", "-o", "jsonpath={.items[*].reason}"
    )
    assert {"Created", "StepReached", "Promoted", "Rejected", "RolledBack"} <= set(reasons.split())
