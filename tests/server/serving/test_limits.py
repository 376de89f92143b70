"""Beyond a limit the answer comes at once and says what to do; nothing piles up."""

import asyncio
import gzip
import itertools
import json
import select
import socket
import time
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import joblib
import numpy as np
import pytest
from sklearn.tree import DecisionTreeClassifier

from tests.server.example_store import publish
from tests.server.running import RunningServer, eventually

ROW = [1.0] * 784
HUGE = 100 * 2**20


@pytest.fixture(scope="module")
def narrow(store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server that reads little, and not for long."""
    with RunningServer(
        store,
        tmp_path_factory.mktemp("narrow"),
        {"random_forest": "1.0.0"},
        max_body="4Mi",
        max_bodies="6Mi",
        request_timeout="1500ms",
    ) as server:
        yield server.until_ready()


def connected(server: RunningServer) -> socket.socket:
    link = socket.create_connection(("127.0.0.1", server.port), timeout=20)
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return link


def head(path: str, length: int) -> bytes:
    return f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n".encode()


def answer(link: socket.socket) -> tuple[int, dict[str, str], bytes]:
    """Status, headers (in lower case) and body."""
    got = b""
    while b"\r\n\r\n" not in got:
        got += received(link)
    first, _, rest = got.partition(b"\r\n")
    header, _, body = rest.partition(b"\r\n\r\n")
    pairs = (line.split(": ", 1) for line in header.decode().split("\r\n"))
    headers = {name.lower(): value for name, value in pairs}
    while len(body) < int(headers.get("content-length", 0)):
        body += received(link)
    return int(first.split()[1]), headers, body


def received(link: socket.socket) -> bytes:
    piece = link.recv(65536)
    assert piece, "the connection was closed in the middle of an answer"
    return piece


@pytest.mark.parametrize(
    "path", ["/api/v1/predict", "/api/v1/predict/batch", "/v2/models/random_forest/infer"]
)
def test_a_declared_hundred_megabytes_is_refused_before_it_is_sent(
    narrow: RunningServer, path: str
) -> None:
    with connected(narrow) as link:
        start = time.perf_counter()
        link.sendall(head(path, HUGE))
        status, headers, body = answer(link)
        assert (status, headers["connection"]) == (413, "close")
        assert time.perf_counter() - start < 1.0
        assert str(HUGE) in json.dumps(json.loads(body))


TEXT = json.dumps({"features": ROW}).encode()


def packed(size: int) -> bytes:
    return gzip.compress(TEXT + b" " * size, mtime=0)


PACKED: dict[str, tuple[str, bytes, int, str | None]] = {
    "good": ("gzip", packed(10), 200, None),
    "zlib": ("deflate", zlib.compress(TEXT), 200, None),
    "by its older name": ("x-gzip", packed(10), 200, None),
    "large": ("gzip", packed(2**20), 200, None),
    "hardly anything but space": ("gzip", packed(3 * 2**20), 422, "invalid_input"),
    "members": (
        "gzip",
        b"".join(gzip.compress(TEXT[i : i + 99]) for i in range(0, len(TEXT), 99)),
        200,
        None,
    ),
    "a byte order mark": ("gzip", gzip.compress(b"\xef\xbb\xbf" + TEXT), 200, None),
    "a mark, unpacked": ("identity", b"\xef\xbb\xbf" + TEXT, 200, None),
    "garbage behind": ("gzip", packed(10) + b"garbage", 400, "malformed_body"),
    "zeros behind": ("gzip", packed(10) + bytes(99), 400, "malformed_body"),
    "garbage behind zlib": ("deflate", zlib.compress(TEXT) + b"x", 400, "malformed_body"),
    "a member cut off": ("gzip", packed(10) + packed(10)[:-9], 400, "malformed_body"),
    "endless members": ("gzip", gzip.compress(b"") * 20_000, 413, "body_too_large"),
    "packed as the other": ("deflate", packed(10), 400, "malformed_body"),
    "a bomb": ("gzip", packed(50 * 2**20), 413, "body_too_large"),
    "cut off": ("gzip", packed(10)[:-20], 400, "malformed_body"),
    "not packed": ("gzip", b"{}", 400, "malformed_body"),
    "unknown": ("br", b"{}", 415, "unsupported_encoding"),
}


@pytest.mark.parametrize("name", PACKED)
def test_packed_bodies(narrow: RunningServer, name: str) -> None:
    encoding, sent, status, code = PACKED[name]
    response = narrow.client.post(
        "/api/v1/predict", content=sent, headers={"Content-Encoding": encoding}
    )
    assert response.status_code == status, response.text
    assert response.json().get("error", {}).get("code") == code


async def test_unpacked_bodies_share_the_limit(store: Path, tmp_path: Path) -> None:
    """Small as they are sent, and in one piece: what they unpack to is counted, before it is
    unpacked; probes and metrics are answered meanwhile.
    """
    sent = packed(15 * 2**20)
    assert len(sent) < 64 * 1024
    headers = {"Content-Encoding": "gzip"}
    with RunningServer(
        store, tmp_path, {"random_forest": "1.0.0"}, max_body="16Mi", max_bodies="64Mi"
    ) as server:
        await asyncio.to_thread(server.until_ready)
        before = server.peak_memory()
        limits = httpx.Limits(max_connections=None)
        async with httpx.AsyncClient(base_url=server.url, timeout=60, limits=limits) as client:
            asking = [
                asyncio.create_task(client.post("/api/v1/predict", content=sent, headers=headers))
                for _ in range(60)
            ]
            probed = 0
            while not all(task.done() for task in asking):
                assert await asyncio.to_thread(server.status, "/health/live") == 200
                assert await asyncio.to_thread(server.status, "/metrics") == 200
                probed += 1
            statuses = {(await task).status_code for task in asking}
        assert probed
        assert statuses <= {422, 503}  # there is far more space in it than a row takes
        assert 422 in statuses
        # Decoding takes some more; without the limit, these would take 900.
        assert server.peak_memory() - before < 3 * 64
        assert server.predict(ROW).status_code == 200


@pytest.mark.parametrize("length", ["-1", "1e3", "٣"])
def test_a_content_length_that_is_none(narrow: RunningServer, length: str) -> None:
    with connected(narrow) as link:
        text = f"POST /api/v1/predict HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n"
        link.sendall(text.encode())
        assert answer(link)[0] == 400


@pytest.mark.parametrize("sent", [b"", b'{"features": ['])
def test_a_body_that_does_not_come_is_given_up(narrow: RunningServer, sent: bytes) -> None:
    with connected(narrow) as link:
        start = time.perf_counter()
        link.sendall(head("/api/v1/predict", 1000) + sent)
        status, headers, body = answer(link)
        assert (status, headers["connection"]) == (408, "close")
        assert json.loads(body)["error"]["code"] == "slow_body"
        assert 1.4 < time.perf_counter() - start < 10


def test_large_bodies_share_a_limit(narrow: RunningServer) -> None:
    """Of three that are on their way, two take what there is and one is refused; small ones go
    on.
    """
    part = b" " * (3 * 2**20 - 1000)
    with connected(narrow) as first, connected(narrow) as second, connected(narrow) as third:
        for link in (first, second, third):
            link.sendall(head("/api/v1/predict/batch", len(part) + 500) + part)
        answered, _, _ = select.select((first, second, third), (), (), 20)
        status, headers, body = answer(answered[0])
        code = json.loads(body)["error"]["code"]
        if code == "slow_body":  # this machine took over a second: one that came before gave way
            assert (status, headers["connection"]) == (408, "close")
        else:
            assert (status, headers["retry-after"], code) == (503, "1", "overloaded")
        assert narrow.predict(ROW).status_code == 200
        left = [link for link in (first, second, third) if link is not answered[0]]
        assert [answer(link)[0] for link in left] == [408, 408]
    body = json.dumps({"features": 800 * [ROW]}).encode()
    eventually(
        lambda: narrow.client.post("/api/v1/predict/batch", content=body).status_code == 200,
        "room again, when those bodies are given up",
        10,
    )


def test_small_bodies_that_do_not_come_make_room(store: Path, tmp_path: Path) -> None:
    """They take all the room that there is for small ones, long before they are given up."""
    with (
        RunningServer(store, tmp_path, {"random_forest": "1.0.0"}, max_bodies="32Mi") as server,
        ExitStack() as links,
    ):
        server.until_ready()
        room, slow = 4 * 2**20, []
        while room > 0:
            part = min(64_000, room)
            slow.append(links.enter_context(connected(server)))
            slow[-1].sendall(head("/api/v1/predict", part + 1) + b" " * part)
            room -= part
        eventually(lambda: server.predict(ROW).status_code == 503, "no room", 10)
        eventually(lambda: server.predict(ROW).status_code == 200, "room again", 10)
        status, headers, body = answer(slow[0])
        assert (status, headers["connection"]) == (408, "close")
        assert "room" in json.loads(body)["error"]["message"]
        slow[-1].sendall(b" ")
        assert answer(slow[-1])[0] == 400, "one that comes in the end is read"


@pytest.mark.parametrize(
    ("name", "shape", "depth"),
    [("as deep as its shape", [1] * 900 + [784], 900), ("deeper", [1, 784], 5000)],
)
def test_deep_tensors(narrow: RunningServer, name: str, shape: list[int], depth: int) -> None:
    data = "[" * depth + ", ".join(["1.0"] * 784) + "]" * depth
    body = (
        '{"inputs": [{"name": "features", "datatype": "FP32", '
        f'"shape": {json.dumps(shape)}, "data": {data}}}]}}'
    )
    response = narrow.client.post("/v2/models/random_forest/infer", content=body.encode())
    assert response.status_code == 422
    assert isinstance(response.json()["error"], str)


async def test_a_full_queue_refuses_at_once(store: Path, tmp_path: Path) -> None:
    """While the model is at its first row, which takes 20 s: one works, two wait, and the others
    are answered before any of those.
    """
    with RunningServer(
        store, tmp_path, {"hangs": "1.0.0"}, batch_max_size="1", max_queue="2"
    ) as server:
        await asyncio.to_thread(server.until_ready)
        async with httpx.AsyncClient(base_url=server.url, timeout=60) as client:

            async def post() -> int:
                body = {"features": [1000.0, *ROW[1:]]}
                return (await client.post("/api/v1/predict", json=body)).status_code

            asking = [asyncio.create_task(post()) for _ in range(40)]
            for first in itertools.islice(asyncio.as_completed(asking), 37):
                assert await first == 503
            assert len([task for task in asking if not task.done()]) == 3
            server.process.kill()
            await asyncio.gather(*asking, return_exceptions=True)


def test_a_row_may_be_as_large_as_its_model_s_rows(tmp_path: Path) -> None:
    """A picture of 224 x 224 points in three colours is over a megabyte of JSON; the limit is the
    setting's.
    """
    features = 224 * 224 * 3
    rows = np.random.default_rng(0).random((12, features), dtype=np.float32)
    model = DecisionTreeClassifier(random_state=0).fit(rows, np.arange(12) % 3)
    publish(
        tmp_path / "store",
        "pictures",
        "1.0.0",
        ".joblib",
        lambda path: joblib.dump(model, path),
        features=features,
    )
    body = json.dumps({"features": [float(value) for value in rows[0]]}).encode()
    assert len(body) > 2 * 2**20
    with RunningServer(
        tmp_path / "store", tmp_path / "work", {"pictures": "1.0.0"}, max_body="4Mi"
    ) as server:
        server.until_ready()
        answer = server.client.post("/api/v1/predict", content=body)
        assert answer.status_code == 200, answer.text
        assert answer.json()["prediction"]["class_id"] == model.predict(rows[:1])[0]
        more = server.client.post("/api/v1/predict", content=body + b" " * 2**21)
        assert more.status_code == 413


def test_far_more_values_than_a_row_has_are_refused_undecoded(narrow: RunningServer) -> None:
    body = b'{"features": [' + b"1," * 1_000_000 + b"1]}"
    answer = narrow.client.post("/api/v1/predict", content=body)
    assert answer.status_code == 422
    assert "far more than" in answer.json()["error"]["message"]
