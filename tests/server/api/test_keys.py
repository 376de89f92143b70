"""API keys and rates: who may ask, how often, and that no key is ever shown."""

import hashlib
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server.running import RunningServer, eventually
from transit_server.errors import RateLimited
from transit_server.http.access.api_keys import BadKeys, Keys, parse_keys, read_keys
from transit_server.http.access.gate import Gate, TokenBucket
from transit_server.observability.metrics import Metrics

ROW = [1.0] * 784
WEB, PHONE, NEXT = (secrets.token_hex(24) for _ in range(3))


def hashed(key: str) -> str:
    return "sha256:" + hashlib.sha256(key.encode()).hexdigest()


def digest(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()


def test_lines() -> None:
    text = f"# two clients\nweb={WEB}\n\n phone = {hashed(PHONE).upper().replace('SHA', 'sha')}\n"
    assert parse_keys(text) == {"web": digest(WEB), "phone": digest(PHONE)}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("just-a-key-without-a-name", "line 1 is not NAME=KEY"),
        ("web=0123456789abcde", "at least 16 characters"),
        ("web=", "at least 16 characters"),
        ("web=sha256:abcdef-not-hex-at-all", "64 hex digits"),
        ("a b=0123456789abcdef", "a key's name"),
        ("web=0123456789abcdef\nweb=0123456789abcdef0", "line 2: the name 'web' is there twice"),
    ],
)
def test_wrong_lines(text: str, words: str) -> None:
    with pytest.raises(BadKeys) as caught:
        parse_keys(text)
    assert words in str(caught.value)
    assert "0123456789" not in str(caught.value)
    assert "just-a-key" not in str(caught.value)


def test_a_mounted_secret(tmp_path: Path) -> None:
    """Kubernetes keeps the files behind links whose names begin with dots."""
    real = tmp_path / "..2026"
    real.mkdir()
    (real / "web").write_text(WEB + "\n")
    (real / "phone").write_text(hashed(PHONE))
    (tmp_path / "..data").symlink_to(real)
    for name in ("web", "phone"):
        (tmp_path / name).symlink_to(f"..data/{name}")
    assert read_keys(tmp_path) == {"web": digest(WEB), "phone": digest(PHONE)}
    with pytest.raises(BadKeys, match="can't be read"):
        read_keys(tmp_path / "nothing")


def test_who_is_it() -> None:
    keys = Keys({"web": digest(WEB), "phone": digest(PHONE)})
    assert keys.name_of(WEB.encode()) == "web"
    assert keys.name_of(PHONE.encode()) == "phone"
    assert keys.name_of(NEXT.encode()) is None
    assert keys.name_of(hashed(WEB).encode()) is None  # a stolen hash is no key


def test_bucket() -> None:
    bucket = TokenBucket(2.0, 3, 0.0)
    assert [bucket.take(0.0) for _ in range(4)] == [0, 0, 0, 0.5]
    assert bucket.take(0.4) == pytest.approx(0.1)
    assert bucket.take(0.5) == 0
    assert [bucket.take(100.0) for _ in range(4)] == [0, 0, 0, 0.5]  # never more than the burst


def test_each_key_has_its_own_rate() -> None:
    now = 0.0
    gate = Gate(
        Keys({"web": digest(WEB), "phone": digest(PHONE)}), 1.0, 2, Metrics("ml/kepler", "r"),
        lambda: now,
    )  # fmt: skip
    web, phone = ([(b"x-api-key", key.encode())] for key in (WEB, PHONE))
    assert [gate.admit(web), gate.admit(web), gate.admit(phone)] == ["web", "web", "phone"]
    with pytest.raises(RateLimited) as caught:
        gate.admit(web)
    assert caught.value.retry_after == 1.0
    assert gate.admit(phone) == "phone"
    now = 1.0
    assert gate.admit(web) == "web"


@pytest.fixture(scope="module")
def locked(store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    work = tmp_path_factory.mktemp("locked")
    (work / "keys").write_text(f"phone={hashed(PHONE)}\n")
    with RunningServer(
        store,
        work,
        {"random_forest": "1.0.0"},
        api_keys=f"web={WEB}",
        api_keys_file=str(work / "keys"),
        access_log="all",
    ) as server:
        yield server.until_ready()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"X-API-Key": ""}, 401),
        ({"X-API-Key": NEXT}, 401),
        ({"X-API-Key": hashed(PHONE)}, 401),
        ({"Authorization": f"Basic {WEB}"}, 401),
        ({"X-API-Key": WEB}, 200),
        ({"X-API-Key": PHONE}, 200),
        ({"Authorization": f"Bearer {WEB}"}, 200),
        ({"authorization": f"bearer {PHONE}"}, 200),
    ],
)
def test_keys(locked: RunningServer, headers: dict[str, str], status: int) -> None:
    for method, path, body in (
        ("POST", "/api/v1/predict", {"features": ROW}),
        ("GET", "/api/v1/models", None),
        ("GET", "/v2/models/random_forest", None),
    ):
        response = locked.client.request(method, path, json=body, headers=headers)
        assert response.status_code == status, path
        assert response.headers["x-transit-revision"] == "7f9c4d2b1a"
        assert response.headers["x-request-id"]
        if status == 401:
            assert response.headers["www-authenticate"].startswith("Bearer")
            error = response.json()["error"]
            assert isinstance(error, str) if path.startswith("/v2") else error["code"]


