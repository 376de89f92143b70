"""Writes OCI image layouts without a container tool: an image of one static program.

A layout is a folder `blobs/sha256/…` and an `index.json`. `local/nodestore.py` loads such folders
into containerd, and skips the blobs that are there already.
"""

from __future__ import annotations

import hashlib
import io
import json
import platform
import shutil
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LAYER = "application/vnd.oci.image.layer.v1.tar"
CONFIG = "application/vnd.oci.image.config.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
ACCOUNTS = "root:x:0:0:root:/:/sbin/nologin\nnobody:x:65534:65534:nobody:/:/sbin/nologin\n"
GROUPS = "root:x:0:\nnobody:x:65534:\n"


@dataclass(frozen=True)
class Layout:
    """An image in a folder. `manifest` is the digest of what a tag would point at."""

    folder: Path
    manifest: str

    def blob(self, digest: str) -> Path:
        """The file of a blob named sha256:HEX."""
        return self.folder / "blobs" / "sha256" / digest.partition(":")[2]

    def blobs(self) -> list[str]:
        """Every digest the image needs: manifest, configuration, layers."""
        content = json.loads(self.blob(self.manifest).read_text())
        layers = [layer["digest"] for layer in content["layers"]]
        return [self.manifest, content["config"]["digest"], *layers]


def read_layout(folder: Path) -> Layout:
    """The layout of a folder that holds one image."""
    index = json.loads((folder / "index.json").read_text())
    return Layout(folder, index["manifests"][-1]["digest"])


def program_image(folder: Path, program: Path, target: str, entrypoint: Sequence[str]) -> Layout:
    """An image FROM scratch with one static program at `target`, /tmp, and a nobody to run as."""
    if (folder / "index.json").exists():
        return read_layout(folder)
    part = folder.with_name(folder.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    (part / "blobs" / "sha256").mkdir(parents=True)
    layer_file = part / "layer.tar"
    with tarfile.open(layer_file, "w") as layer:
        temporary = tarfile.TarInfo("tmp")
        temporary.type, temporary.mode = tarfile.DIRTYPE, 0o1777
        layer.addfile(temporary)
        for name, text in {"etc/passwd": ACCOUNTS, "etc/group": GROUPS}.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(text), 0o644
            layer.addfile(entry, io.BytesIO(text.encode()))
        entry = tarfile.TarInfo(target.lstrip("/"))
        entry.size, entry.mode = program.stat().st_size, 0o755
        with program.open("rb") as source:
            layer.addfile(entry, source)
    with layer_file.open("rb") as content:
        layer_digest = hashlib.file_digest(content, "sha256").hexdigest()
    size = layer_file.stat().st_size
    layer_file.rename(part / "blobs" / "sha256" / layer_digest)
    config = _put(
        part,
        {
            "architecture": _architecture(),
            "os": "linux",
            "config": {"Entrypoint": list(entrypoint), "WorkingDir": "/"},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{layer_digest}"]},
        },
    )
    manifest = _put(
        part,
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {"mediaType": CONFIG, **config},
            "layers": [{"mediaType": LAYER, "digest": f"sha256:{layer_digest}", "size": size}],
        },
    )
    write_index(part, {"mediaType": MANIFEST, **manifest})
    shutil.rmtree(folder, ignore_errors=True)
    part.rename(folder)
    return read_layout(folder)


def write_index(folder: Path, manifest: dict[str, Any]) -> None:
    """The two files that make a folder of blobs an OCI layout."""
    (folder / "oci-layout").write_text(json.dumps({"imageLayoutVersion": "1.0.0"}))
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [manifest]}))


def _put(folder: Path, content: dict[str, Any]) -> dict[str, Any]:
    data = json.dumps(content, sort_keys=True).encode()
    digest = hashlib.sha256(data).hexdigest()
    (folder / "blobs" / "sha256" / digest).write_bytes(data)
    return {"digest": f"sha256:{digest}", "size": len(data)}


def _architecture() -> str:
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
