"""When to look again: an evaluation that fell due while the cluster was being read isn't forgotten.

`observe` asks the clock twice: whether an evaluation is due, and after reading everything `now`. In
between the due time may pass: then there are no readings, and the evaluation lies in the past.
"""

from dataclasses import replace

import pytest

from tests.unit.scenes import rolling
from transit_operator.core.decide import decide
from transit_operator.core.rules.evaluate import next_evaluation


@pytest.mark.parametrize("late", [0.0, 0.004])
def test_an_evaluation_that_fell_due_while_looking_is_made_at_once(late: float) -> None:
    world = rolling(10)
    due = next_evaluation(world.spec, world.status, world.now)
    assert due is not None
    looked = replace(world.observed(), now=due + late, readings=None)
    wake_at = decide(looked).wake_at
    assert wake_at is not None
    assert wake_at <= due + late


def test_between_two_evaluations_it_waits_for_the_next() -> None:
    world = rolling(10)
    due = next_evaluation(world.spec, world.status, world.now)
    assert due is not None
    looked = replace(world.observed(), now=due - 0.004, readings=None)
    assert decide(looked).wake_at == due
