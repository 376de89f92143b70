"""The way to the Redis against whatever may be at its end: nobody waits long, and it goes on."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from tests import redis_server
from tests.minio import mount
from transit_server.answer_cache.rounds import MOST_WAITING, Rounds, Unanswered
from transit_server.observability.answer_cache_series import AnswerCacheSeries
from transit_server.runtime.deadlines import Deadlines

Behaviour = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
SECRET_PART = "hunter2"


class Seen:
    """What the metrics say."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.series = AnswerCacheSeries(self.registry, "ml/kepler", "r")

    def of(self, name: str, **labels: str) -> float:
        base = {"model_deployment": "ml/kepler", "revision": "r"}
        return self.registry.get_sample_value(name, base | labels) or 0.0

    @property
    def failures(self) -> float:
        return self.of("answer_cache_failures_total")


@asynccontextmanager
async def asking(secret: Path, wait: float = 0.5) -> AsyncIterator[tuple[Rounds, Seen]]:
    seen = Seen()
    made = Rounds(secret, 60.0, wait, Deadlines(), seen.series)
    task = asyncio.create_task(made.run())
    try:
        yield made, seen
        assert not task.done(), task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        assert not made.answers


async def until(what: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not what():  # noqa: ASYNC110  metrics are looked at
            await asyncio.sleep(0.005)  # between two looks


def replying(*answers: bytes) -> Behaviour:
    """Each command gets the next of these, the last again and again."""

    async def reply(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number = 0
        while await reader.read(2**16):
            writer.write(answers[min(number, len(answers) - 1)])
            number += 1

    return reply


async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)


NOTHING_THERE = b"*1\r\n$-1\r\n"
AT_ONCE: dict[str, Behaviour] = {
    "silence": replying(b""),
    "half an answer": replying(b"*1\r\n$100\r\nabc"),
    "a promise of much": replying(b"*1\r\n$2000000000\r\nabc"),
    "another protocol": replying(b"HTTP/1.1 400 Bad Request\r\n\r\n"),
    "too many": replying(b"*2\r\n$-1\r\n$-1\r\n"),
    "a number": replying(b":1\r\n"),
    "numbers": replying(b"*1\r\n:1\r\n"),
    "depth": replying(b"*1\r\n" * 5000),
    "an error": replying(f"-ERR unknown command, with args: {SECRET_PART}\r\n".encode()),
    "hanging up": hang_up,
}


@pytest.mark.parametrize("behaviour", AT_ONCE.values(), ids=AT_ONCE)
async def test_who_answers_wrongly_is_never_waited_for(
    behaviour: Behaviour, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with pretending(behaviour, tmp_path) as secret, asking(secret) as (made, seen):
        await until(lambda: seen.failures >= 1)
        assert not made.answers
        made.keep("transit:answer:x", b"entry")
        assert seen.of("answer_cache_writes_total", result="dropped") == 1
    assert len(caplog.records) == 1, "said once"
    assert SECRET_PART not in caplog.text


@pytest.mark.parametrize("behaviour", AT_ONCE, ids=AT_ONCE)
async def test_who_turns_bad_is_waited_for_once(behaviour: str, tmp_path: Path) -> None:
    """All that ask at the same time wait together; then nobody does."""

    async def turn(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(2**16)
        writer.write(NOTHING_THERE)
        await AT_ONCE[behaviour](reader, writer)

    async with pretending(turn, tmp_path) as secret, asking(secret) as (made, seen):
        await until(lambda: made.answers)
        names = [f"transit:answer:{number}" for number in range(5)]
        asked = [made.look_up(name) for name in names]
        found = await asyncio.gather(*asked, return_exceptions=True)
        assert all(isinstance(one, Unanswered) for one in found)
        await until(lambda: not made.answers)
        assert seen.failures == 1


async def test_a_loop_that_stood_still_is_not_the_redis_being_slow(
    redis: redis_server.RedisServer,
) -> None:
    wait = 0.05
    async with asking(redis.secret, wait) as (made, seen):
        await until(lambda: made.answers)
        asked = asyncio.ensure_future(made.look_up("transit:answer:none"))
        await asyncio.sleep(0)
        await asyncio.sleep(0)  # it has been sent
        time.sleep(3 * wait)  # noqa: ASYNC251  what is tried
        assert await asked is None
        assert seen.failures == 0


async def test_what_is_kept_is_found_by_all_that_ask_at_once(
    redis: redis_server.RedisServer,
) -> None:
    async with asking(redis.secret) as (made, seen):
        await until(lambda: made.answers)
        for number in range(200):
            made.keep(f"transit:answer:{number}", b"entry %d" % number)
        await until(lambda: seen.of("answer_cache_writes_total", result="stored") == 200)
        found = await asyncio.gather(
            *(made.look_up(f"transit:answer:{number}") for number in range(-1, 200))
        )
        assert found == [None, *(b"entry %d" % number for number in range(200))]


async def test_what_there_is_no_room_for_is_dropped(redis: redis_server.RedisServer) -> None:
    async with asking(redis.secret) as (made, seen):
        await until(lambda: made.answers)
        entry = bytes(MOST_WAITING // 4)
        for number in range(5):
            made.keep(f"transit:answer:{number}", entry)
        assert seen.of("answer_cache_writes_total", result="dropped") == 1


async def test_a_redis_that_takes_no_entries_is_asked_all_the_same(
    redis: redis_server.RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    async with asking(redis.secret) as (made, seen):
        await until(lambda: made.answers)
        redis.client.config_set("maxmemory", "1")
        try:
            made.keep("transit:answer:full", b"entry")
            await until(lambda: seen.of("answer_cache_writes_total", result="failed") == 1)
        finally:
            redis.client.config_set("maxmemory", "32mb")
        assert await made.look_up("transit:answer:full") is None
        assert made.answers
    assert "refuses entries: it is full and forgets nothing: maxmemory-policy" in caplog.text


async def test_what_a_full_redis_forgets_is_missed(redis: redis_server.RedisServer) -> None:
    entry = bytes(4 * 2**10)
    room = {"maxmemory": "2mb", "maxmemory-policy": "allkeys-lru"}
    before = {"maxmemory": "32mb", "maxmemory-policy": "noeviction"}
    async with asking(redis.secret) as (made, seen):
        await until(lambda: made.answers)
        for name, value in room.items():
            redis.client.config_set(name, value)
        try:
            names = [f"transit:answer:lru:{number}" for number in range(512)]
            for count, name in enumerate(names, start=1):
                made.keep(name, entry)
                if count % 64 == 0:  # as much as may wait
                    await until(partial(stored, seen, count))
            found = await asyncio.gather(*(made.look_up(name) for name in names))
        finally:
            for name, value in before.items():
                redis.client.config_set(name, value)
        assert set(found) == {None, entry}
        assert (seen.failures, seen.of("answer_cache_writes_total", result="failed")) == (0, 0)


def stored(seen: Seen, count: int) -> bool:
    return seen.of("answer_cache_writes_total", result="stored") == count


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (None, "can't be read: FileNotFoundError"),
        ("", "is no address of redis://"),
        (f"http://:{SECRET_PART}@127.0.0.1", "is no address of redis://"),
        (f"redis://:{SECRET_PART}@[/0", "is no address of redis://"),
        (f"redis://:12/{SECRET_PART}@127.0.0.1:6379", "in a password, / is %2F"),
        (f"redis://:12#{SECRET_PART}@127.0.0.1:6379", "in a password, / is %2F"),
        ("redis://127.0.0.1:1", "Error 111 connecting to 127.0.0.1:1"),
        (f"redis://127.0.0.1?{SECRET_PART}=1", "is no address of redis://"),
        (f"redis://:{SECRET_PART}@127.0.0.1:PORT", "it refuses the account and password"),
        ("redis://127.0.0.1:PORT", "it refuses the account and password"),
    ],
)
async def test_a_wrong_address_is_told_without_its_words_and_a_mended_one_counts(
    url: str | None,
    said: str,
    redis: redis_server.RedisServer,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    secret = tmp_path / "secret"
    mount(secret, {} if url is None else {"url": url.replace("PORT", str(redis.port))})
    async with asking(secret) as (made, seen):
        await until(lambda: seen.failures >= 1)
        assert said in caplog.text
        assert SECRET_PART not in caplog.text
        mount(secret, {"url": redis.url})
        await until(lambda: made.answers)


@asynccontextmanager
async def pretending(behaviour: Behaviour, folder: Path) -> AsyncIterator[Path]:
    """The Secret of a server that behaves so to each connection."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            await behaviour(reader, writer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    secret = folder / "secret"
    mount(secret, {"url": f"redis://127.0.0.1:{port}"})
    async with server:
        yield secret


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[redis_server.RedisServer]:
    with redis_server.running("redis", tmp_path_factory.mktemp("redis")) as server:
        yield server
