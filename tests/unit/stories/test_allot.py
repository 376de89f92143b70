"""The one allotment of traffic by capacity: wish and room make what is given."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transit_operator.core.plan.allot import allot

S, C, X = "stable", "candidate", "other"


@pytest.mark.parametrize(
    ("wish", "room", "had", "gets"),
    [
        pytest.param((90, 10), (100, 10), (90, 10), (90, 10), id="as it is"),
        pytest.param((50, 50), (100, 50), (90, 10), (50, 50), id="a step"),
        pytest.param((90, 10), (80, 10), (90, 10), (90, 10), id="one lost pod moves nothing"),
        pytest.param((90, 10), (0, 10), (90, 10), (0, 100), id="the stable is dead"),
        pytest.param((50, 50), (100, 0), (50, 50), (100, 0), id="the candidate is dead"),
        pytest.param((50, 50), (0, 0), (50, 50), (50, 50), id="all are dead: the plan stands"),
        pytest.param((90, 10), (10, 100), (0, 100), (10, 90), id="one pod of ten comes back"),
        pytest.param((90, 10), (60, 100), (10, 90), (60, 40), id="six of ten are back"),
        pytest.param((90, 10), (100, 100), (60, 40), (90, 10), id="all are back"),
        pytest.param((90, 10), (10, 10), (0, 100), (10, 90), id="no room anywhere: as it is"),
        pytest.param((0, 100), (100, 10), (100, 0), (90, 10), id="the mirror image at 100 %"),
        pytest.param((100, 0), (50, 100), (0, 100), (50, 50), id="a paced retreat"),
        pytest.param((100, 0), (30, 100), (50, 50), (50, 50), id="a returning share never falls"),
        pytest.param((100, 0), (100, 100), (50, 50), (100, 0), id="a retreat ends"),
        pytest.param((100, 0), (0, 100), (0, 100), (0, 100), id="bad answers before none"),
        pytest.param((100, 0), (1, 0), (0, 100), (100, 0), id="one pod before none"),
        pytest.param((100, 0), (40, 30), (0, 0), (70, 30), id="nothing given yet: most room"),
    ],
)
def test_wish_and_room_make_what_is_given(
    wish: tuple[int, int], room: tuple[int, int], had: tuple[int, int], gets: tuple[int, int]
) -> None:
    names = (S, C)
    got = allot(
        dict(zip(names, wish, strict=True)),
        dict(zip(names, room, strict=True)),
        dict(zip(names, had, strict=True)),
    )
    assert (got.get(S, 0), got.get(C, 0)) == gets


def test_a_third_revision_hands_over_as_the_next_one_can_carry_it() -> None:
    wish, had = {S: 100}, {X: 100}
    assert allot(wish, {S: 0, C: 10, X: 100}, had) == {C: 10, X: 90}
    assert allot(wish, {S: 0, C: 100, X: 100}, {C: 10, X: 90}) == {C: 100}


percent = st.integers(0, 100)


@given(weight=percent, room=st.tuples(percent, percent, percent), had=percent)
def test_in_every_case(weight: int, room: tuple[int, int, int], had: int) -> None:
    spaces = dict(zip((S, C, X), room, strict=True))
    now = {S: had, C: 100 - had}
    got = allot({S: 100 - weight, C: weight}, spaces, now)
    assert sum(got.values()) == 100
    if not any(room):
        return
    assert all(spaces[name] for name in got), "nothing for who has nothing ready"
    for name, share in got.items():
        if share > max(spaces[name], now.get(name, 0)):
            others = [o for o in spaces if o != name]
            free = [o for o in others if spaces[o] > got.get(o, 0)]
            assert not free, "beyond what is ready while another could carry it"
