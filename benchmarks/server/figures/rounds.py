"""Servers that run, measured in turn: in each round every one once, so that all have had the same
minutes of the machine. Neighbours: `load` is one measurement, `rows` makes figures of rounds.
"""

from collections.abc import Sequence

from benchmarks.server.figures.load import measure
from benchmarks.server.figures.rows import Round
from benchmarks.server.servers.running import Running

_WARM_UP = 1.0


def interleaved(
    running: Sequence[Running], rows: Sequence[str], connections: int, seconds: float, rounds: int
) -> dict[str, list[Round]]:
    """The rounds of each by its name, the first of which warms up and isn't among them. Who was
    last in one is first in the next.
    """
    seen: dict[str, list[Round]] = {one.contestant.name: [] for one in running}
    for number in range(-1, rounds):
        for one in running if number % 2 else reversed(running):
            if one.contestant.polls:
                one.resume(rows[0])
            took = _measured(one, rows, connections, _WARM_UP if number < 0 else seconds)
            rest(one)
            if number >= 0:
                seen[one.contestant.name].append(took)
    return seen


def rest(one: Running) -> None:
    """While others are measured."""
    if one.contestant.polls:
        one.pause()


def _measured(one: Running, rows: Sequence[str], connections: int, seconds: float) -> Round:
    bodies = [one.contestant.body(row) for row in rows]
    before = one.cpu_seconds()
    got = measure(one.url, one.path, bodies, one.contestant.headers, connections, seconds)
    return Round(got, one.cpu_seconds() - before)
