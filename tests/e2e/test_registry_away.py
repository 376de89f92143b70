"""Given a rollout whose history goes to a PostgreSQL, when that is killed and stays away, then the
rollout goes on as if nothing were; and once it is back, it has each transition once.

How single writes end is in `tests/registry`; here all of it is real: the chart's Secret, the
installed operators, a database that dies with connections open.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from dev.cluster import provider
from dev.cluster.ui import StepFailed
from dev.demo.play.scenarios import SCENARIOS, play
from dev.demo.play.stage import NAME, Stage
from dev.demo.provision import registry
from tests.conftest import install_for_tests
from tests.support import eventually

pytestmark = pytest.mark.disruptive
FIRST = SCENARIOS[0]
DATABASE = ("-n", "postgres")
LABEL = "app.kubernetes.io/name"
WRITTEN_SECONDS = 2 * registry.WRITTEN_SECONDS

Told = tuple[str, str | None, str]


@pytest.fixture(scope="module")
def remembered(stage: Stage) -> Iterator[Stage]:
    """The stage of an operator that has a registry; afterwards it has none again."""
    provider.choose(None).database()
    registry.prepare(stage.kube, stage.progress)
    install_for_tests(stage.kube, *registry.VALUES)
    yield stage
    install_for_tests(stage.kube)


def test_what_happens_while_it_is_away_is_there_once_in_the_end(remembered: Stage) -> None:
    stage = remembered
    play(stage, FIRST)
    eventually("the first deployment is written", lambda: rows(stage) == told(stage), 90)
    stage.ask_for("1.1.0")
    stage.until("the first step", lambda s: s.get("candidate", {}).get("weight", 0) > 0, 90)
    mark = stage.traffic.mark()
    with unreachable(stage):
        kill(stage)
        revision = stage.status["candidate"]["revision"]
        stage.until("the promotion", lambda s: s["stable"]["revision"] == revision, 240)
        assert stage.traffic.failures(mark) == []
    eventually("all of it is written, once", lambda: rows(stage) == told(stage), WRITTEN_SECONDS)
    assert [event for event, *_ in told(stage)].count("Promoted") == 1


def told(stage: Stage) -> list[Told]:
    """What happened, as the status has it."""
    history = stage.status["history"]
    return sorted_by_words((t["reason"], t.get("revision"), t["message"]) for t in history)


def rows(stage: Stage) -> list[Told] | None:
    """What happened, as the registry has it; None while it doesn't answer."""
    try:
        found = registry.history(stage.kube)
    except StepFailed:
        return None
    ours = [row for row in found if (row["namespace"], row["name"]) == (stage.namespace, NAME)]
    return sorted_by_words((row["event"], row["revision"], row["notes"]) for row in ours)


def sorted_by_words(items: Iterator[Told]) -> list[Told]:
    return sorted(items, key=repr)


@contextmanager
def unreachable(stage: Stage) -> Iterator[None]:
    """No new connection reaches the database while the block runs."""

    def lead_to(name: str) -> None:
        patch = json.dumps({"spec": {"selector": {LABEL: name}}})
        stage.kube(*DATABASE, "patch", "service", "postgres", "--type=merge", f"--patch={patch}")

    lead_to("nobody")
    try:
        yield
    finally:
        lead_to("postgres")


def kill(stage: Stage) -> None:
    """End the database at once. Its container starts again, with the data that it had: a new pod
    would have none.
    """
    before = restarts(stage)
    # What is killed takes kubectl's own process there with it.
    stage.kube.says(*DATABASE, "exec", "deployment/postgres", "--", "sh", "-c", "kill -QUIT 1")
    eventually("the database is started again", lambda: restarts(stage) > before, 60)


def restarts(stage: Stage) -> int:
    found = stage.kube.find(*DATABASE, "pods", "-l", f"{LABEL}=postgres") or {"items": []}
    return sum(
        container["restartCount"]
        for pod in found["items"]
        for container in pod["status"].get("containerStatuses", [])
    )
