"""Whole rollouts, as `make demo` shows them: good versions go to 100 %, bad ones are rolled back.

Given a version that serves, when the spec asks for another, then it ends as it must, the stable
version has all traffic after it, and no request failed but the bad one's own. The tests build on
each other, in the order of the file.
"""

import pytest

from dev.demo.scenarios import SCENARIOS, Scenario, play
from dev.demo.stage import Stage

SCRAPE_SECONDS = 2.0
ANALYSIS_SECONDS = 2.0
ALLOWANCE_SECONDS = 2.0


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda s: f"{s.name}-ends-{s.ends}")
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
