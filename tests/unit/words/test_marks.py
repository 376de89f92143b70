"""How far a receiver was told, as the next leader reads it."""

import pytest

from transit_operator.core.objects.build import Owner
from transit_operator.core.times import epoch, rfc3339
from transit_operator.runtime.notifying.marks import FORGOTTEN, IDS, Mark, Marks
from transit_operator.runtime.notifying.messages import Message

NOW = epoch("2026-11-27T12:00:00Z")


def message(number: int, at: float) -> Message:
    id, owner = f"{number:064x}"[::-1], Owner("ml", "kepler", "uid")
    return Message(id, rfc3339(at), "Promoted", owner, "success", "", "", {})


def has(mark: Mark, message: Message) -> bool:
    return mark.has(message.id, message.at)


class Kept:
    """The annotation of a Lease."""

    def __init__(self) -> None:
        self.text: str | None = None

    def read(self, annotation: str) -> str | None:
        return self.text

    def note(self, annotation: str, text: str) -> None:
        self.text = text


def test_a_mark_is_the_same_for_the_next_leader() -> None:
    kept = Kept()
    marks = Marks(kept, ["one", "two"], NOW)
    told, later = message(1, NOW + 5.5), message(2, NOW + 5.5)
    marks["one"].add(told)
    marks.write()
    marks = Marks(kept, ["one"], NOW + 60)
    assert has(marks["one"], told)
    assert not has(marks["one"], later)
    assert has(marks["one"], message(3, NOW)), "from before there was this receiver"
    marks["one"].advance(NOW + 6)
    assert has(marks["one"], later)
    assert marks["one"].plain() == {"since": "2026-11-27T12:00:06.000Z", "told": {}}


def test_of_more_than_there_is_room_for_the_oldest_would_be_told_twice() -> None:
    mark = Mark(NOW)
    sent = [message(number, NOW + 1 + number) for number in range(IDS + 1)]
    for one in sent:
        mark.add(one)
    assert [has(mark, one) for one in sent] == [False, *[True] * IDS]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"one": 1}', '{"one": {"since": "x"}}'])
def test_a_mark_that_cannot_be_read_is_of_a_new_receiver(text: str) -> None:
    kept = Kept()
    kept.text = text
    marks = Marks(kept, ["one"], NOW)
    assert marks["one"].plain()["since"] == rfc3339(NOW)


@pytest.mark.parametrize(
    ("since", "read"),
    [(NOW - FORGOTTEN - 1, NOW - FORGOTTEN), (NOW + 60, NOW), (NOW - 60, NOW - 60)],
)
def test_a_mark_is_neither_older_than_a_day_nor_ahead(since: float, read: float) -> None:
    kept = Kept()
    kept.text = f'{{"one": {{"since": "{rfc3339(since)}", "told": {{}}}}}}'
    assert Marks(kept, ["one"], NOW)["one"].plain()["since"] == rfc3339(read)
