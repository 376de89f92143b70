"""Servers that share their answers in a real Redis, and what becomes of it when that goes away."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests import redis_server
from tests.certificates import Authority
from tests.redis_server import RedisServer
from tests.server.example_store import LABELS, Data
from tests.server.logged import rows_of, written
from tests.server.running import RunningServer, eventually
from transit_server.settings import Settings, SettingsError

MARK = 1000.0
TTL = 300.0
WAIT = "500ms"  # a busy machine has its Redis answer after more than the 5 ms of the default
BASE = {"model": "raises", "version": "1.0.0"}


@pytest.fixture(scope="module", params=["redis, by TLS", "valkey"])
def kept_in(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("redis")
    kind, _, tls = request.param.partition(", ")
    authority = Authority(folder / "pki") if tls else None
    with redis_server.running(kind, folder, authority) as server:
        yield server


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    folder = tmp_path / "redis"
    folder.mkdir()
    with redis_server.running("redis", folder) as server:
        yield server


class Caching(RunningServer):
    """A server with an answer cache, which says how often its model `raises` was asked."""

    def __init__(
        self, store: Path, work: Path, models: dict[str, str], cache: RedisServer, **more: str
    ) -> None:
        self._asked = work / "asked"
        said = {"secret": str(cache.secret), "ttl": f"{TTL:g}s", "wait": WAIT}
        key = work / "key"
        work.mkdir(exist_ok=True)
        key.write_bytes(b"the key of all these servers, 32 bytes")
        settings = {"feedback_key_file": str(key), "TEST_ASKED": str(self._asked)}
        super().__init__(store, work, models, answer_cache=json.dumps(said), **settings | more)

    @property
    def asked(self) -> int:
        return self._asked.stat().st_size

    def until_shared(self) -> "Caching":
        self.until_ready()
        eventually(self.shares, "a cache that is asked")
        return self

    def shares(self) -> bool:
        return self.metric("answer_cache_circuit_state", state="closed") == 1

    def looked_up(self, result: str, **model: str) -> float:
        return self.metric_if_any("answer_cache_lookups_total", result=result, **model) or 0.0

    def until_stored(self, entries: int) -> None:
        eventually(
            lambda: self.metric("answer_cache_writes_total", result="stored") >= entries,
            f"{entries} entries",
        )


def test_the_servers_of_a_revision_share_what_a_model_has_answered(
    kept_in: RedisServer, store: Path, data: Data, tmp_path: Path
) -> None:
    """Only whole answers, of this content alone; each with a token and a place in the log of its
    own; and counted as the model's, but for the latency that it has not.
    """
    row, other, bad = rows_of(data, 3)
    bad[0] = MARK
    log = tmp_path / "log"
    with ExitStack() as stack:
        one, two = (
            stack.enter_context(
                Caching(
                    *(store, tmp_path / name, {"raises": "1.0.0", "random_forest": version}),
                    *(kept_in,),
                    prediction_log=json.dumps({"uri": log.as_uri(), "every": "1h"}),
                )
            )
            for name, version in (("one", "1.0.0"), ("two", "1.1.0"))
        )
        one.until_shared()
        two.until_shared()
        began = two.asked
        first = one.predict(row)
        assert one.predict(bad).status_code == 500
        assert one.predict(row, model="random_forest").status_code == 200
        one.until_stored(2)
        names = kept_in.names()
        assert len(names) == 2, "what failed is no answer"
        assert all(0 < kept_in.client.pttl(name) <= TTL * 1000 for name in names)

        second = two.predict(row)
        assert two.asked == began, "the other one's answer"
        assert told(second) == told(first)
        tokens = [answer.json()["prediction"]["feedback_token"] for answer in (first, second)]
        assert tokens[0] != tokens[1]
        assert first.headers["X-Request-ID"] != second.headers["X-Request-ID"]
        infer = {"inputs": [{"name": "x", "shape": [1, 784], "datatype": "FP32", "data": row}]}
        assert two.client.post("/v2/models/raises/infer", json=infer).status_code == 200
        assert (two.asked, two.looked_up("hit", **BASE)) == (began, 2.0), "whoever asks how"
        assert two.predict(other).status_code == 200
        assert (two.asked, two.looked_up("miss", **BASE)) == (began + 1, 1.0)
        assert two.predict(bad).status_code == 500
        assert two.predict(row, model="random_forest").status_code == 200
        forest = {"model": "random_forest", "version": "1.1.0"}
        assert (two.looked_up("hit", **forest), two.looked_up("miss", **forest)) == (0, 1)

        assert two.metric("predictions_total", status="success", **BASE) == 3
        classes = [two.metric("predicted_class_total", class_=label, **BASE) for label in LABELS]
        assert sum(classes) == 3
        assert two.metric("prediction_latency_seconds_count", **BASE) == 2, "what the model took"
        assert two.metric("answer_cache_wait_seconds_count") == 5
    lines = written(log.as_uri())
    assert len({line["prediction_id"] for line in lines}) == len(lines) == 8
    for name in ("one", "two"):
        text = (tmp_path / name / "server.log").read_text()
        assert redis_server.PASSWORD not in text
        assert kept_in.url not in text


def test_no_request_fails_when_the_redis_hangs_dies_and_comes_back(
    redis: RedisServer, store: Path, data: Data, tmp_path: Path
) -> None:
    """Each failure costs those that ask at once one wait, and nobody else: then it isn't asked."""
    (row,) = rows_of(data, 1)
    clients, failed, ended = 4, [], threading.Event()
    with Caching(store, tmp_path / "one", {"raises": "1.0.0"}, redis) as server:
        server.until_shared()

        def ask() -> None:
            while not ended.is_set():
                answer = server.predict(row)
                if answer.status_code != 200:
                    failed.append(answer.text)

        def answered() -> float:
            return server.metric("predictions_total", status="success", **BASE)

        def open_and_answering() -> None:
            eventually(lambda: not server.shares(), "an open circuit")
            before = answered()
            eventually(lambda: answered() > before + 50, "answers without it")

        def shared_again() -> None:
            eventually(server.shares, "a cache that is asked again")
            before = server.looked_up("hit", **BASE)
            eventually(lambda: server.looked_up("hit", **BASE) > before + 50, "hits")

        asking = [threading.Thread(target=ask) for _ in range(clients)]
        for thread in asking:
            thread.start()
        try:
            shared_again()
            redis.hang()
            open_and_answering()
            redis.go_on()
            shared_again()
            redis.kill()
            open_and_answering()
            redis.start()
            shared_again()
        finally:
            ended.set()
            for thread in asking:
                thread.join()
        assert failed == []
        waited_for_nothing = sum(server.looked_up(how, **BASE) for how in ("late", "failed"))
        failures = server.metric("answer_cache_failures_total")
        assert failures >= 2
        assert waited_for_nothing < server.looked_up("skipped", **BASE), "few wait, then nobody"
        told = (tmp_path / "one" / "server.log").read_text()
        assert "answers are not shared: the Redis of the answer cache" in told


