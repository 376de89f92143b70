"""The commands of the registry, as a person uses them: in PostgreSQL and in a file of SQLite."""

import json
import os
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from tests.postgres import Postgres
from tests.registry.looks import superuser
from tests.support import eventually
from transit_models.cli import main
from transit_models.integrity import write_checksums
from transit_models.packing.pack import Description, seal
from transit_registry import connecting
from transit_registry.tables import deployment_history
from transit_registry.versions import versions

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(params=["postgresql", "sqlite"])
def registry(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> str:
    """The address of an empty registry, which the environment names, or of the default file."""
    if request.param == "sqlite":
        monkeypatch.delenv(connecting.VARIABLE, raising=False)
        monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
        return f"sqlite:///{tmp_path}/data/transit/registry.db"
    url: str = request.getfixturevalue("postgres").url
    monkeypatch.setenv(connecting.VARIABLE, url)
    assert main(["registry", "upgrade"]) == 0
    return url


@pytest.fixture
def store(tmp_path: Path) -> str:
    """A store with two versions of a model."""
    for version in ("1.0.0", "1.1.0"):
        directory = tmp_path / "store" / "churn" / f"v{version}"
        directory.mkdir(parents=True)
        (directory / "model.json").write_text(version)
        seal(directory, Description("churn", version, "xgboost", features=4, labels=("no", "yes")))
    return str(tmp_path / "store")


def happened(url: str, event: str, minute: int, version: str | None, **more: object) -> None:
    """Write a row of the history, as the operator does."""
    moment = f"2026-11-27T12:{minute:02}:00+00:00"
    engine = connecting.open_engine(url)
    with engine.begin() as connection:
        row: dict[str, object] = {
            "event_id": f"{event}{minute}",
            "model_name": "churn",
            "environment": "production",
            "namespace": "ml",
            "name": "kepler",
            "event": event,
            "version": version,
            "deployed_at": datetime.fromisoformat(moment),
            "deployed_by": "argocd-controller",
            "notes": f"{event} of churn {version}",
            "evidence": [],
        }
        connection.execute(deployment_history.insert().values(**{**row, **more}))
    engine.dispose()


def test_the_life_of_a_version(
    registry: str, store: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["registry", "add", store]) == 0
    assert "known now: 2 of 2 versions" in capsys.readouterr().err
    assert main(["registry", "add", store, "churn@1.1.0"]) == 0
    assert "known now: 0 of 1 version\n" in capsys.readouterr().err
    happened(registry, "Promoted", 1, "1.0.0")
    happened(registry, "Promoted", 2, "1.1.0", from_version="1.0.0")
    assert main(["deprecate", "churn@1.0.0", "--reason", "see 1.1.0"]) == 0
    assert capsys.readouterr().err == "churn 1.0.0 is deprecated; it was active\n"
    assert main(["archive", "churn@v1.1.0"]) == 0
    told = capsys.readouterr().err
    assert "churn 1.1.0 is archived; it was active" in told
    assert "it serves in production ml/kepler, and goes on there" in told
    assert main(["list", "--registry"]) == 0
    head, first, second = capsys.readouterr().out.splitlines()
    assert head.split() == ["VERSION", "STATUS", "DIGEST", "SERVES", "IN"]
    assert first.startswith("churn@1.0.0  deprecated (see 1.1.0)")
    assert second.endswith("production ml/kepler")
    assert main(["activate", "churn@1.1.0"]) == 0
    capsys.readouterr()
    assert main(["list", "--registry", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert [(one["version"], one["status"]) for one in shown] == [
        ("1.0.0", "deprecated"),
        ("1.1.0", "active"),
    ]
    assert shown[1]["path"] == f"file://{store}/churn/v1.1.0"


def test_the_history_of_a_model(registry: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["history", "churn"]) == 0
    assert "knows of no deployment of churn" in capsys.readouterr().err
    evidence = [{"signal": "latency", "value": 0.021}]
    happened(registry, "Promoted", 1, "1.0.0")
    happened(registry, "Rejected", 2, "1.1.0", from_version="1.0.0", evidence=evidence)
    happened(registry, "Paused", 3, None, from_version="1.0.0")
    assert main(["history", "churn"]) == 0
    head, *lines = capsys.readouterr().out.splitlines()
    assert head.startswith("TIME")
    assert [line.split("  ")[0] for line in lines] == [
        f"2026-11-27 12:0{minute}:00Z" for minute in (1, 2, 3)
    ]
    assert "1.0.0 -> 1.1.0" in lines[1]
    assert "ml/kepler" in lines[2]
    assert main(["history", "churn", "--limit", "2", "-o", "json"]) == 0
    rejected, paused = json.loads(capsys.readouterr().out)
    assert rejected["evidence"] == evidence
    assert rejected["deployed_at"] == "2026-11-27T12:02:00+00:00"
    assert paused["version"] is None


def test_what_is_not_there(registry: str, store: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["archive", "churn@1.0.0"]) == 1
    told = capsys.readouterr().err
    assert "transit-models registry add STORE churn@1.0.0" in told
    assert main(["registry", "add", store, "churn@1.1.0"]) == 0
    assert main(["archive", "churn@1.0.0"]) == 1
    assert "it has 1.1.0 of it" in capsys.readouterr().err
    assert main(["archive", "churn"]) == 1
    assert "which version?" in capsys.readouterr().err


def test_a_database_that_is_away_or_without_tables(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(connecting.VARIABLE, postgres.url)
    assert main(["history", "churn"]) == 1
    assert "run: transit-models registry upgrade" in capsys.readouterr().err
    postgres.stop()
    assert main(["history", "churn"]) == 3
    told = capsys.readouterr().err
    postgres.start()
    assert "the registry does not do it: connection failed" in told
    assert "transit-secret" not in told
    monkeypatch.setenv(connecting.VARIABLE, "mysql://u:hunter2@host/db")
    assert main(["history", "churn"]) == 1
    assert "hunter2" not in capsys.readouterr().err


def test_metadata_that_a_database_can_not_keep(
    registry: str, store: str, capsys: pytest.CaptureFixture[str]
) -> None:
    version = Path(store) / "churn" / "v1.0.0"
    said = json.loads((version / "metadata.json").read_text())
    said["training"] = {"note": "NUL \0", "loss": float("nan")}
    (version / "metadata.json").write_text(json.dumps(said))
    write_checksums(version)
    for new in (2, 0):
        assert main(["registry", "add", store]) == 0
        assert f"known now: {new} of 2 versions" in capsys.readouterr().err


def test_whoever_has_no_name_has_a_number(
    registry: str, store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a container that runs under any user."""
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 54321)
    assert main(["registry", "add", store]) == 0
    assert main(["archive", "churn@1.0.0"]) == 0
    engine = connecting.open_engine(registry)
    with engine.connect() as connection:
        assert "uid 54321" in {one.by for one in versions(connection)}
    engine.dispose()


def test_a_registry_that_can_not_be_written(
    postgres: Postgres,
    store: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(connecting.VARIABLE, postgres.url)
    assert main(["registry", "upgrade"]) == 0
    text = tmp_path / "text"
    text.write_text("no database, and longer than the head that one of SQLite has: 100 bytes" * 2)
    for address, words in {
        f"{postgres.url}?options=-cdefault_transaction_read_only%3Don": "read-only transaction",
        f"sqlite:///{text}": "file is not a database",
        f"sqlite:///{text}/registry.db": "no file of a registry can be there",
    }.items():
        monkeypatch.setenv(connecting.VARIABLE, address)
        assert main(["registry", "add", store]) == 3
        assert words in capsys.readouterr().err


def test_a_database_that_dies_under_a_command_has_all_of_it_or_nothing(
    postgres: Postgres,
    store: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What was said to be done is there; what failed says so, and is done once when repeated."""
    monkeypatch.setenv(connecting.VARIABLE, postgres.url)
    for words in (
        ["registry", "upgrade"],
        ["registry", "add", store],
        ["deprecate", "churn@1.0.0"],
    ):
        assert main(words) == 0
    archive = [sys.executable, "-m", "transit_models.cli", "archive", "churn@1.1.0"]
    engine = superuser(postgres)
    try:
        with engine.connect() as connection:
            connection.execute(text("LOCK TABLE model_registry IN ACCESS EXCLUSIVE MODE"))
            process = subprocess.Popen(archive, stderr=subprocess.PIPE, text=True)
            eventually("it waits for the lock", lambda: waits_for_a_lock(engine), 60, pause=0.02)
            postgres.stop()
            told = process.communicate(timeout=60)[1]
            connection.invalidate()
    finally:
        postgres.start()
        engine.dispose()
    assert process.returncode == 3
    assert "run it again: nothing is done twice" in told
    assert "transit-secret" not in told
    assert states(capsys) == [("1.0.0", "deprecated"), ("1.1.0", "active")]
    subprocess.run(archive, check=True)
    assert main(["registry", "add", store]) == 0
    assert states(capsys) == [("1.0.0", "deprecated"), ("1.1.0", "archived")]


def waits_for_a_lock(engine: Engine) -> bool:
    with engine.connect() as connection:
        statement = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        return bool(connection.execute(text(statement)).scalar_one())


def states(capsys: pytest.CaptureFixture[str]) -> list[tuple[str, str]]:
    """Versions and their statuses, as the command lists them."""
    capsys.readouterr()
    assert main(["list", "--registry", "--json"]) == 0
    return [(one["version"], one["status"]) for one in json.loads(capsys.readouterr().out)]


def test_list_wants_a_store_or_the_registry() -> None:
    with pytest.raises(SystemExit) as caught:
        main(["list"])
    assert caught.value.code == 2
