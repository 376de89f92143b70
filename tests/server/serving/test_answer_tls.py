"""The way to a Redis that speaks TLS: whom it is asked of, and what is said of any other."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.certificates import Authority
from tests.minio import mount
from tests.redis_server import RedisServer, running
from tests.server.serving.test_answer_rounds import asking, until

NAMED = "cache"
OWN_PASSWORD = "hunter2"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tls")


@pytest.fixture(scope="module")
def authority(folder: Path) -> Authority:
    return Authority(folder / "pki")


@pytest.fixture(scope="module")
def secure(folder: Path, authority: Authority) -> Iterator[RedisServer]:
    with running("redis", folder, authority) as server:
        yield server


async def test_what_is_kept_is_found(secure: RedisServer) -> None:
    async with asking(secure.secret) as (made, seen):
        await until(lambda: made.answers)
        made.keep("transit:answer:tls", b"entry")
        await until(lambda: seen.of("answer_cache_writes_total", result="stored") == 1)
        assert await made.look_up("transit:answer:tls") == b"entry"


@pytest.mark.parametrize(
    ("url", "trusts", "said"),
    [
        ("rediss://ADDRESS", "nobody", "CERTIFICATE_VERIFY_FAILED"),
        ("rediss://ADDRESS", "another", "CERTIFICATE_VERIFY_FAILED"),
        ("rediss://:x@localhost:PORT", "its own", "Hostname mismatch"),
        ("redis://ADDRESS", "its own", "Error while reading from 127.0.0.1"),
        ("rediss://ADDRESS", "no certificate", "or ca.crt no certificate"),
    ],
)
async def test_who_is_not_trusted_is_not_asked_and_a_mended_secret_counts(
    url: str,
    trusts: str,
    said: str,
    secure: RedisServer,
    authority: Authority,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    right = {"url": secure.url, "ca.crt": authority.certificate.read_text()}
    entries = {"url": url.replace("ADDRESS", secure.address).replace("PORT", str(secure.port))}
    match trusts:
        case "its own":
            entries["ca.crt"] = right["ca.crt"]
        case "another":
            entries["ca.crt"] = Authority(tmp_path / "another").certificate.read_text()
        case "no certificate":
            entries["ca.crt"] = "x"
    secret = tmp_path / "secret"
    mount(secret, entries)
    async with asking(secret) as (made, seen):
        await until(lambda: seen.failures >= 1)
        assert not made.answers
        assert said in caplog.text
        assert secure.address not in caplog.text
        mount(secret, right)
        await until(lambda: made.answers)


async def test_an_account_of_no_more_than_the_guide_says_is_enough(
    secure: RedisServer, authority: Authority, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    secure.client.acl_setuser(
        *(NAMED, True),
        passwords=[f"+{OWN_PASSWORD}"],
        commands=["+mget", "+set"],
        keys=["transit:*"],
    )
    secret = tmp_path / "secret"
    address = f"rediss://{NAMED}:{OWN_PASSWORD}@127.0.0.1:{secure.port}"
    own = {"ca.crt": authority.certificate.read_text()}
    mount(secret, {"url": f"{address}/1"} | own)
    async with asking(secret) as (made, seen):
        await until(lambda: seen.failures >= 1)
        assert "the account needs MGET and SET on transit:*, and SELECT" in caplog.text
        mount(secret, {"url": address} | own)
        await until(lambda: made.answers)
        made.keep("transit:answer:acl", b"entry")
        await until(lambda: seen.of("answer_cache_writes_total", result="stored") == 1)
        assert await made.look_up("transit:answer:acl") == b"entry"
    assert OWN_PASSWORD not in caplog.text


async def test_who_never_shakes_hands_is_told_as_such(
    authority: Authority, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """As a Redis without TLS, which waits for the end of what it takes for a command."""
    async with silent() as port:
        secret = tmp_path / "secret"
        own = {"ca.crt": authority.certificate.read_text()}
        mount(secret, {"url": f"rediss://127.0.0.1:{port}"} | own)
        async with asking(secret) as (made, seen):
            await until(lambda: seen.failures >= 1)
            assert not made.answers
    assert "does it speak TLS?" in caplog.text


@asynccontextmanager
async def silent() -> AsyncIterator[int]:
    """The port of a server that reads, and says nothing."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
