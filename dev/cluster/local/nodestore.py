"""Puts images into a node's containerd: only the blobs it lacks are streamed to it.

That is what makes a rebuilt image cheap to load: a changed application layer is kilobytes, the
gigabyte of libraries below it stays.
"""

from __future__ import annotations

import io
import json
import subprocess
import tarfile
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import IO

from .. import paths, shape, shell
from ..images.oci import MANIFEST, Layout
from ..shape import Node
from ..ui import StepFailed
from . import node


def load(images: Mapping[str, Layout], nodes: Sequence[Node] = shape.NODES) -> None:
    """Load images (name -> layout) into all nodes at a time; those that are there stay."""
    with ThreadPoolExecutor(len(nodes)) as pool:
        list(pool.map(lambda one: _load(one, images), nodes))


def loaded(target: Node) -> dict[str, str]:
    """Image name -> manifest digest, of what the node has."""
    rows = shell.output([*_ctr(target), "images", "ls"]).splitlines()[1:]
    return {columns[0]: columns[2] for row in rows if len(columns := row.split()) > 2}


def answers(target: Node) -> bool:
    """Whether the node's containerd is there."""
    return shell.succeeds([*_ctr(target), "version"])


def _load(target: Node, images: Mapping[str, Layout]) -> None:
    have = loaded(target)
    wanted = {name: image for name, image in images.items() if have.get(name) != image.manifest}
    if not wanted:
        return
    blobs = set(shell.output([*_ctr(target), "content", "ls", "-q"]).split())
    for name, image in wanted.items():
        _import(target, name, image, blobs)
        blobs.update(image.blobs())


def _import(target: Node, name: str, image: Layout, present: set[str]) -> None:
    log = paths.logs() / f"load-{target.name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as sink, tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            [str(part) for part in (*_ctr(target), "images", "import", "-")],
            stdin=subprocess.PIPE,
            stdout=sink,
            stderr=errors,
        )
        try:
            if process.stdin:
                with process.stdin:
                    _write(process.stdin, name, image, present)
        except BrokenPipeError:
            pass  # the exit code and the log tell why
        code = process.wait()
        errors.seek(0)
        sink.write(errors.read())
    if code != 0:
        raise StepFailed(f"{target.name} did not take the image {name}", log)


def _write(sink: IO[bytes], name: str, image: Layout, present: set[str]) -> None:
    """The layout as a tar stream, under the image's full name, without the blobs that are there."""
    manifest = image.blob(image.manifest)
    index = {
        "schemaVersion": 2,
        "manifests": [
            {
                "mediaType": json.loads(manifest.read_text()).get("mediaType", MANIFEST),
                "digest": image.manifest,
                "size": manifest.stat().st_size,
                "annotations": {"io.containerd.image.name": name},
            }
        ],
    }
    with tarfile.open(fileobj=sink, mode="w|", bufsize=1 << 20) as stream:
        for path, text in {
            "oci-layout": '{"imageLayoutVersion":"1.0.0"}',
            "index.json": json.dumps(index),
        }.items():
            entry = tarfile.TarInfo(path)
            entry.size = len(text)
            stream.addfile(entry, io.BytesIO(text.encode()))
        for digest in image.blobs():
            if digest not in present or digest == image.manifest:
                file = image.blob(digest)
                entry = tarfile.TarInfo(f"blobs/sha256/{file.name}")
                entry.size = file.stat().st_size
                with file.open("rb") as source:
                    stream.addfile(entry, source)


def _ctr(target: Node) -> list[object]:
    return ["ctr", "--address", node.socket(target), "--namespace", "k8s.io"]
