"""A server whose key for feedback is not there, or is none."""

from pathlib import Path

from tests.server.example_store import LABELS, Data
from tests.server.running import RunningServer

from .pods import made, row


def test_without_a_key_there_are_predictions_and_no_feedback(
    store: Path, tmp_path: Path, data: Data
) -> None:
    gone = str(tmp_path / "gone")
    with RunningServer(store, tmp_path, {"xgboost": "1.0.0"}, feedback_key_file=gone) as server:
        server.until_ready()
        assert "feedback_token" not in server.predict(row(data)).text
        got = server.client.post(
            "/api/v1/feedback", json={"feedback_token": made(), "label": LABELS[0]}
        )
        assert (got.status_code, got.json()["error"]["code"]) == (501, "feedback_off")
        assert "TRANSIT_FEEDBACK_KEY_FILE" in got.json()["error"]["message"]
        assert f"{gone} is not there" in server.log.read_text()


def test_a_key_that_is_too_short_is_told_at_the_start(store: Path, tmp_path: Path) -> None:
    short = tmp_path / "short"
    short.write_bytes(b"0123456789")
    with RunningServer(
        store, tmp_path, {"xgboost": "1.0.0"}, feedback_key_file=str(short)
    ) as server:
        assert server.process.wait(60) == 2
        said = server.termination_log.read_text()
    assert "needs at least 32 random bytes; openssl rand -out" in said
    assert "0123456789" not in said
