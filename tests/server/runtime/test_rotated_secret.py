"""A server that its store refuses gets ready when the mounted Secret is right; nothing restarts."""

from pathlib import Path

import numpy as np
import pytest

from tests import minio
from tests.minio import mount
from tests.server.example_store import Data
from tests.server.running import RunningServer, eventually
from transit_models import open_storage
from transit_models.storage.objects.making import create_bucket


def test_a_server_waits_for_the_right_secret_and_serves(
    store: Path, data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = tmp_path / "secret"
    with minio.locked(tmp_path / "minio") as locked:
        monkeypatch.setenv("TRANSIT_STORAGE_SECRET", str(secret))
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        mount(secret, locked.entries)
        remote = open_storage("s3://models")
        create_bucket(remote)
        remote.publish(store / "xgboost" / "v1.0.0", "xgboost", "1.0.0")

        mount(secret, {**locked.entries, "AWS_SECRET_ACCESS_KEY": "of-yesterday"})
        settings = {"storage_uri": "s3://models", "storage_secret": str(secret)}
        with RunningServer(store, tmp_path, {"xgboost": "1.0.0"}, **settings) as server:
            eventually(
                lambda: "refuses the credentials" in server.log.read_text(), "a refusal in the log"
            )
            assert server.status("/health/ready") == 503
            mount(secret, locked.entries)
            server.until_ready()
            row = np.asarray(data.rows[0]).tolist()
            assert server.predict(row).status_code == 200
            assert "of-yesterday" not in server.log.read_text()
