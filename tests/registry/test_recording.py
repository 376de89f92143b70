"""What the operator writes down: whole rollouts of the pure core, into a real PostgreSQL."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from tests.postgres import Postgres
from tests.registry.looks import (
    Row,
    failures,
    outbox,
    recording,
    rows,
    superuser,
    until,
    written,
)
from tests.unit.scenes import R2, SLOW, V1, V2, V3, against, run_until_weight, say, update
from tests.unit.told import Told
from tests.unit.world import digest
from transit_operator.api.status import Transition
from transit_operator.core.observed import Retired, Retirement
from transit_operator.runtime.recording.outbox import Outbox
from transit_registry import migrating, versions
from transit_registry.connecting import open_engine
from transit_registry.entry import Entry
from transit_registry.tables import Status

pytestmark = pytest.mark.timeout(120)
MANY = 40  # ModelDeployments whose histories are more than one batch


@pytest.fixture
def ready(postgres: Postgres) -> Postgres:
    """A PostgreSQL with the tables of this release."""
    upgrade(postgres)
    return postgres


def upgrade(postgres: Postgres) -> None:
    engine = open_engine(postgres.url)
    migrating.upgrade(engine)
    engine.dispose()


def promoted(box: Outbox[Entry], name: str = "kepler") -> Told:
    """A ModelDeployment that went from 1.0.0 to 2.0.0."""
    world = Told(box, name)
    world.settle()
    update(world, V2)
    world.run(300)
    assert world.status.stable is not None
    assert world.status.stable.revision == R2
    return world


def turned_back(box: Outbox[Entry]) -> Told:
    """One whose 2.0.0 was too slow at 10 %."""
    world = Told(box)
    world.settle()
    update(world, V2)
    run_until_weight(world, 10)
    world.readings = against(SLOW)
    world.run(120)
    assert world.status.rejected is not None
    return world


def events(found: Sequence[Row]) -> list[str]:
    return [row["event"] for row in found]


def told(world: Told) -> list[str]:
    return [transition.reason for transition in world.status.history]


async def test_a_promotion_with_its_versions_and_who_asked(ready: Postgres, tmp_path: Path) -> None:
    box = outbox()
    async with recording(box, ready, tmp_path):
        world = promoted(box)
        await written(box)
    found = rows(ready)
    assert events(found) == told(world)
    row = next(row for row in found if row["event"] == "Promoted")
    said = next(t for t in world.status.history if t.reason == "Promoted")
    started = next(t for t in world.status.history if t.reason == "RolloutStarted")
    assert {key: row[key] for key in row.keys() - {"id", "event_id", "model_id"}} == {
        "model_name": "forest",
        "environment": "production",
        "namespace": "ml",
        "name": "kepler",
        "event": "Promoted",
        "revision": R2,
        "version": V2,
        "digest": digest("forest", V2),
        "from_version": V1,
        "from_digest": digest("forest", V1),
        "started_at": moment(started),
        "deployed_at": moment(said),
        "deployed_by": "argocd-controller",
        "rollback_at": None,
        "notes": "forest 2.0.0 is the stable version",
        "evidence": [],
    }
    engine = open_engine(ready.url)
    with engine.connect() as connection:
        known = versions.versions(connection, "forest")
        of_row = connection.execute(
            text("SELECT version, storage_path FROM model_registry WHERE id = :id"),
            {"id": row["model_id"]},
        ).one()
    engine.dispose()
    assert [(v.version, v.status, v.digest) for v in known] == [
        (version, Status.ACTIVE, digest("forest", version)) for version in (V1, V2)
    ]
    assert tuple(of_row) == (V2, "s3://models/forest/v2.0.0")


async def test_a_rollback_with_its_evidence(ready: Postgres, tmp_path: Path) -> None:
    box = outbox()
    async with recording(box, ready, tmp_path):
        world = turned_back(box)
        await written(box)
    found = rows(ready)
    assert events(found) == told(world)
    row = next(row for row in found if row["event"] == "Rejected")
    assert (row["version"], row["from_version"], row["deployed_by"]) == (V2, V1, "transit-operator")
    assert row["rollback_at"] == row["deployed_at"]
    assert row["notes"].startswith("Latency: ")
    [evidence] = row["evidence"]
    assert (evidence["signal"], evidence["verdict"]) == ("latency", "Fail")
    assert evidence["value"] > evidence["baseline"] * evidence["threshold"]


async def test_commands_and_who_gave_them(ready: Postgres, tmp_path: Path) -> None:
    box = outbox()
    async with recording(box, ready, tmp_path):
        world = Told(box)
        world.settle()
        update(world, V2)
        run_until_weight(world, 10)
        for action in ("pause/1", "resume/2", "promote/3", "abort/4", "abort/5"):
            say(world, action)
        world.run(60)
        await written(box)
    found = rows(ready)
    commands = [row for row in found if row["event"] == "Command"]
    assert [row["notes"] for row in commands] == [
        "pause/1",
        "resume/2",
        "promote/3",
        "abort/4",
        "abort/5",
    ]
    assert {row["deployed_by"] for row in commands} == {"transit-cli"}
    by = {row["event"]: row["deployed_by"] for row in found}
    assert by["Paused"] == by["Resumed"] == by["Rejected"] == by["CommandIgnored"] == "transit-cli"
    assert by["StepReached"] == "transit-operator"
    assert by["RolloutStarted"] == "argocd-controller"
    paused = next(row for row in found if row["event"] == "Paused")
    assert (paused["model_name"], paused["version"], paused["from_version"]) == ("forest", None, V1)


async def test_the_next_leader_tells_the_same_and_it_is_there_once(
    ready: Postgres, tmp_path: Path
) -> None:
    box = outbox()
    async with recording(box, ready, tmp_path):
        world = promoted(box)
        await written(box)
    before = rows(ready)
    world.outbox = box = outbox()
    world.settle()
    assert len(box) == len(before)
    async with recording(box, ready, tmp_path) as metrics:
        await written(box)
    assert rows(ready) == before
    assert metrics.registry_rows._value.get() == 0


async def test_what_nobody_wrote_is_told_by_the_next_leader(
    ready: Postgres, tmp_path: Path
) -> None:
    """The one before it was killed with everything still on its way."""
    world = promoted(outbox())
    world.outbox = box = outbox()
    world.settle()
    async with recording(box, ready, tmp_path):
        await written(box)
    found = rows(ready)
    assert events(found) == told(world)
    row = next(row for row in found if row["event"] == "Promoted")
    assert (row["version"], row["from_version"], row["deployed_by"]) == (
        V2,
        V1,
        "argocd-controller",
    )
    # Of an earlier one the status doesn't keep what was stable before.
    update(world, V3)
    world.run(300)
    world.outbox = box = outbox()
    world.settle()
    ready.execute("TRUNCATE deployment_history")
    async with recording(box, ready, tmp_path):
        await written(box)
    first, second = [row for row in rows(ready) if row["event"] == "Promoted"]
    assert (first["version"], first["from_version"]) == (V2, None)
    assert (second["version"], second["from_version"]) == (V3, V2)


async def test_who_wrote_the_spec_since_did_not_cause_what_was_before(
    ready: Postgres, tmp_path: Path
) -> None:
    world = promoted(outbox())
    world.outbox = box = outbox()
    world.authored = "2001-09-09T09:00:00Z"
    world.settle()
    async with recording(box, ready, tmp_path):
        await written(box)
    assert {r["deployed_by"] for r in rows(ready)} == {"unknown", "transit-operator"}


async def test_while_the_database_is_away_nothing_waits_and_nothing_is_lost(
    ready: Postgres, tmp_path: Path
) -> None:
    box = outbox()
    async with recording(box, ready, tmp_path) as metrics:
        world = Told(box)
        world.settle()
        await written(box)
        ready.stop()
        update(world, V2)
        world.run(300)
        assert world.status.stable is not None
        assert world.status.stable.revision == R2, "the rollout did not go on"
        await until(lambda: failures(metrics) >= 2)
        assert len(box) == len(told(world)) - 2
        ready.start()
        await written(box)
    assert events(rows(ready)) == told(world)


async def test_it_is_killed_and_started_in_the_middle_of_writing(
    ready: Postgres, tmp_path: Path
) -> None:
    box = outbox()
    one = promoted(box)
    worlds = [Told(box, f"m{number}") for number in range(MANY)]
    for world in worlds:
        world.status, world.pods, world.traffic = one.status, one.pods, one.traffic
        world.spec, world.records, world.now = one.spec, one.records, one.now
        world.settle()
    whole = len(box)
    async with recording(box, ready, tmp_path):
        await until(lambda: len(box) < whole, pause=0)
        ready.stop()
        ready.start()
        await written(box)
    assert whole == (MANY + 1) * len(told(one))
    found = rows(ready)
    assert len(found) == whole
    assert len({row["event_id"] for row in found}) == whole


async def test_a_lock_held_delays_no_decision(ready: Postgres, tmp_path: Path) -> None:
    engine = superuser(ready)
    box = outbox()
    async with recording(box, ready, tmp_path):
        with engine.begin() as connection:
            connection.execute(text("LOCK TABLE deployment_history IN ACCESS EXCLUSIVE MODE"))
            world = Told(box)
            world.settle()
            await until(lambda: count(engine, "wait_event_type = 'Lock'"))
            update(world, V2)
            world.run(300)
            assert len(box) == len(told(world))
            assert world.status.stable is not None
            assert world.status.stable.revision == R2, "the rollout did not go on"
            assert count(engine, "usename = 'transit'") == 1, "more than the one connection"
        await written(box)
    assert events(rows(ready)) == told(world)


def count(engine: Engine, where: str) -> int:
    with engine.connect() as connection:
        statement = f"SELECT count(*) FROM pg_stat_activity WHERE {where}"
        return int(connection.execute(text(statement)).scalar_one())


async def test_without_tables_it_says_what_to_run_and_goes_on_when_they_are_there(
    postgres: Postgres, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    box = outbox()
    async with recording(box, postgres, tmp_path) as metrics:
        world = promoted(box)
        await until(lambda: failures(metrics))
        upgrade(postgres)
        await written(box)
    assert "transit-models registry upgrade" in caplog.text
    assert "transit-secret" not in caplog.text
    assert events(rows(postgres)) == told(world)


async def test_a_rotated_password_is_read_again(ready: Postgres, tmp_path: Path) -> None:
    box = outbox()
    async with recording(box, ready, tmp_path) as metrics:
        world = Told(box)
        world.settle()
        await written(box)
        ready.execute("ALTER ROLE transit RENAME TO other")
        ready.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename='other'"
        )
        try:
            update(world, V2)
            await until(lambda: failures(metrics))
            (tmp_path / "url").write_text(ready.url.replace("transit:", "other:", 1) + "\n")
            await written(box)
        finally:
            ready.execute("ALTER ROLE other RENAME TO transit")
    assert events(rows(ready)) == told(world)


async def test_what_the_database_cannot_keep_holds_up_nothing(
    ready: Postgres, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    box = outbox()
    world = promoted(box)
    box._waiting.insert(1, replace(box.first(1)[0], id="0", event="x" * 60))
    box._waiting.insert(2, replace(box.first(1)[0], id="1", notes="a pod said \x00"))
    async with recording(box, ready, tmp_path):
        await written(box)
    found = rows(ready)
    assert len(found) == len(told(world)) + 1
    assert "a pod said \ufffd" in [row["notes"] for row in found]
    assert "which is left out" in caplog.text


async def test_without_room_it_is_left_in_the_status_and_taken_later(
    ready: Postgres, tmp_path: Path
) -> None:
    again: list[tuple[str, str]] = []
    box = outbox(again.append, room=2)
    worlds = [Told(box, name) for name in ("a", "b", "c")]
    for world in worlds:
        world.settle()
    assert len(box) == 2
    assert again == []
    async with recording(box, ready, tmp_path):
        await written(box)
        assert sorted(again) == [("ml", "b"), ("ml", "c")]
        for world in worlds:
            world.settle()
            await written(box)
    assert sorted({row["name"] for row in rows(ready)}) == ["a", "b", "c"]


def test_what_cannot_be_told_stops_no_look(caplog: pytest.LogCaptureFixture) -> None:
    """A status of another version of the operator, or of somebody who may write it."""
    world = promoted(outbox())
    history = [world.status.history[0].model_copy(update={"time": "yesterday"})]
    world.status = world.status.model_copy(update={"history": history})
    world.outbox = box = outbox()
    world.settle()
    assert "a bug in Transit; not told" in caplog.text
    update(world, V3)
    assert [entry.event for entry in box.first(9)] == ["RolloutStarted"]


def test_a_look_at_which_nothing_happened_tells_nothing() -> None:
    box = outbox()
    world = promoted(box)
    count = len(box)
    world.run(60)
    assert len(box) == count


async def test_what_is_retired_is_known_within_moments(ready: Postgres, tmp_path: Path) -> None:
    box, said = outbox(), list[Retired]()
    engine = open_engine(ready.url)
    async with recording(box, ready, tmp_path, said):
        promoted(box)
        await written(box)
        with engine.begin() as connection:
            versions.set_status(connection, "forest", V1, Status.ARCHIVED, "biased")
        await until(lambda: said)
        with engine.begin() as connection:
            versions.set_status(connection, "forest", V1, Status.ACTIVE, None)
        await until(lambda: len(said) == 2)
    engine.dispose()
    assert said == [{("forest", V1): Retirement(True, digest("forest", V1), "biased")}, {}]


def moment(transition: Transition) -> datetime:
    return datetime.fromisoformat(transition.time).astimezone(UTC)
