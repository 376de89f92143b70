"""Receivers that fail, hang, refuse or are away: nothing is lost, and nothing waits for them."""

import io
from pathlib import Path

import pytest

from tests.notifying.leading import KINDS, SECRET, Stage, ids, named, one, tried, until
from tests.notifying.receivers import Mood, http
from tests.notifying.test_receivers import promote, serve
from tests.unit.scenes import V3, run_until_weight, update
from tests.unit.told import Told
from transit_operator.runtime.notifying.marks import FORGOTTEN


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mood", ["fails", "hangs", "hangs up", "redirects"])
async def test_a_failed_try_is_made_again_by_the_same_id(
    kind: str, mood: Mood, tmp_path: Path, logs: io.StringIO
) -> None:
    async with http() as receiver:
        stage = Stage(tmp_path, one(receiver, kind))
        receiver.moods.extend([mood, mood])
        stage.try_seconds = 1.0 if mood == "hangs" else 30.0
        async with stage.leading() as process:
            promote(serve(stage, process))
            await until(lambda: process.counted("notification_failures") >= 1)
            receiver.awake.set()
            await until(lambda: not process.waiting())
            assert process.counted("notifications_sent") == 1
    assert len(set(tried(receiver))) == 1
    assert ids(receiver.taken)[-1:] == tried(receiver)[-1:]
    assert "receiver one was not told" in logs.getvalue()
    assert SECRET not in logs.getvalue()


@pytest.mark.parametrize("kind", KINDS)
async def test_one_that_is_away_hears_all_of_it_in_order_when_it_is_back(
    kind: str, tmp_path: Path, logs: io.StringIO
) -> None:
    async with http() as receiver:
        stage = Stage(tmp_path, one(receiver, kind))
        await receiver.stop()
        async with stage.leading() as process:
            world = serve(stage, process)
            promote(world)
            turn_back_to(world, V3)
            await until(lambda: process.counted("notification_failures") >= 2)
            assert process.waiting() == 3
            await receiver.start()
            await until(lambda: not process.waiting())
    assert len(set(ids(receiver.taken))) == len(receiver.taken) == 3
    assert SECRET not in logs.getvalue()


def turn_back_to(world: Told, version: str) -> None:
    """Begin a rollout of another version, and abort it."""
    update(world, version)
    run_until_weight(world, 10)
    world.action = "abort/1"
    world.settle()
    world.run(60)
    assert world.status.rejected is not None


async def test_one_that_hangs_delays_neither_the_rollout_nor_the_others(tmp_path: Path) -> None:
    async with http() as slow, http() as quick:
        stage = Stage(
            tmp_path,
            {
                "slow": named(slow, "Apprise"),
                "one": named(quick, "Apprise"),
                "two": named(quick, "CloudEvents"),
            },
        )
        slow.moods.extend(["hangs"] * 9)
        stage.try_seconds = 2.0
        async with stage.leading() as process:
            world = serve(stage, process)
            promote(world)
            await until(lambda: slow.tried)
            promote(world, V3)
            await until(lambda: not process.waiting("one") and not process.waiting("two"))
            assert len(set(ids(quick.taken))) == process.waiting("slow") == 2
            # A try that can't be stopped is waited for: there is never a second one beside it.
            await until(lambda: process.counted("notification_failures", "slow") >= 2)
            assert len(slow.tried) == 1


async def test_a_rotated_secret_counts_at_the_next_try(tmp_path: Path) -> None:
    async with http() as receiver:
        stage = Stage(tmp_path, one(receiver, "Apprise"))
        right = (tmp_path / "one").read_text()
        (tmp_path / "one").unlink()
        async with stage.leading() as process:
            promote(serve(stage, process))
            await until(lambda: process.counted("notification_failures") >= 1)
            (tmp_path / "one").write_text("nothing://that Apprise knows")
            failed = process.counted("notification_failures")
            await until(lambda: process.counted("notification_failures") > failed)
            (tmp_path / "one").write_text(right)
            await until(lambda: receiver.taken)


async def test_what_a_program_refuses_holds_up_nothing(tmp_path: Path, logs: io.StringIO) -> None:
    async with http() as receiver:
        stage = Stage(tmp_path, one(receiver, "CloudEvents"))
        receiver.moods.append("refuses")
        async with stage.leading() as process:
            world = serve(stage, process)
            promote(world)
            promote(world, V3)
            await until(lambda: not process.waiting())
            assert process.counted("notifications_dropped") == 1
    [body] = receiver.taken
    assert "forest 3.0.0" in body["data"]["title"]
    assert "which is left out: it answered 422" in logs.getvalue()


async def test_after_a_day_it_is_given_up(tmp_path: Path, logs: io.StringIO) -> None:
    async with http() as receiver:
        stage = Stage(tmp_path, one(receiver, "CloudEvents"))
        receiver.moods.append("fails")
        async with stage.leading() as process:
            world = serve(stage, process)
            promote(world)
            world.now += FORGOTTEN + 1
            await until(lambda: process.counted("notifications_dropped") == 1)
            assert not process.waiting()
    assert "is not told of" in logs.getvalue()


async def test_a_bug_in_one_sender_says_where_and_not_what(
    tmp_path: Path, logs: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with http() as receiver:
        stage = Stage(tmp_path, one(receiver, "Apprise"))
        async with stage.leading() as process:
            [delivery] = process.notifying._deliveries

            async def broken(message: object) -> None:
                raise ValueError(f"https://{SECRET}")

            monkeypatch.setattr(delivery._sender, "send", broken)
            promote(serve(stage, process))
            await until(lambda: process.counted("notification_failures") >= 1)
            monkeypatch.undo()
            await until(lambda: receiver.taken)
    assert "in broken" in logs.getvalue()
    assert SECRET not in logs.getvalue()
