"""Objects held against the real schemas of their kinds by kubeconform, without a cluster."""

import json
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from dev.cluster.programs import gobuild

from .schemas import NoSchema, location, write


def complaints(objects: Iterable[dict[str, Any]], folder: Path) -> list[str]:
    """Return what is wrong with objects, one line each; `folder` is for their schemas."""
    program = gobuild.PROGRAMS["kubeconform"].path
    if not program.exists():
        pytest.fail("there is no kubeconform: python3 -m dev.cluster build kubeconform")
    objects = list(objects)
    found = []
    for api_version, kind in sorted({(one["apiVersion"], one["kind"]) for one in objects}):
        try:
            write(folder, api_version, kind)
        except NoSchema as unknown:
            found.append(f"no such kind: {unknown}")
    command = [str(program), "-strict", "-output", "json", "-schema-location", location(folder)]
    documents = "\n---\n".join(json.dumps(one) for one in objects)
    done = subprocess.run(command, input=documents, capture_output=True, text=True, check=False)
    assert done.stdout, done.stderr
    answer = json.loads(done.stdout)["resources"]
    return found + [f"{one['kind']} {one['name']}: {one['msg']}" for one in answer or []]
