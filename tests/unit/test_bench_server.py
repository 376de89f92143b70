"""The benchmark of the server: what it refuses to compare, whom it calls the best peer, and how it
ends.
"""

import signal
import subprocess
import sys
from collections.abc import Sequence

import pytest

from benchmarks.server import command, environments
from benchmarks.server.__main__ import AnswersDiffer, must_agree
from benchmarks.server.report import plot, table
from benchmarks.server.rows import Row, best_peer


def row(server: str, rps: float, peer: bool = True, failed: int = 0) -> Row:
    return Row(server, peer, "forest", 16, rps, 1.0, 2.0, 0.3, rps, rps, failed, 0.5)


ROWS = (
    row("transit", 3000, peer=False),
    row("slow", 100),
    row("quick", 400),
    row("wrong", 900, failed=3),
    row("by-hand", 2000, peer=False),
)


def test_the_best_peer_answered_everything_and_is_a_peer() -> None:
    best = best_peer(ROWS, "forest", 16)
    assert best is not None
    assert best.server == "quick"
    assert best_peer(ROWS, "forest", 64) is None


def test_the_table_has_ratios_and_says_what_failed() -> None:
    lines = table(ROWS).splitlines()
    assert "| transit | 3,000 | 1.00 | 2.00 | 0.30 | 7.50 |" in lines
    assert "| wrong | 900 (3 failed) | 1.00 | 2.00 | 0.30 | 2.25 |" in lines


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
