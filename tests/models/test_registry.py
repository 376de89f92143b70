"""A store in a registry, beyond what every store does: a real registry of CNCF's distribution."""

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from transit_models import (
    ContentChanged,
    IntegrityError,
    InvalidReference,
    StorageUnavailable,
    VersionConflict,
    fetch_verified,
    open_storage,
)
from transit_models.cli import main
from transit_models.integrity import CHECKSUMS, write_checksums
from transit_models.storage.objects.pieces import PARALLEL, PIECE
from transit_models.storage.oci.manifests import (
    Blob,
    Manifest,
    blob_of,
    file_manifest,
    read_manifest,
    version_manifest,
)
from transit_models.storage.oci.storage import OciStorage

from . import emulators
from .conftest import MakeVersion
from .test_downloading import LARGE, MEGABYTE, Wire

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def store(repositories: str) -> OciStorage:
    return OciStorage(repositories)


def manifest_of(store: OciStorage, name: str, version: str) -> Manifest:
    found = store.objects.version(name, version)
    assert found is not None
    return found


def test_commands_work_as_with_every_store(
    repositories: str, make_version: MakeVersion, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = tmp_path / "made here" / "tiny" / "v1.0.0"
    made.parent.mkdir(parents=True)
    make_version().rename(made)
    (made.parent / "latest").write_text("v1.0.0\n")
    source = str(made.parents[1])
    assert main(["publish", source, repositories]) == 0
    assert main(["publish", source, repositories]) == 0
    assert ": 0 of 1 version\n" in capsys.readouterr().err
    assert main(["list", repositories]) == 0
    assert capsys.readouterr().out == "tiny@1.0.0  <- latest\n"
    assert main(["verify", repositories]) == 0
    capsys.readouterr()
    assert main(["resolve", repositories, "tiny@latest"]) == 0
    digest = hashlib.sha256((made / CHECKSUMS).read_bytes()).hexdigest()
    said = json.loads(capsys.readouterr().out)
    assert said == [{"name": "tiny", "version": "1.0.0", "digest": digest}]
    assert main(["discard", repositories, "tiny@1.0.0"]) == 1
    assert main(["discard", repositories, "tiny@2.0.0"]) == 0


def test_a_version_is_a_model_pack_whose_layers_are_its_files(
    store: OciStorage, make_version: MakeVersion
) -> None:
    made = make_version()
    (made / "sub").mkdir()
    (made / "sub" / "words.json").write_bytes(b"{}")
    write_checksums(made)
    store.publish(made, "tiny", "1.0.0")
    found = json.loads(manifest_of(store, "tiny", "1.0.0").body)
    assert found["artifactType"] == "application/vnd.cncf.model.manifest.v1+json"
    layers = {layer["annotations"]["org.cncf.model.filepath"]: layer for layer in found["layers"]}
    files = [path for path in made.rglob("*") if path.is_file()]
    assert {
        path.relative_to(made).as_posix(): f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"
        for path in files
    } == {name: layer["digest"] for name, layer in layers.items()}
    kinds = {name: layer["mediaType"] for name, layer in layers.items()}
    assert kinds["preprocessing.pkl"] == "application/vnd.cncf.model.weight.v1.raw"
    assert kinds["sub/words.json"] == "application/vnd.cncf.model.weight.config.v1.raw"


def test_a_build_is_a_tag_of_its_own(store: OciStorage, make_version: MakeVersion) -> None:
    for version in ("1.0.0", "1.0.0+cpu.2"):
        store.publish(make_version(version=version), "tiny", version)
    assert store.versions("tiny") == ["1.0.0", "1.0.0+cpu.2"]
    store.set_alias("tiny", "stable", "1.0.0+cpu.2")
    assert store.resolve("tiny", "stable") == "1.0.0+cpu.2"


def test_who_is_second_while_the_files_are_sent_is_told(
    store: OciStorage, make_version: MakeVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = make_version(content=b"first"), make_version(content=b"second")
    send = store.objects.registry.put_blob

    def overtaken(repository: str, blob: Blob, body: bytes | Path) -> None:
        OciStorage(store.uri).publish(first, "tiny", "1.0.0")
        send(repository, blob, body)

    monkeypatch.setattr(store.objects.registry, "put_blob", overtaken)
    with pytest.raises(VersionConflict, match="never changes"):
        store.publish(second, "tiny", "1.0.0")
    assert (
        store.digest("tiny", "1.0.0")
        == hashlib.sha256((first / CHECKSUMS).read_bytes()).hexdigest()
    )


def test_a_tag_that_somebody_moved_is_refused_by_who_knows_the_digest(
    store: OciStorage, make_version: MakeVersion, tmp_path: Path
) -> None:
    """What no registry that lets tags move can rule out."""
    store.publish(make_version(content=b"first"), "tiny", "1.0.0")
    digest = store.digest("tiny", "1.0.0")
    other = OciStorage(f"{store.uri}/of-others")
    other.publish(make_version(content=b"other"), "tiny", "1.0.0")
    registry, moved = store.objects.registry, manifest_of(other, "tiny", "1.0.0")
    repository = f"{store.objects.path}/tiny"
    for name, blob in moved.files.items():
        body = other.objects.read(f"tiny/v1.0.0/{name}")
        registry.put_blob(repository, blob, body or b"")
    config = json.loads(moved.body)["config"]
    held = Blob(config["digest"], config["size"])
    registry.put_blob(
        repository, held, other.objects.registry.small(f"{other.objects.path}/tiny", held)
    )
    registry.put_manifest(repository, "1.0.0", moved.body)
    with pytest.raises(ContentChanged, match=digest):
        fetch_verified(store, "tiny", "1.0.0", tmp_path, digest)


@pytest.mark.parametrize("of", ["another layer", "a missing layer"])
def test_a_manifest_that_is_not_what_the_checksums_say_is_refused(
    store: OciStorage, make_version: MakeVersion, tmp_path: Path, of: str
) -> None:
    store.publish(make_version(), "tiny", "1.0.0")
    manifest, repository = manifest_of(store, "tiny", "1.0.0"), f"{store.objects.path}/tiny"
    registry, files = store.objects.registry, dict(manifest.files)
    evil = b"another model"
    registry.put_blob(repository, blob_of(evil), evil)
    files.pop("model.json")
    if of == "another layer":
        files["model.json"] = blob_of(evil)
    config = json.loads(manifest.body)["config"]
    body = version_manifest("1.0.0", Blob(config["digest"], config["size"]), files)
    registry.put_manifest(repository, "1.0.0", body)
    with pytest.raises(IntegrityError, match=r"model\.json"):
        fetch_verified(store, "tiny", "1.0.0", tmp_path)
    assert not (tmp_path / "tiny/v1.0.0").exists()


def test_what_else_is_in_the_repository_is_no_version_and_stays(
    store: OciStorage, make_version: MakeVersion
) -> None:
    repository, registry = f"{store.objects.path}/tiny", store.objects.registry
    for body in (b"{}", b"an image"):
        registry.put_blob(repository, blob_of(body), body)
    image = file_manifest("application/x.image", "", blob_of(b"an image"))
    for tag in ("latest", "1.0.0", "nightly"):
        registry.put_manifest(repository, tag, image)
    with pytest.raises(IntegrityError, match=r"application/x\.image"):
        store.resolve("tiny", "1.0.0")
    with pytest.raises(InvalidReference, match="something else than a version"):
        store.resolve("tiny", "latest")
    with pytest.raises(VersionConflict, match="never changes"):
        store.publish(make_version(), "tiny", "1.0.0")
    assert manifest_of(store, "tiny", "1.0.0").body == image


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a//b"])
def test_no_layer_leads_out_of_its_version(name: str) -> None:
    config = blob_of(b"{}")
    with pytest.raises(IntegrityError, match="Refused"):
        read_manifest(version_manifest("1.0.0", config, {name: config}))


@pytest.mark.parametrize(
    ("uri", "name", "says"),
    [
        ("oci://registry.example.com", "tiny", "registry.example.com/team/models"),
        ("oci://registry.example.com/models:1.0.0", "tiny", "without a tag"),
        ("oci://user:hidden@registry.example.com/models", "tiny", "without a tag"),
        ("oci://registry.example.com/Models", "tiny", "in small letters"),
        ("oci://registry.example.com/a/../b", "tiny", "in small letters"),
        ("oci://registry.example.com/models", "Tiny", "can't name a repository"),
        ("oci://registry.example.com/models", "a..b", "can't name a repository"),
    ],
)
def test_what_can_be_no_repository_is_told(uri: str, name: str, says: str) -> None:
    with pytest.raises(InvalidReference, match=says):
        open_storage(uri).versions(name)


@pytest.fixture
def wire(registry: str) -> Iterator[Wire]:
    found = Wire(int(registry.rpartition(":")[2]))
    yield found
    found.close()


@pytest.fixture
def large(store: OciStorage, make_version: MakeVersion) -> str:
    """The path of a store whose version has one large file and a few small ones."""
    version = make_version()
    with (version / "weights.bin").open("wb") as file:
        for number in range(LARGE // MEGABYTE):
            file.write(number.to_bytes(1) * MEGABYTE)
    write_checksums(version)
    store.publish(version, "tiny", "1.0.0")
    return store.objects.path


def test_a_download_that_breaks_off_goes_on(large: str, wire: Wire, tmp_path: Path) -> None:
    storage = open_storage(f"oci://127.0.0.1:{wire.port}/{large}")
    wire.left = LARGE * 3 // 4
    with pytest.raises(StorageUnavailable, match=r"127\.0\.0\.1:\d+/.* (broke off|reached)"):
        storage.fetch("tiny", "1.0.0", tmp_path)
    assert not (tmp_path / "tiny/v1.0.0").exists(), "half of a version is seen"
    first, wire.left = wire.carried, 1 << 60
    found = fetch_verified(storage, "tiny", "1.0.0", tmp_path)
    assert (found.directory / "weights.bin").stat().st_size == LARGE
    assert wire.carried - first < LARGE - first + 2 * PARALLEL * PIECE, "it began anew"


def test_memory_is_bounded_whatever_the_size(large: str, registry: str, tmp_path: Path) -> None:
    code = """
import resource, sys
from pathlib import Path
from transit_models import open_storage
storage = open_storage(sys.argv[1])
storage.digest("tiny", "1.0.0")
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
storage.fetch("tiny", "1.0.0", Path(sys.argv[2]))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    command = [sys.executable, "-c", code, f"oci://{registry}/{large}", str(tmp_path / "cache")]
    more = int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert more * 1024 < 2.5 * PARALLEL * PIECE, f"{more} kB more"


def test_blobs_may_be_on_another_host_which_hears_no_password(
    make_version: MakeVersion, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of clouds, whose registries send to their storage."""
    for name, value in {
        "OCI_PLAIN_HTTP": "true",
        "OCI_USERNAME": emulators.REGISTRY_ACCOUNT.user,
        "OCI_PASSWORD": emulators.REGISTRY_ACCOUNT.password,
        "NO_PROXY": "127.0.0.1",
    }.items():
        monkeypatch.setenv(name, value)
    heard: list[str | None] = []
    (tmp_path / "blobs").mkdir()
    with emulators.web(tmp_path / "blobs", heard=heard) as elsewhere:
        middleware = {"storage": [{"name": "redirect", "options": {"baseurl": elsewhere}}]}
        auth = {"htpasswd": {"realm": "models", "path": str(emulators.passwords(tmp_path))}}
        with emulators.registry(tmp_path, middleware=middleware, auth=auth) as host:
            storage = open_storage(f"oci://{host}/models")
            storage.publish(make_version(), "tiny", "1.0.0")
            fetch_verified(storage, "tiny", "1.0.0", tmp_path / "cache")
    assert heard
    assert set(heard) == {None}
