"""The log of predictions in a real PostgreSQL, from files that the server's own writer has made."""

import gzip
import json
import re
import shutil
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import Engine, inspect, text

from tests.postgres import Postgres
from transit_models.cli import main
from transit_models.schema import Input, Inputs
from transit_registry import connecting, migrating, predictions
from transit_registry.errors import RegistryUnavailable
from transit_server.observability.prediction_log_series import PredictionLogSeries
from transit_server.prediction_log.log import PredictionLog
from transit_server.settings import PredictionLogSettings

pytestmark = pytest.mark.timeout(120)
GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "prediction-log.md"
ROWS = np.array([(41.0, "Oslo"), (17.0, "Bergen\x00")], dtype=[("age", "f8"), ("city", object)])
SCORES = np.array([[0.25, 0.75], [0.5, 0.5]])


@dataclass(eq=False)
class Churn:
    """What the log asks of a model that is served."""

    name: str = "churn"
    version: str = "1.0.0"
    digest: str = "a" * 64
    inputs: Inputs = field(
        default_factory=lambda: Inputs((Input("age", "float64"), Input("city", "string")))
    )
    labels: tuple[str, ...] = ("no", "yes")
    widths: tuple[tuple[str, int], ...] = ()
    regression = False
    several = False
    probabilities = True


@pytest.fixture
def registry(postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """A PostgreSQL with the tables of this release, which the environment names."""
    monkeypatch.setenv(connecting.VARIABLE, postgres.url)
    engine = connecting.open_engine(postgres.url)
    migrating.upgrade(engine)
    yield engine
    engine.dispose()


def write(sink: Path, requests: int, model: Churn | None = None) -> None:
    """Log so many requests of two rows each; of each, the label of the second row comes later."""
    series = PredictionLogSeries(CollectorRegistry(), "ml/kepler", "r1")
    settings = PredictionLogSettings(uri=str(sink), features="Keep", every=3600)
    log = PredictionLog(settings, "ml/kepler", "r1", series)
    by = model or Churn()
    for number in range(requests):
        serial = number.to_bytes(8, "big")
        log.answered(by, log.kept(by, ROWS), SCORES, [1, 0], {}, 0.0125, f"req-{number}", serial)
        right = number % 4 != 0
        log.told(serial, 1, ("r1", by.name, by.version), "no", "no" if right else "yes", right)
    log.close(60)


def asked(engine: Engine, statement: str) -> list[tuple[Any, ...]]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(statement))]


def counts(engine: Engine) -> tuple[int, int]:
    (found,) = asked(
        engine,
        "SELECT (SELECT count(*) FROM prediction_logs), (SELECT count(*) FROM prediction_feedback)",
    )
    return found[0], found[1]


def in_day(sink: Path, day: date, kind: str = "predictions") -> Path:
    """A copy of the log's first file, with its lines moved to another day."""
    source = next(sink.glob(f"{kind}/day=*/ml/kepler/*.gz"))
    lines = []
    for line in gzip.decompress(source.read_bytes()).splitlines():
        said = json.loads(line)
        lines.append(json.dumps({**said, "timestamp": f"{day}T12:00:00Z"}))
    folder = sink / kind / f"day={day}" / "ml" / "kepler"
    folder.mkdir(parents=True)
    file = folder / "another-pod-000001.jsonl.gz"
    file.write_bytes(gzip.compress("\n".join(lines).encode()))
    return file


def test_what_was_logged_is_in_the_guides_table_once(registry: Engine, tmp_path: Path) -> None:
    with registry.begin() as connection:
        now = datetime.now(UTC)
        row = {"now": now, "digest": "a" * 64}
        connection.execute(
            text(
                "INSERT INTO model_registry (model_name, version, storage_path, digest, metadata,"
                " status, created_at, updated_at)"
                " VALUES ('churn', '1.0.0', 's3://m', :digest, '{}', 'active', :now, :now)"
            ),
            row,
        )
    write(tmp_path, 3)
    for _ in range(2):
        assert main(["predictions", "load", str(tmp_path)]) == 0
        assert counts(registry) == (6, 3)
    with registry.connect() as connection:
        statement = text("SELECT * FROM prediction_logs ORDER BY request_id, row_index LIMIT 2")
        first, second = [dict(row._mapping) for row in connection.execute(statement)]
    assert first["prediction"] == {
        "class": "yes",
        "class_id": 1,
        "confidence": 0.75,
        "probabilities": {"no": 0.25, "yes": 0.75},
    }
    assert first["input_features"] == {"age": 41.0, "city": "Oslo"}
    assert second["input_features"] == {"age": 17.0, "city": "Bergen\ufffd"}
    assert (first["request_id"], first["latency_ms"]) == ("req-0", 12.5)
    assert (first["model_id"], first["digest"]) == (1, "a" * 64)
    assert abs(first["timestamp"] - now) < timedelta(minutes=2)
    days = {name for name in inspect(registry).get_table_names() if name[-1].isdigit()}
    assert f"prediction_logs_{first['timestamp'].astimezone(UTC):%Y%m%d}" in days


def test_a_model_of_the_same_name_with_other_content_is_not_the_registrys(
    registry: Engine, tmp_path: Path
) -> None:
    with registry.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO model_registry (model_name, version, storage_path, digest, metadata,"
                " status, created_at, updated_at)"
                " VALUES ('churn', '1.0.0', 's3://m', 'b', '{}', 'active', now(), now())"
            )
        )
    write(tmp_path, 1)
    assert main(["predictions", "load", str(tmp_path)]) == 0
    assert asked(registry, "SELECT DISTINCT model_id FROM prediction_logs") == [(None,)]


