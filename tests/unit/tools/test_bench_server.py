"""The benchmark of the server: what it refuses to compare, whom it calls the best peer, and how it
ends.
"""

import argparse
import json
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace

import pytest

from benchmarks.server import command
from benchmarks.server.__main__ import AnswersDiffer, must_agree
from benchmarks.server.commits import compared
from benchmarks.server.figures import goals
from benchmarks.server.figures.load import Measured
from benchmarks.server.figures.report import plot, table
from benchmarks.server.figures.rows import Round, Row, best_peer
from benchmarks.server.servers import environments, v2_bodies
from benchmarks.server.servers.contestant import Kind


def row(server: str, rps: float, kind: Kind = "original", failed: int = 0) -> Row:
    return Row(server, kind, "forest", 16, rps, 1.0, 2.0, 0.3, rps, rps, failed, 0.5)


ROWS = (
    row("transit", 3000, "own"),
    row("slow", 100),
    row("quick", 400),
    row("wrong", 900, failed=3),
    row("triton-batching", 2500, "compiled"),
    row("by-hand", 2000, "by hand"),
)


def test_the_best_peer_answered_everything_with_the_original_model() -> None:
    best = best_peer(ROWS, "forest", 16)
    assert best is not None
    assert best.server == "quick"
    assert best_peer(ROWS, "forest", 64) is None


def test_the_table_has_ratios_and_says_what_failed() -> None:
    lines = table(ROWS).splitlines()
    assert "| transit | 3,000 | 1.00 | 2.00 | 0.30 | 7.50 |" in lines
    assert "| wrong | 900 (3 failed) | 1.00 | 2.00 | 0.30 | 2.25 |" in lines


def test_goals_are_of_those_who_run_the_same_compiled_model() -> None:
    lines = goals.table(goals.goals(ROWS)).splitlines()
    what = "forest: rps of transit over triton-batching, at 16 connections"
    assert f"| {what} | 1.20 | ≥ 1.2 | met |" in lines
    cpu = "forest: CPU of a request by transit, ms, at 16 connections"
    assert f"| {cpu} | 0.30 | ≤ 0.18 | **not met** |" in lines
    assert not any("mosec" in line for line in lines), "nobody measured it"


def test_the_best_of_several_entries_of_a_peer_counts() -> None:
    rows = [
        replace(row("transit", 900, "own"), connections=1, p50_ms=1.2),
        replace(row("mosec", 1000, "compiled"), connections=1, p50_ms=1.0),
        replace(row("mosec-batching", 400, "compiled"), connections=1, p50_ms=3.0),
    ]
    (latency,) = goals.goals(rows)
    assert latency.value == pytest.approx(1.2)
    assert not latency.met


def measured(rps: float, cpu: float, failed: int = 0) -> Round:
    return Round(Measured(1000, rps, 1.0, 2.0, failed), cpu)


@pytest.mark.parametrize(
    ("after", "failed", "verdict"),
    [
        ((900, 890, 910, 905), 0, "slower"),
        ((1100, 1150, 1090, 1120), 0, "faster"),
        ((900, 1100, 1000, 1010), 0, "no difference seen"),
        ((1100, 1150, 1090, 1120), 2, "8 failed"),
    ],
)
def test_commits_are_compared_round_by_round(
    after: Sequence[float], failed: int, verdict: str
) -> None:
    rounds = [measured(rps, 0.2, failed) for rps in after]
    said = compared("forest", "transit", 16, 4 * [measured(1000, 0.1)], rounds)
    assert (said.before_cpu_ms, said.after_cpu_ms) == (0.1, 0.2)
    assert said.verdict == verdict


def test_lists_are_of_what_is_known() -> None:
    assert command.some_of(["triton", "mosec"])("mosec,triton") == ["mosec", "triton"]
    with pytest.raises(argparse.ArgumentTypeError, match="'x' is not one of triton, mosec"):
        command.some_of(["triton", "mosec"])("mosec,x")


TENSOR = b'{"outputs": [{"name": "probabilities", "datatype": "FP32", "shape": [1, 2]}]}'


def test_the_protocol_as_the_benchmark_speaks_it() -> None:
    row_of_numbers = str([0.5] * 784)
    said = json.loads(v2_bodies.json_body(row_of_numbers))
    assert said["inputs"][0]["data"] == [0.5] * 784
    binary = v2_bodies.binary_body(row_of_numbers)
    size = int(v2_bodies.BINARY_HEADERS["Inference-Header-Content-Length"])
    assert json.loads(binary[:size])["outputs"][0]["name"] == "probabilities"
    assert len(binary) == size + 784 * 4
    # What looks like JSON in the tensor is none.
    assert v2_bodies.binary_answer(TENSOR + b"\0\0\0\x3f}}}}") == pytest.approx(
        [0.5, 2.1e37], rel=0.1
    )


def test_the_plot_shows_every_server() -> None:
    drawn = plot(ROWS, 16)
    assert all(f">{one.server}<" in drawn for one in ROWS)


DIFFERENT: tuple[Sequence[float], ...] = (
    [0.7, 0.2],
    [0.7, 0.2, 0.2],
    [0.7, 0.2, float("nan")],
    [],
)


@pytest.mark.parametrize("said", DIFFERENT)
def test_answers_that_differ_are_refused(said: Sequence[float]) -> None:
    must_agree("forest", {"a": [0.7, 0.2, 0.1], "b": [0.70005, 0.2, 0.1]})
    with pytest.raises(AnswersDiffer, match="forest: b says"):
        must_agree("forest", {"a": [0.7, 0.2, 0.1], "b": said})


_WAITS = """
import time
from benchmarks.server import command

def main():
    try:
        print("started", flush=True)
        time.sleep(60)
    finally:
        print("ended what was started", flush=True)

command.run(main)
"""


def test_a_terminated_benchmark_ends_what_it_started() -> None:
    with subprocess.Popen([sys.executable, "-c", _WAITS], stdout=subprocess.PIPE, text=True) as one:
        assert one.stdout is not None
        assert one.stdout.readline() == "started\n"
        one.terminate()
        assert one.stdout.read() == "ended what was started\n"
    assert one.returncode == 128 + signal.SIGTERM


def test_what_can_not_be_installed_is_said_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    def main() -> int:
        raise environments.CannotInstall("wrk: apt-get says no")

    before = signal.getsignal(signal.SIGTERM)
    try:
        with pytest.raises(SystemExit) as ended:
            command.run(main)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert ended.value.code == 2
    assert capsys.readouterr().err == "wrk: apt-get says no\n"
