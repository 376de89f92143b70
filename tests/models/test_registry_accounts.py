"""Who asks a registry, and whom it trusts: real registries with TLS, passwords and tokens, and the
Secret of a pod, mounted and rotated.
"""

import base64
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.certificates import Authority
from tests.minio import mount
from transit_models import StorageUnavailable, fetch_verified, open_storage
from transit_models.storage.objects.secret import DOCKER_SECRET, Told
from transit_models.storage.oci.accounts import Account, account

from . import emulators, tokens
from .conftest import MakeVersion

pytestmark = pytest.mark.timeout(180)

WHO = emulators.REGISTRY_ACCOUNT
WRONG = Account(WHO.user, "wrong-and-secret")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("registry-pki"))


@pytest.fixture(scope="module")
def locked(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The host of a registry with TLS that knows one account."""
    folder = tmp_path_factory.mktemp("locked-registry")
    certificate, key = authority.issue("registry", "IP:127.0.0.1")
    auth = {"htpasswd": {"realm": "models", "path": str(emulators.passwords(folder))}}
    tls = {"tls": {"certificate": str(certificate), "key": str(key)}}
    with emulators.registry(folder, http=tls, auth=auth) as host:
        yield host


@pytest.fixture
def secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory of a mounted Secret, and no variable beside it."""
    for name in [name for name in os.environ if name.startswith(("OCI_", "AWS_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "no docker"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("TRANSIT_STORAGE_SECRET", str(tmp_path / "secret"))
    return tmp_path / "secret"


def docker(host: str, who: Account) -> dict[str, str]:
    """A Secret as kubectl create secret docker-registry makes it."""
    auth = base64.b64encode(f"{who.user}:{who.password}".encode()).decode()
    entry = {"username": who.user, "password": who.password, "auth": auth}
    return {DOCKER_SECRET: json.dumps({"auths": {host: entry}})}


def test_a_pull_secret_is_enough_and_counts_when_it_is_rotated(
    locked: str, authority: Authority, secret: Path, make_version: MakeVersion, tmp_path: Path
) -> None:
    trusted = {"ca.crt": authority.certificate.read_text()}
    storage = open_storage(f"oci://{locked}/models")
    mount(secret, trusted | docker(locked, WHO))
    storage.publish(make_version(), "tiny", "1.0.0")
    mount(secret, trusted | docker(locked, WRONG))
    with pytest.raises(StorageUnavailable, match="refuses the credentials") as refused:
        storage.digest("tiny", "1.0.0")
    assert WRONG.password not in str(refused.value)
    mount(secret, trusted)
    with pytest.raises(StorageUnavailable, match=r"check OCI_USERNAME.*storage\.secretName"):
        storage.digest("tiny", "1.0.0")
    mount(secret, trusted | {"OCI_USERNAME": WHO.user, "OCI_PASSWORD": WHO.password})
    fetched = fetch_verified(storage, "tiny", "1.0.0", tmp_path / "cache")
    assert fetched.digest == storage.digest("tiny", "1.0.0")


def test_without_its_authority_it_is_not_trusted_and_that_is_told(
    locked: str, secret: Path
) -> None:
    mount(secret, docker(locked, WHO))
    with pytest.raises(StorageUnavailable, match=r"not trusted.*ca\.crt of storage\.secretName"):
        open_storage(f"oci://{locked}/models").names()
    mount(secret, docker(locked, WHO) | {"ca.crt": "no certificate"})
    with pytest.raises(StorageUnavailable, match=r"ca\.crt can't be used"):
        open_storage(f"oci://{locked}/models").names()


def test_a_registry_without_tls_hears_nothing_unless_that_is_said(
    registry: str, secret: Path
) -> None:
    mount(secret, docker(registry, WHO))
    with pytest.raises(StorageUnavailable, match='OCI_PLAIN_HTTP: "true"'):
        open_storage(f"oci://{registry}/nothing").names()
    mount(secret, {"OCI_PLAIN_HTTP": "true"})
    assert open_storage(f"oci://{registry}/nothing").names() == []


def test_tokens_are_asked_for_and_asked_for_again(
    authority: Authority, secret: Path, make_version: MakeVersion, tmp_path: Path
) -> None:
    certificate, key = authority.issue("tokens")
    with tokens.tokens(certificate, key, WHO) as place:
        auth = tokens.settings(place.url, authority.certificate)
        with emulators.registry(tmp_path, auth=auth) as host:
            storage = open_storage(f"oci://{host}/models")
            mount(secret, docker(host, WHO) | {"OCI_PLAIN_HTTP": "true"})
            storage.publish(make_version(), "tiny", "1.0.0")
            fetch_verified(storage, "tiny", "1.0.0", tmp_path / "cache")
            assert storage.names() == ["tiny"]
            asked = {scope.replace("push,pull", "pull,push") for scope in place.given}
            assert asked == {  # the registry names both in any order
                "repository:models/tiny:pull",
                "repository:models/tiny:pull,push",
                "registry:catalog:*",
            }
            mount(secret, docker(host, WRONG) | {"OCI_PLAIN_HTTP": "true"})
            with pytest.raises(StorageUnavailable, match="refuses the credentials") as refused:
                storage.digest("tiny", "1.0.0")
            assert WRONG.password not in str(refused.value)
            mount(secret, docker(host, WHO) | {"OCI_PLAIN_HTTP": "true"})
            place.valid = -120  # beyond what a registry forgives a clock
            with pytest.raises(StorageUnavailable, match="refuses the credentials"):
                storage.digest("tiny", "1.0.0")
            place.valid = 60
            assert storage.resolve("tiny", "1.0.0") == "1.0.0"


def test_no_password_is_sent_to_a_place_for_tokens_without_tls(
    authority: Authority, secret: Path, tmp_path: Path
) -> None:
    certificate, key = authority.issue("registry", "IP:127.0.0.1")
    with tokens.tokens(*authority.issue("tokens"), WHO) as place:
        auth = tokens.settings(place.url, authority.certificate)
        tls = {"tls": {"certificate": str(certificate), "key": str(key)}}
        with emulators.registry(tmp_path, http=tls, auth=auth) as host:
            mount(secret, docker(host, WHO) | {"ca.crt": authority.certificate.read_text()})
            with pytest.raises(StorageUnavailable, match=r"sends to http:.* not https"):
                open_storage(f"oci://{host}/models").versions("tiny")
        assert place.given == []


@pytest.mark.parametrize(
    ("written", "host", "path", "user"),
    [
        ("registry.example.com", "registry.example.com", "team/models", "somebody"),
        ("https://registry.example.com/", "registry.example.com", "models", "somebody"),
        ("https://index.docker.io/v1/", "index.docker.io", "team", "somebody"),
        ("registry.example.com/team", "registry.example.com", "team/models", "somebody"),
        ("registry.example.com/team", "registry.example.com", "teams/models", None),
        ("registry.example.com", "registry.example.com:5000", "models", None),
        ("example.com", "registry.example.com", "models", None),
    ],
)
def test_an_account_is_of_its_registry_alone(
    written: str, host: str, path: str, user: str | None
) -> None:
    found = account(Told(docker(written, WHO), {}), host, path)
    assert (found.user if found else None) == user


def test_what_docker_login_left_counts_where_nothing_else_is_said(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(docker("registry.example.com", WHO)[DOCKER_SECRET])
    variables = {"DOCKER_CONFIG": str(tmp_path)}
    assert account(Told({}, variables), "registry.example.com", "models") == WHO
    mine = variables | {"OCI_USERNAME": "me", "OCI_PASSWORD": "mine"}
    assert account(Told({}, mine), "registry.example.com", "models") == Account("me", "mine")
    mounted = docker("registry.example.com", WRONG)
    assert account(Told(mounted, mine), "registry.example.com", "models") == WRONG
    (tmp_path / "config.json").write_text("no JSON")
    with pytest.raises(StorageUnavailable, match=r"config\.json is no configuration of Docker"):
        account(Told({}, variables), "registry.example.com", "models")
