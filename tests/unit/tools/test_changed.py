"""Which suites and test files a change reaches, on this very tree."""

import pytest

from dev.suite.changed import reached

ALLOT = "operator/transit_operator/core/plan/allot.py"


def by_name(*changes: str) -> dict[str, tuple[str, ...]]:
    return {suite.name: files for suite, files in reached(changes).items()}


@pytest.mark.parametrize(
    ("change", "suite", "file"),
    [
        pytest.param(ALLOT, "unit", "tests/unit/stories/test_allot.py", id="imported"),
        pytest.param(
            ALLOT, "unit", "tests/unit/stories/test_rollout.py", id="imported by what it imports"
        ),
        pytest.param(
            "docs/reference/server.md", "server", "tests/server/api/test_examples.py", id="a page"
        ),
        pytest.param(
            "docs/reference/metrics.md",
            "scenarios",
            "tests/api/test_operator_metrics.py",
            id="metrics",
        ),
        pytest.param(
            "tests/unit/world.py", "unit", "tests/unit/stories/test_retreat.py", id="a helper"
        ),
    ],
)
def test_a_change_reaches_the_tests_that_use_it(change: str, suite: str, file: str) -> None:
    assert file in by_name(change)[suite]


@pytest.mark.parametrize(
    ("change", "whole"),
    [
        pytest.param(ALLOT, {"failover", "scenarios", "e2e", "disruptive"}, id="operator"),
        pytest.param(
            "server/transit_server/errors.py", {"server", "timing", "e2e"}, id="a server process"
        ),
        pytest.param("tests/unit/golden/input/gateway.yaml", {"unit"}, id="data beside tests"),
        pytest.param(
            "charts/transit/values.yaml", {"chart", "failover", "scenarios"}, id="the chart"
        ),
    ],
)
def test_what_runs_apart_reaches_whole_suites(change: str, whole: set[str]) -> None:
    assert whole <= {name for name, files in by_name(change).items() if not files}


def test_what_nothing_uses_reaches_nothing() -> None:
    page = "no-test-names-it"
    assert by_name(f"docs/{page}.md") == {}


def test_what_everything_needs_reaches_everything() -> None:
    found = by_name("requirements/dev.txt")
    assert len(found) == 9
    assert "gitops" not in found, "it is run by its name only"
    assert not any(found.values())