def test_what_others_put_there_is_never_an_answer(
    redis: RedisServer, store: Path, data: Data, tmp_path: Path
) -> None:
    rows = rows_of(data, 2)
    with Caching(store, tmp_path / "one", {"raises": "1.0.0"}, redis) as server:
        server.until_shared()
        answers = [told(server.predict(row)) for row in rows]
        server.until_stored(2)
        names = sorted(redis.names())
        entries: list[Any] = [redis.client.get(name) for name in names]
        wrong = {
            "another's": entries[1],
            "cut": entries[0][:-1],
            "longer": entries[0] + b"\0",
            "changed": entries[0][:-1] + bytes([entries[0][-1] ^ 1]),
            "nothing": b"",
            "short": b"x",
            "large": b"x" * 2**20,
        }
        stored = 2
        for refused, entry in enumerate(wrong.values(), start=1):
            redis.client.set(names[0], entry)
            again = [told(server.predict(row)) for row in rows]
            assert again == answers
            assert server.looked_up("refused", **BASE) == refused
            stored += 1
            server.until_stored(stored)  # it is put right
            assert redis.client.get(names[0]) != entry
        redis.client.delete(names[0])
        redis.client.rpush(names[0], "a list")
        again = [told(server.predict(row)) for row in rows]
        assert again == answers
        server.until_stored(stored + 1)
        assert redis.client.type(names[0]) == b"string"
        assert server.metric("answer_cache_failures_total") == 0


def told(answer: httpx.Response) -> dict[str, Any]:
    """What was predicted, without what is each answer's own."""
    said: dict[str, Any] = answer.json()["prediction"]
    return {key: value for key, value in said.items() if key != "feedback_token"}


def test_without_a_cache_no_client_of_redis_is_imported() -> None:
    said = "import sys, transit_server.app; print([m for m in sys.modules if m == 'redis'])"
    done = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("cache", "key", "wrong"),
    [
        ('{"secret": "/s"}', "", "answer_cache: needs TRANSIT_FEEDBACK_KEY_FILE"),
        ('{"secret": "/s", "ttl": "0s"}', "/k", "TRANSIT_ANSWER_CACHE[ttl]"),
        ('{"secret": "/s", "wait": "1s"}', "/k", "TRANSIT_ANSWER_CACHE[wait]"),
        ('{"secret": "/s", "url": "redis://h"}', "/k", "TRANSIT_ANSWER_CACHE[url]"),
        ("redis://h", "/k", "TRANSIT_ANSWER_CACHE: not JSON"),
    ],
)
def test_settings_that_can_not_be_are_told(cache: str, key: str, wrong: str) -> None:
    environment = {
        "TRANSIT_MODELS": '[{"name": "a", "version": "1.0.0"}]',
        "TRANSIT_STORAGE_URI": "file:///models",
        "TRANSIT_ANSWER_CACHE": cache,
        "TRANSIT_FEEDBACK_KEY_FILE": key,
    }
    with pytest.raises(SettingsError) as error:
        Settings.from_environment(environment)
    assert wrong in str(error.value)
