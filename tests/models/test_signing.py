"""Signatures: what nobody with a known key has signed is read by nobody."""

import base64
import json
import shutil
import subprocess
from pathlib import Path

import joblib
import pytest

from tests.server.bad_models import LeavesATrace
from transit_models import (
    IntegrityError,
    InvalidMetadata,
    SignatureError,
    Storage,
    fetch_verified,
    verify_version,
)
from transit_models.cli import main
from transit_models.errors import InvalidKey
from transit_models.integrity import CHECKSUMS, SIGNATURES, write_checksums
from transit_models.signing import Keys, sign
from transit_models.storage.local import LocalStorage

from .conftest import MakeVersion

pytestmark = pytest.mark.timeout(120)
# Of an algorithm that nobody has: 1.3.101.99.
UNKNOWN = f"""-----BEGIN PUBLIC KEY-----
{base64.b64encode(bytes.fromhex("302a300506032b6563032100") + bytes(32)).decode()}
-----END PUBLIC KEY-----
"""


def pair(folder: Path, name: str, kind: str = "ed25519") -> tuple[Path, str]:
    """A private key in a file and the public key, as openssl makes them."""
    private = folder / f"{name}.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", kind, "-out", private], check=True)
    public = ["openssl", "pkey", "-in", str(private), "-pubout"]
    return private, subprocess.run(public, check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="session")
