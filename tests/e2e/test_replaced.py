"""What must not be served is served by nobody, and nobody's request fails for it.

Given a version that serves, when other files are put under it, then a pod that starts refuses them
and the ModelDeployment says so with both digests, while the others go on. The same of what can't be
looked up, is damaged, answers otherwise than its author's library, or is not signed. The tests
build on each other, in the order of the file.
"""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dev.demo.play.scenarios import SCENARIOS, play
from dev.demo.play.stage import MODEL, Stage
from dev.demo.provision import store
from tests.conftest import KEYS
from tests.scenarios.history import condition
from transit_models.integrity import digest_of, write_checksums
from transit_models.signing import sign
from transit_models.storage.objects.storage import ObjectStorage

VERSION = "1.0.0"
TOLD_SECONDS = 30


@pytest.fixture(scope="module")
def bucket(stage: Stage) -> Iterator[ObjectStorage]:
    """A bucket of its own, which the stage's servers read."""
    account = store.account(stage.kube)
    with store.opened(stage.kube, *account, bucket=stage.namespace) as opened:
        opened.publish(store.MODELS / MODEL / f"v{VERSION}", MODEL, VERSION)
        stage.manifest["spec"]["storage"]["uri"] = opened.uri
        yield opened


@pytest.fixture(scope="module")
def replacement(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another content of the same version: its own checksums are right."""
    other = tmp_path_factory.mktemp("replaced") / "version"
    shutil.copytree(store.MODELS / MODEL / f"v{VERSION}", other)
    (other / "performance_metrics.json").write_text("{}")
    write_checksums(other)
    return other


def test_a_pod_that_starts_refuses_replaced_content(
    stage: Stage, bucket: ObjectStorage, replacement: Path
) -> None:
    play(stage, SCENARIOS[0])
    mark = stage.traffic.mark()
    first = digest_of(store.MODELS / MODEL / f"v{VERSION}")
    assert stage.status["stable"]["models"][0]["digest"] == first
    bucket.publish(replacement, MODEL, VERSION, replace=True)
    revision = stage.status["stable"]["revision"]
    pods = ("-n", stage.namespace, "get", "pods", "-l", f"transit.dev/revision={revision}")
    pod = stage.kube(*pods, "-o", "jsonpath={.items[0].metadata.name}")
    stage.kube("-n", stage.namespace, "delete", "pod", pod, "--wait=false")
    told = stage.until(
        "changed content in the status",
        lambda s: condition(s, "Accepted").get("reason") == "ContentChanged",
        60,
    )
    assert first in condition(told, "Accepted")["message"]
    assert digest_of(replacement) in condition(told, "Accepted")["message"]
    assert stage.weights() == {revision: 100}
    assert stage.traffic.failures(mark) == []


def test_no_revision_is_made_of_replaced_content(stage: Stage, bucket: ObjectStorage) -> None:
    stage.manifest["spec"]["server"]["env"] = [{"name": "ANOTHER", "value": "revision"}]
    stage.ask_for(VERSION)
    stage.until(
        "the way out", lambda s: "the command resolve" in s.get("message", ""), TOLD_SECONDS
    )
    del stage.manifest["spec"]["server"]["env"]


def test_once_the_content_is_back_all_pods_serve(stage: Stage, bucket: ObjectStorage) -> None:
    mark = stage.traffic.mark()
    original = store.MODELS / MODEL / f"v{VERSION}"
    bucket.publish(original, MODEL, VERSION, replace=True)
    stage.ask_for(VERSION)
    stage.until(
        "the stable with all its pods",
        lambda s: condition(s, "Ready").get("reason") == "Serving",
        120,
    )
    assert stage.traffic.failures(mark) == []


def test_a_missing_version_and_wrong_credentials_are_told_in_time(
    stage: Stage, bucket: ObjectStorage
) -> None:
    mark, before = stage.traffic.mark(), stage.status["stable"]["revision"]
    stage.ask_for("9.9.9")
    stage.until(
        "what versions there are",
        lambda s: "has no version 9.9.9" in s.get("message", ""),
        TOLD_SECONDS,
    )
    wrong = store.secret(stage.namespace, "nobody", "not-the-password")
    wrong["metadata"] = {"name": "wrong", "namespace": stage.namespace}
    stage.kube.apply(json.dumps(wrong))
    stage.manifest["spec"]["storage"]["secretName"] = "wrong"
    stage.ask_for(VERSION)
    stage.until(
        "that the credentials are refused",
        lambda s: "refuses the credentials" in s.get("message", ""),
        TOLD_SECONDS,
    )
    stage.manifest["spec"]["storage"]["secretName"] = "minio"
    stage.ask_for(VERSION)
    stage.until("the stable alone", lambda s: s["phase"] == "Stable", TOLD_SECONDS)
    assert stage.status["stable"]["revision"] == before
    assert stage.weights() == {before: 100}
    assert stage.traffic.failures(mark) == []


def version_of(folder: Path, version: str) -> Path:
    """The example as another version, to be spoilt."""
    made = folder / version
    shutil.copytree(store.MODELS / MODEL / f"v{VERSION}", made)
    metadata = json.loads((made / "metadata.json").read_text())
    (made / "metadata.json").write_text(json.dumps(metadata | {"version": version}))
    write_checksums(made)
    return made


def damaged(bucket: ObjectStorage, folder: Path) -> str:
    bucket.publish(version_of(folder, "2.0.0"), MODEL, "2.0.0")
    (folder / "rubbish").write_bytes(b"damaged")
    bucket.objects.upload({f"{MODEL}/v2.0.0/metadata.json": folder / "rubbish"})
    return "2.0.0"


def other_answers(bucket: ObjectStorage, folder: Path) -> str:
    made = version_of(folder, "2.1.0")
    rows = len(np.load(made / "probe.npy"))
    np.save(made / "answers.npy", np.tile([1.0, 0.0, 0.0], (rows, 1)))
    write_checksums(made)
    bucket.publish(made, MODEL, "2.1.0")
    return "2.1.0"


@pytest.mark.parametrize(
    ("make", "words"),
    [(damaged, "metadata.json: expected"), (other_answers, "differ from answers.npy")],
)
def test_a_bad_version_is_refused_by_its_pods(
    stage: Stage, bucket: ObjectStorage, tmp_path: Path, make: Any, words: str
) -> None:
    mark, before = stage.traffic.mark(), stage.status["stable"]["revision"]
    stage.ask_for(make(bucket, tmp_path))
    stage.until("the server's words", lambda s: words in s.get("message", ""), 60)
    stage.ask_for(VERSION)
    stage.until("the stable alone", lambda s: s["phase"] == "Stable", 60)
    assert stage.weights() == {before: 100}
    assert stage.traffic.failures(mark) == []


def test_what_is_not_signed_is_refused_until_it_is(
    stage: Stage, bucket: ObjectStorage, tmp_path: Path
) -> None:
    mark, before = stage.traffic.mark(), stage.status["stable"]["revision"]
    stage.manifest["spec"]["storage"]["verify"] = "Signature"
    bucket.publish(version_of(tmp_path, "2.2.0"), MODEL, "2.2.0")
    stage.ask_for("2.2.0")
    told = stage.until(
        "who must sign", lambda s: "signed by nobody" in s.get("message", ""), TOLD_SECONDS
    )
    assert condition(told, "Accepted")["reason"] == "ContentRefused"
    assert stage.weights() == {before: 100}
    signature = sign(bucket.digest(MODEL, "2.2.0"), b"", KEYS / "release.pem")
    bucket.set_signatures(MODEL, "2.2.0", signature)
    stage.until("the signed version", lambda s: s.get("versions", {}).get("stable") == "2.2.0", 240)
    assert stage.traffic.failures(mark) == []
