"""A pod with a cache of its node: the init container that the operator builds, then the server.

Both are run as the operator says, with directories of the test in place of the pod's volumes.
"""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests import minio
from tests.minio import mount
from tests.server.example_store import Data
from tests.server.running import RunningServer
from tests.unit.world import spec
from transit_models import open_storage
from transit_models.cli import main
from transit_models.storage.node_cache.report import FILE
from transit_models.storage.objects.making import create_bucket
from transit_operator.api.config.operator import OperatorConfig
from transit_operator.api.status import PinnedModel
from transit_operator.core.objects.mounts import CACHE
from transit_operator.core.objects.node_cache import MOUNT
from transit_operator.core.objects.revision import revision_of
from transit_operator.core.objects.template import pod_template
from transit_server.observability.metrics import Metrics
from transit_server.serving.starting.node_cache import tell_of_the_node_cache
from transit_server.settings import ModelRef, Settings


def init_command(uri: str, digest: str, pod: Path, node: Path) -> list[str]:
    """What a pod's init container runs."""
    wanted = spec(
        models=[{"name": "xgboost", "version": "1.0.0"}], storage={"uri": uri}, default=None
    )
    pinned = PinnedModel(name="xgboost", version="1.0.0", digest=digest)
    config = OperatorConfig.model_validate(
        {"pools": {"cpu": {"nodeCache": {"hostPath": "/var/cache/transit"}}}}
    )
    made = pod_template("ml", "kepler", revision_of(wanted, [pinned]), wanted, config, "secret")
    (container,) = made["spec"]["initContainers"]
    places = {"python": sys.executable, CACHE: str(pod), MOUNT: str(node)}
    return [places.get(word, word) for word in (*container["command"], *container["args"])]


def test_the_second_pod_starts_without_the_store(
    store: Path, data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret, node = tmp_path / "secret", tmp_path / "node"
    monkeypatch.setenv("TRANSIT_STORAGE_SECRET", str(secret))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with minio.locked(tmp_path / "minio") as locked:
        mount(secret, locked.entries)
        remote = open_storage("s3://models")
        create_bucket(remote)
        remote.publish(store / "xgboost" / "v1.0.0", "xgboost", "1.0.0")
        digest = remote.digest("xgboost", "1.0.0")
        first = init_command(remote.uri, digest, tmp_path / "first", node)
        second = init_command(remote.uri, digest, tmp_path / "second" / "cache", node)
        subprocess.run(first, check=True)
    subprocess.run(second, check=True)  # by now there is no store
    models = [{"name": "xgboost", "version": "1.0.0", "digest": digest}]
    settings = {"TRANSIT_MODELS": json.dumps(models), "storage_uri": "s3://models"}
    with RunningServer(store, tmp_path / "second", {}, **settings) as server:
        server.until_ready()
        assert server.predict(np.asarray(data.rows[0]).tolist()).status_code == 200
        told = server.metrics()
        labels = {"model": "xgboost", "version": "1.0.0"}
        assert (
            "model_node_cache_seconds",
            frozenset((labels | {"result": "hit"}).items()),
        ) in told


def test_an_init_container_that_can_do_nothing_keeps_nobody_from_starting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    command = init_command("s3://models", "0" * 64, tmp_path, Path("/proc/none"))
    assert subprocess.run(command, check=False).returncode == 0
    older = [*command[: command.index("fetch")], "a-command-that-is-not-there"]
    assert subprocess.run(older, check=False).returncode == 0


def test_a_cache_of_no_use_is_told(
    store: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    fetch = ["fetch", store.as_uri(), "xgboost@1.0.0", "--into", str(tmp_path)]
    assert main([*fetch, "--node-cache", "/proc/none"]) == 0
    settings = Settings(
        models=(ModelRef(name="xgboost", version="1.0.0"),),
        storage_uri=store.as_uri(),
        cache_dir=tmp_path,
    )
    metrics = Metrics("ml/kepler", "7f9c4d2b1a")
    tell_of_the_node_cache(settings, metrics)
    assert 'result="failed"' in metrics.expose().decode()
    assert "the node's cache, xgboost 1.0.0: " in caplog.text
    (tmp_path / FILE).write_text("[{}]")
    tell_of_the_node_cache(settings, metrics)
    assert "is not known" in caplog.text