def test_the_guides_statements_tell_accuracy(registry: Engine, tmp_path: Path) -> None:
    write(tmp_path / "old", 8)
    write(tmp_path / "new", 4, Churn(version="1.1.0", digest="b" * 64))
    for part in ("old", "new"):
        assert main(["predictions", "load", str(tmp_path / part)]) == 0
    by_version, by_city = re.findall(r"```sql\n(SELECT.*?)```", GUIDE.read_text(), re.DOTALL)
    assert asked(registry, by_version) == [
        ("churn", "1.0.0", 8, 0.75),
        ("churn", "1.1.0", 4, 0.75),
    ]
    # Both pods of this test count their requests from 0, which random ids never do.
    assert asked(registry, by_city)[0][:2] == ("churn", "1.0.0")


def test_of_two_that_load_at_once_each_file_is_loaded_by_one(
    registry: Engine, tmp_path: Path
) -> None:
    for _ in range(4):
        write(tmp_path, 25)
    arguments = ["predictions", "load", str(tmp_path)]
    with ThreadPoolExecutor(3) as threads:
        assert list(threads.map(main, [arguments] * 3)) == [0, 0, 0]
    assert counts(registry) == (200, 100)


def packed(line: bytes) -> bytes:
    return gzip.compress(line)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda good: b"not gzip",
        lambda good: gzip.compress(good)[:-9],
        lambda good: gzip.compress(b"[]\n"),
        lambda good: gzip.compress(b"{\n"),
        lambda good: gzip.compress(good.replace(b'"row_index":0', b'"row_index":"x"')),
        lambda good: gzip.compress(good.replace(b'"row_index":0', b'"row_index":1e99')),
        lambda good: gzip.compress(good.replace(b"T", b"+9999T", 1)),
        lambda good: gzip.compress(re.sub(rb'"timestamp":"\d{4}', b'"timestamp":"1999', good)),
        lambda good: gzip.compress(good.replace(b'"request_id":"', b'"request_id":"' + 999 * b"x")),
    ],
)
def test_a_file_that_is_none_is_left_out_and_told(
    wrong: Callable[[bytes], bytes],
    registry: Engine,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    write(tmp_path, 2)
    source = next(tmp_path.glob("predictions/**/*.gz"))
    bad = source.with_name("a-stranger.jsonl.gz")
    bad.write_bytes(wrong(gzip.decompress(source.read_bytes())))
    for _ in range(2):
        assert main(["predictions", "load", str(tmp_path)]) == 1
        assert counts(registry) == (4, 2), "nothing of the bad one, all of the others"
        assert bad.name in capsys.readouterr().err


def test_no_file_stops_the_others(
    registry: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither one of the last day that there is, nor text that PostgreSQL can't keep."""
    write(tmp_path, 2)
    source = next(tmp_path.glob("predictions/**/*.gz"))
    odd = gzip.decompress(source.read_bytes()).replace(b'"request_id":"', b'"request_id":"\\ud800')
    source.with_name("an-odd-one.jsonl.gz").write_bytes(gzip.compress(odd))
    shutil.copytree(source.parents[2], source.parents[3] / "day=9999-12-31")
    assert main(["predictions", "load", str(tmp_path)]) == 1
    assert "no day comes after" in capsys.readouterr().err
    assert counts(registry) == (8, 2)


def test_what_is_older_than_is_kept_goes_and_does_not_come_back(
    registry: Engine, tmp_path: Path
) -> None:
    write(tmp_path, 2)
    today = datetime.now(UTC).date()
    old, older = (in_day(tmp_path, today - timedelta(days=days)) for days in (8, 40))
    assert main(["predictions", "load", str(tmp_path)]) == 0
    assert counts(registry) == (8, 2), "40 days are more than is kept without a word"
    for _ in range(2):
        assert main(["predictions", "load", str(tmp_path), "--keep", "7"]) == 0
        assert counts(registry) == (4, 2)
    assert not asked(registry, f"SELECT 1 FROM prediction_files WHERE day = '{old.parts[-4][4:]}'")

    other = tmp_path / "predictions" / "notes.txt"
    other.write_text("of somebody else")
    assert main(["predictions", "prune", str(tmp_path), "--keep", "30"]) == 0
    assert old.exists()
    assert not older.exists()
    assert main(["predictions", "prune", str(tmp_path), "--keep", "7"]) == 0
    assert not old.exists()
    assert other.exists()
    assert list(tmp_path.glob(f"predictions/day={today}/**/*.gz"))


def test_a_database_that_dies_under_way_has_each_line_once_in_the_end(
    postgres: Postgres, registry: Engine, tmp_path: Path
) -> None:
    write(tmp_path, 3)
    source = next(tmp_path.glob("predictions/**/*.gz"))
    lines = gzip.decompress(source.read_bytes()).splitlines() * 2000
    name = str(source.relative_to(tmp_path))
    day = date.fromisoformat(source.parts[-4].removeprefix("day="))
    file = predictions.LogFile(name, "predictions", day)

    def interrupted() -> Iterator[bytes]:
        yield from lines[:6000]
        postgres.stop(signal.SIGQUIT)
        yield from lines[6000:]

    try:
        with pytest.raises(RegistryUnavailable):
            predictions.load(registry, file, interrupted())
        assert main(["predictions", "load", str(tmp_path)]) == 3
    finally:
        postgres.start()
    assert predictions.load(registry, file, iter(lines)) == 12_000
    assert predictions.load(registry, file, iter(lines)) == 0
    assert counts(registry)[0] == 12_000


def test_a_file_of_sqlite_has_no_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(connecting.VARIABLE, f"sqlite:///{tmp_path}/registry.db")
    assert main(["predictions", "load", str(tmp_path)]) == 1
    assert "needs a PostgreSQL" in capsys.readouterr().err
