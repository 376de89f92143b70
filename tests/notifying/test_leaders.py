"""What one leader has told and the next one tells: nothing lost, and doubles have one id."""

import io
from pathlib import Path
from typing import Any

import pytest

from tests.notifying.leading import KINDS, LEASE, Stage, ids, named, one, tried, until
from tests.notifying.receivers import http
from tests.notifying.test_receivers import promote, serve
from tests.unit.scenes import UNREACHABLE, V2, V3, run_until_weight, update
from tests.unit.told import Told
from transit_operator.runtime.leading.lease import KIND
from transit_operator.runtime.notifying.marks import ANNOTATION, OVERLAP


@pytest.mark.parametrize("kind", KINDS)
async def test_the_next_leader_tells_what_is_not_told_and_no_more(
    kind: str, tmp_path: Path
) -> None:
    async with http() as receiver:
        stage = Stage(tmp_path, one(receiver, kind))
        async with stage.leading() as process:
            world = serve(stage, process)
            promote(world)
            await until(lambda: len(receiver.taken) == 1)
            await until(lambda: not process.waiting())
            await process.leader.release()
        async with stage.leading() as process:
            world.outbox = process.notifying
            world.settle()
            promote(world, V3)
            await until(lambda: not process.waiting())
    assert len(set(ids(receiver.taken))) == len(receiver.taken) == 2


@pytest.mark.parametrize("kind", KINDS)
async def test_killed_with_all_of_it_on_the_way_the_next_leader_tells_it(
    kind: str, tmp_path: Path
) -> None:
    """The first got an answer never, so the receiver may have it: it comes again by its id."""
    async with http() as receiver:
        stage = Stage(tmp_path, one(receiver, kind))
        receiver.moods.append("hangs")
        async with stage.leading() as process:
            await process.renew()
            world = serve(stage, process)
            promote(world)
            await until(lambda: receiver.tried)
        async with stage.leading() as process:
            world.outbox = process.notifying
            world.settle()
            await until(lambda: not process.waiting() and receiver.taken)
    assert len(tried(receiver)) == 2
    assert len(set(tried(receiver))) == 1


async def test_killed_before_the_mark_was_kept_it_is_told_again_by_the_same_id(
    tmp_path: Path,
) -> None:
    async with http() as receiver:
        stage = Stage(tmp_path, one(receiver, "CloudEvents"))
        async with stage.leading() as process:
            await process.renew()
            world = serve(stage, process)
            promote(world)
            await until(lambda: not process.waiting() and receiver.taken)
        async with stage.leading() as process:
            world.outbox = process.notifying
            world.settle()
            await until(lambda: len(receiver.taken) == 2)
    assert len(set(ids(receiver.taken))) == 1


async def test_a_new_receiver_hears_nothing_of_the_past(tmp_path: Path) -> None:
    async with http() as receiver:
        stage = Stage(tmp_path, one(receiver, "Apprise"))
        async with stage.leading() as process:
            world = serve(stage, process)
            promote(world)
            await until(lambda: receiver.taken)
            await process.leader.release()
        stage.config = Stage(tmp_path, {"two": named(receiver, "Apprise")}).config
        async with stage.leading() as process:
            world.outbox = process.notifying
            world.settle()
            await until(lambda: not process.waiting("two"))
            promote(world, V3)
            await until(lambda: len(receiver.taken) == 2)
            await until(lambda: not process.waiting("two"))
    assert "forest 3.0.0 is promoted" in receiver.taken[-1]["title"]


async def test_the_mark_stays_before_what_nobody_has_looked_at(tmp_path: Path) -> None:
    """One leader ends between a status and what it tells, the next before it looks at that one."""
    async with http() as receiver:
        stage = Stage(tmp_path, one(receiver, "CloudEvents"))
        async with stage.leading() as process:
            world = serve(stage, process)
            late = Told(process.notifying, "other", now=world.now)
            late.settle()
            late.outbox = Nobody()
            promote(late)
            await process.leader.release()
        async with stage.leading() as process:
            process.keys = [("ml", "kepler"), ("ml", "other")]
            world.outbox = process.notifying
            world.settle()
            world.now += 2 * OVERLAP
            promote(world)
            await until(lambda: not process.waiting() and receiver.taken)
            await process.leader.release()
        async with stage.leading() as process:
            world.outbox = late.outbox = process.notifying
            world.settle()
            late.settle()
            await until(lambda: len(receiver.taken) == 2)
            await until(lambda: not process.waiting())
    assert [body["subject"] for body in receiver.taken] == ["ml/kepler", "ml/other"]


class Nobody:
    def see(self, *news: Any) -> None:
        return


async def test_blind_for_long_is_told_once(tmp_path: Path) -> None:
    async with http() as receiver:
        stage = Stage(tmp_path, one(receiver, "CloudEvents"), blindAfterSeconds=60)
        async with stage.leading() as process:
            world = serve(stage, process)
            update(world, V2)
            run_until_weight(world, 10)
            world.readings = UNREACHABLE
            world.run(50)
            assert not process.waiting()
            world.run(60)
            await until(lambda: receiver.taken and not process.waiting())
            await process.leader.release()
        async with stage.leading() as process:
            world.outbox = process.notifying
            world.run(60)
            await until(lambda: not process.waiting())
    [body] = receiver.taken
    assert body["type"] == "dev.transit.modeldeployment.blind"
    assert body["data"]["text"].splitlines()[:2] == [
        "no measurements for 1m, the clock of its step stands still",
        "errorRate: Prometheus can't be reached",
    ]


async def test_an_annotation_of_somebody_elses_stops_nothing(
    tmp_path: Path, logs: io.StringIO
) -> None:
    async with http() as receiver:
        stage = Stage(tmp_path, one(receiver, "Apprise"))
        async with stage.leading() as process:
            await process.leader.release()
        lease = stage.api.objects[KIND, LEASE[1]]
        lease["metadata"]["annotations"] = {ANNOTATION: '{"one": 1}'}
        async with stage.leading() as process:
            promote(serve(stage, process))
            await until(lambda: receiver.taken)
    assert "can't be read" in logs.getvalue()