@pytest.mark.parametrize(
    "path",
    ["/health", "/api/v1/health", "/v2/health/live", "/v2/health/ready", "/openapi.json", "/docs"],
)
def test_health_and_the_document_need_none(locked: RunningServer, path: str) -> None:
    assert locked.client.get(path).status_code == 200


@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/metrics"])
def test_probes_need_none(locked: RunningServer, path: str) -> None:
    assert locked.status(path) == 200


def test_the_document_says_so(locked: RunningServer, trees: RunningServer) -> None:
    document = locked.client.get("/openapi.json").json()
    assert set(document["components"]["securitySchemes"]) == {"key", "bearer"}
    assert document["paths"]["/api/v1/predict"]["post"]["security"] == [{"key": []}, {"bearer": []}]
    assert "security" not in document["paths"]["/health"]["get"]
    assert (
        "security"
        not in trees.client.get("/openapi.json").json()["paths"]["/api/v1/predict"]["post"]
    )


def test_rotation_without_a_restart(locked: RunningServer) -> None:
    """The old and the new key are valid side by side, then the new one alone."""
    file = locked.log.parent / "keys"

    def status(key: str) -> int:
        return locked.client.get("/api/v1/models", headers={"X-API-Key": key}).status_code

    file.write_text(f"phone={hashed(PHONE)}\nphone-2={hashed(NEXT)}\n")
    eventually(lambda: status(NEXT) == 200, "the new key", 10)
    assert status(PHONE) == 200
    file.write_text("what is this")
    eventually(lambda: "the API keys stay as they were" in locked.log.read_text(), "a word", 10)
    assert status(NEXT) == 200
    file.write_text(f"phone-2={hashed(NEXT)}\n")
    eventually(lambda: status(PHONE) == 401, "the old key's end", 10)
    assert (status(NEXT), status(WEB)) == (200, 200)
    file.write_text(f"phone={hashed(PHONE)}\n")
    eventually(lambda: status(PHONE) == 200, "the key of the other tests", 10)
    log = locked.log.read_text()
    for key in (WEB, PHONE, NEXT):
        assert key not in log
        assert hashed(key).removeprefix("sha256:") not in log
    assert '"client":"web"' in log


def test_refusals_are_counted(locked: RunningServer) -> None:
    before = locked.metrics()
    locked.predict(ROW)
    after = locked.metrics()
    key = ("requests_refused_total",
           frozenset({"reason": "unauthorized", "client": ""}.items()))  # fmt: skip
    assert after[key] == before.get(key, 0) + 1
    assert {k: v for k, v in after.items() if k[0] == "predictions_total"} == {
        k: v for k, v in before.items() if k[0] == "predictions_total"
    }


def test_rate(store: Path, tmp_path: Path) -> None:
    with RunningServer(
        store, tmp_path, {"random_forest": "1.0.0"}, rate_limit="0.5", rate_burst="3"
    ) as server:
        server.until_ready()
        answers = [server.predict(ROW) for _ in range(4)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
        assert answers[-1].json()["error"]["code"] == "rate_limited"
        assert answers[-1].headers["retry-after"] == "2"
        assert [server.status("/health/ready") for _ in range(9)] == [200] * 9
        assert server.metric("requests_refused_total", reason="rate_limited", client="") == 1
        eventually(lambda: server.predict(ROW).status_code == 200, "another token", 10)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"api_keys": "web"}, "TRANSIT_API_KEYS: line 1"),
        ({"api_keys_file": "/nothing"}, "TRANSIT_API_KEYS_FILE: /nothing can't be read"),
        ({"rate_burst": "3"}, "without TRANSIT_RATE_LIMIT"),
    ],
)
def test_wrong_settings_end_the_start(
    store: Path, tmp_path: Path, settings: dict[str, str], words: str
) -> None:
    with RunningServer(store, tmp_path, {"random_forest": "1.0.0"}, **settings) as server:
        assert server.process.wait(30) == 2
        assert words in server.termination_log.read_text()
