"""The benchmark of a noisy neighbour: what it reads from metrics, and what its table says."""

import json

import pytest

from benchmarks.neighbour.__main__ import WITH_OUR_STEPS, batch_body
from benchmarks.neighbour.counted import Counted
from benchmarks.neighbour.quiet import Seen, quantile
from benchmarks.neighbour.report import Result, table

BEFORE = Counted({"success": 100.0, "error": 5.0}, {0.001: 90.0, 0.002: 100.0, float("inf"): 100.0})
AFTER = Counted({"success": 190.0, "error": 15.0}, {0.001: 90.0, 0.002: 200.0, float("inf"): 200.0})


def test_counters_are_read_as_differences() -> None:
    counted = AFTER.since(BEFORE)
    assert counted.error_rate == pytest.approx(0.1)
    assert counted.quantile_ms(0.5) == pytest.approx(1.5), "the middle of the only bucket with any"


def test_nothing_counted_is_no_error_rate() -> None:
    assert AFTER.since(AFTER).error_rate == 0.0


def test_quantiles_are_times_that_were_seen() -> None:
    assert quantile([0.001, 0.002, 0.003, 0.004], 0.5) == 3.0
    assert quantile([0.001, 0.002], 1.0) == 2.0


def test_the_table_says_what_became_of_the_quiet_client() -> None:
    alone = Seen(1000, 1.0, 1.5, 2.0, 3.0, {})
    beside = Seen(800, 2.0, 5.0, 9.0, 20.0, {"status 503": 4})
    said = table([Result("transit", alone, beside, {"batch: 200": 7}, AFTER.since(BEFORE))])
    assert "| transit | 1.00 | 2.00 | 2.00 | 9.00 | 20.00 | 4.5 | 4 status 503 of 800 |" in said
    assert "error rate 10.00% by /metrics, 0.50% as the quiet client saw it" in said
    assert "transit answered the noisy client: 7 batch: 200" in said
    assert "- p99 beside under 5 times that alone: met" in said
    assert "- no request of the quiet client fails: **not met**" in said
    assert "- error rate by /metrics under 5%: **not met**" in said


def test_peers_find_their_programs() -> None:
    assert all(folder.is_dir() for folder in WITH_OUR_STEPS)
    programs = {path.name for path in WITH_OUR_STEPS[-1].iterdir()}
    assert {"mlserver_runtime.py", "bentoml_service.py"} <= programs


@pytest.mark.parametrize("server", ["transit", "mlserver-batching", "bentoml"])
def test_batches_are_of_the_size_that_was_asked(server: str) -> None:
    said = json.loads(batch_body(server, ["[1.0, 2.0]", "[3.0, 4.0]"], 3))
    rows = said.get("features") or said.get("rows") or said["inputs"][0]["data"]
    assert rows == [[1.0, 2.0], [3.0, 4.0], [1.0, 2.0]]