def release(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    return pair(tmp_path_factory.mktemp("keys"), "release")


@pytest.fixture(scope="session")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    return pair(tmp_path_factory.mktemp("keys"), "stranger")


@pytest.fixture
def published(storage: Storage, make_version: MakeVersion) -> Storage:
    storage.publish(make_version(), "tiny", "1.0.0")
    return storage


def signed(storage: Storage, key: Path) -> None:
    assert main(["sign", storage.uri, "tiny@1.0.0", "--key", str(key)]) == 0


def test_what_is_signed_is_fetched_and_says_by_whom(
    published: Storage, release: tuple[Path, str], stranger: tuple[Path, str], tmp_path: Path
) -> None:
    signed(published, stranger[0])
    signed(published, release[0])
    keys = Keys({"old": pair(tmp_path, "old")[1], "release": release[1]})
    found = fetch_verified(published, "tiny", "1.0.0", tmp_path / "cache", keys=keys)
    assert found.signed_by == "release"
    assert found.directory.is_relative_to(tmp_path / "cache"), "nobody else may change it"
    again = fetch_verified(published, "tiny", "1.0.0", tmp_path / "cache", found.digest, keys)
    assert (again.directory, again.signed_by) == (found.directory, "release")
    assert fetch_verified(published, "tiny", "1.0.0", tmp_path / "other").signed_by == ""


def test_a_signature_goes_where_its_version_is_published(
    storage: Storage, make_version: MakeVersion, release: tuple[Path, str], tmp_path: Path
) -> None:
    first = LocalStorage(tmp_path / "first")
    first.publish(make_version(), "tiny", "1.0.0")
    signed(first, release[0])
    assert main(["publish", first.uri, storage.uri]) == 0
    keys = Keys({"release": release[1]})
    found = fetch_verified(storage, "tiny", "1.0.0", tmp_path / "cache", keys=keys)
    assert found.signed_by == "release"


def test_a_signature_changes_no_content(
    published: Storage, release: tuple[Path, str], tmp_path: Path
) -> None:
    before = published.digest("tiny", "1.0.0")
    signed(published, release[0])
    signed(published, release[0])
    assert published.digest("tiny", "1.0.0") == before
    assert published.signatures("tiny", "1.0.0").count(b"\n") == 1
    assert main(["verify", published.uri]) == 0
    assert published.versions("tiny") == ["1.0.0"]


def test_what_is_not_signed_is_refused_until_it_is(
    published: Storage, release: tuple[Path, str], stranger: tuple[Path, str], tmp_path: Path
) -> None:
    keys = Keys({"release": release[1]})
    for step, by in (("nothing", "by nobody"), ("stranger", "by the keys")):
        if step == "stranger":
            signed(published, stranger[0])
        with pytest.raises(SignatureError, match=rf"signed {by}.* release \(.*transit-models sign"):
            fetch_verified(published, "tiny", "1.0.0", tmp_path / "cache", keys=keys)
        assert not list((tmp_path / "cache").rglob("model.json")), "it is kept"
    signed(published, release[0])
    fetch_verified(published, "tiny", "1.0.0", tmp_path / "cache", keys=keys)


def test_who_may_write_and_not_sign_gets_nothing_in(
    release: tuple[Path, str], make_version: MakeVersion, tmp_path: Path
) -> None:
    """Other files, other checksums, another version's signature, a link: nothing is unpickled."""
    store, keys = LocalStorage(tmp_path / "store"), Keys({"release": release[1]})
    for version in ("1.0.0", "1.1.0"):
        store.publish(make_version("tiny", version, version.encode()), "tiny", version)
        assert main(["sign", str(store.root), f"tiny@{version}", "--key", str(release[0])]) == 0
    good = shutil.copytree(store.root, tmp_path / "good")
    trace, attacked = tmp_path / "trace", store.root / "tiny/v1.0.0"

    def evil_pickle() -> None:
        joblib.dump(LeavesATrace(trace), attacked / "preprocessing.pkl")

    def evil_checksums() -> None:
        evil_pickle()
        write_checksums(attacked)

    def another_version() -> None:
        shutil.rmtree(attacked)
        shutil.copytree(store.root / "tiny/v1.1.0", attacked)

    def another_signature() -> None:
        evil_checksums()
        shutil.copy(store.root / "tiny/v1.1.0" / SIGNATURES, attacked / SIGNATURES)

    def a_link_to_checksums() -> None:
        (attacked / CHECKSUMS).rename(tmp_path / "aside")
        (attacked / CHECKSUMS).symlink_to(tmp_path / "aside")

    def a_link_to_a_signature() -> None:
        (attacked / SIGNATURES).rename(tmp_path / "aside")
        (attacked / SIGNATURES).symlink_to(tmp_path / "aside")

    def an_added_file() -> None:
        (attacked / "sitecustomize.py").write_text("import os")

    def rubbish() -> None:
        (attacked / SIGNATURES).write_bytes(b"ed25519 x y\n\xff\xfe\ned25519 a b c\n" * 9)

    attacks = (evil_pickle, evil_checksums, another_version, another_signature,
               a_link_to_checksums, a_link_to_a_signature, an_added_file, rubbish)  # fmt: skip
    for number, attack in enumerate(attacks):
        attack()
        with pytest.raises((SignatureError, IntegrityError, InvalidMetadata)):
            fetch_verified(store, "tiny", "1.0.0", tmp_path / f"cache-{number}", keys=keys)
        shutil.rmtree(store.root)
        shutil.copytree(good, store.root)
    assert not trace.exists()
    fetch_verified(store, "tiny", "1.0.0", tmp_path / "cache", keys=keys)


def test_a_mounted_store_may_change_after_it_was_verified(
    release: tuple[Path, str], make_version: MakeVersion, tmp_path: Path
) -> None:
    store = LocalStorage(tmp_path / "store")
    store.publish(make_version(), "tiny", "1.0.0")
    signed(store, release[0])
    keys = Keys({"release": release[1]})
    found = fetch_verified(store, "tiny", "1.0.0", tmp_path / "cache", keys=keys)
    (store.root / "tiny/v1.0.0/preprocessing.pkl").write_bytes(b"evil")
    assert found.preprocessing is not None
    assert found.preprocessing.read_bytes() == b"steps of weights"
    verify_version(found.directory)


def test_only_what_is_intact_is_signed(
    release: tuple[Path, str], make_version: MakeVersion, tmp_path: Path
) -> None:
    store = LocalStorage(tmp_path / "store")
    store.publish(make_version(), "tiny", "1.0.0")
    (store.root / "tiny/v1.0.0/model.json").write_bytes(b"tampered")
    assert main(["sign", str(store.root), "tiny@1.0.0", "--key", str(release[0])]) == 4
    assert store.signatures("tiny", "1.0.0") == b""


def test_the_look_up_asks_for_a_signature(
    published: Storage, release: tuple[Path, str], capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["resolve", published.uri, "tiny@1.0.0", "--signed-by", json.dumps({"r": release[1]})]
    assert main(asked) == 4
    assert "signed by nobody" in capsys.readouterr().err
    signed(published, release[0])
    assert main(asked) == 0


def test_keys_that_can_not_be_used_are_told(tmp_path: Path, release: tuple[Path, str]) -> None:
    other, public = pair(tmp_path, "other", "x25519")
    with pytest.raises(InvalidKey, match="of another kind: make one with openssl genpkey"):
        Keys({"mine": public})
    with pytest.raises(InvalidKey, match="the key mine is no public key in PEM"):
        Keys({"mine": "-----BEGIN PUBLIC KEY-----\nx"})
    with pytest.raises(InvalidKey, match="the key mine is no public key in PEM"):
        Keys({"mine": UNKNOWN})
    for file, words in ((other, "of another kind"), (tmp_path / "none.pem", "no private key")):
        with pytest.raises(InvalidKey, match=words):
            sign("0" * 64, b"", file)


def test_an_empty_list_of_keys_lets_nothing_in(published: Storage, tmp_path: Path) -> None:
    with pytest.raises(SignatureError):
        fetch_verified(published, "tiny", "1.0.0", tmp_path, keys=Keys({}))


def test_integrity_is_asked_for_as_before(
    published: Storage, release: tuple[Path, str], tmp_path: Path
) -> None:
    signed(published, release[0])
    keys = Keys({"release": release[1]})
    found = fetch_verified(published, "tiny", "1.0.0", tmp_path / "cache", keys=keys)
    (found.directory / "model.json").write_bytes(b"spoilt")
    with pytest.raises(IntegrityError):
        verify_version(found.directory)
