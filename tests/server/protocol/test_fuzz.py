"""Schemathesis against the server's own OpenAPI document: every check, every phase, with API keys.

One check is left out for two kinds of path: that whatever fits the schema is accepted. It can't
hold: no JSON schema says that a tensor has as many elements as its shape (`infer`), nor that a
token is signed (`feedback`).
"""

import subprocess
import sys
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest

from tests.server.example_store import publish
from tests.server.running import RunningServer

FEATURES = 4
KEY = "0123456789abcdef0123"
_CONFIG = """
[[operations]]
include-path-regex = "/(infer|feedback)$"
checks.positive_data_acceptance.enabled = false
"""


@pytest.fixture
def small_store(tmp_path: Path) -> Path:
    """Two models of four features: rows short enough to be generated."""
    from sklearn.ensemble import RandomForestClassifier

    random = np.random.default_rng(0)
    rows = random.normal(size=(200, FEATURES)).astype(np.float32)
    classes = random.integers(0, 3, 200)
    for name, seed in (("one", 0), ("two", 1)):
        model = RandomForestClassifier(5, random_state=seed).fit(rows, classes)

        def dump(path: Path, model: Any = model) -> None:
            joblib.dump(model, path)

        publish(tmp_path / "store", name, "1.0.0", ".joblib", dump, features=FEATURES)
    return tmp_path / "store"


def test_all_checks(small_store: Path, tmp_path: Path, feedback_key_file: str) -> None:
    (tmp_path / "schemathesis.toml").write_text(_CONFIG)
    with RunningServer(
        small_store,
        tmp_path,
        {"one": "1.0.0", "two": "1.0.0"},
        default_model="ensemble",
        max_batch_rows="8",
        api_keys=f"fuzz={KEY}",
        feedback_key_file=feedback_key_file,
    ) as server:
        server.until_ready()
        command = [
            str(Path(sys.executable).with_name("schemathesis")),
            f"--config-file={tmp_path / 'schemathesis.toml'}",
            "--no-color",
            "run",
            f"{server.url}/openapi.json",
            "--continue-on-failure",
            "--max-examples=12",
            "--seed=1",
            f"--header=X-API-Key: {KEY}",
        ]
        result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
        assert result.returncode == 0, result.stdout[-10_000:] + result.stderr[-2_000:]
        assert "Tested: 17" in result.stdout or "Selected: 17/17" in result.stdout
        assert KEY not in server.log.read_text()
        assert "unexpected error" not in server.log.read_text()
