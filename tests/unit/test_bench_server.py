"""The benchmark of the server: what it refuses to compare, and whom it calls the best peer."""

from collections.abc import Sequence

import pytest

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
