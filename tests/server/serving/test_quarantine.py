"""Which rows are kept from a model that hung on them, for how long, and what is kept of them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from transit_server.errors import RowInQuarantine
from transit_server.serving.guarding.quarantine import Quarantine

NUMBERS = np.array([[1.5, 2.0], [3.25, 4.0], [5.0, 6.0]], dtype=np.float32)
TABLE = np.array([("a", 1.0), ("b", np.nan), ("a", 2.0)], dtype=[("x", object), ("y", "f8")])


class World:
    """Quarantines of one pod, one after the other, and its clock."""

    def __init__(self, file: Path) -> None:
        self.now = 1000.0
        self.file = file

    def starts(self) -> Quarantine:
        return Quarantine(self.file, 60.0, lambda: self.now)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "cache" / "hung-rows.json")


@pytest.mark.parametrize("rows", [NUMBERS, TABLE], ids=["numbers", "texts"])
def test_suspects_go_alone_and_the_culprit_is_refused(world: World, rows: Any) -> None:
    assert not world.starts().must_go_alone("m 1", rows)
    world.starts().hung("m 1", rows[:2])
    again = world.starts()
    assert [again.must_go_alone("m 1", rows[n : n + 1]) for n in range(3)] == [True, True, False]
    assert not again.must_go_alone("other 1", rows)
    again.hung("m 1", rows[1:2])
    third = world.starts()
    assert third.must_go_alone("m 1", rows[:1])
    with pytest.raises(RowInQuarantine, match="refused for 60 s more") as caught:
        third.must_go_alone("m 1", rows)
    assert caught.value.field == "features[1]"
    world.now += 61
    assert not third.must_go_alone("m 1", rows)
    assert not world.starts().must_go_alone("m 1", rows)


def test_no_value_is_kept(world: World) -> None:
    world.starts().hung("m 1", NUMBERS)
    assert "3.25" not in world.file.read_text()
    assert all(len(name) == 64 for name in json.loads(world.file.read_text())["suspects"])


@pytest.mark.parametrize("text", ["", "[]", '{"suspects": 3, "culprits": {}}', "{"])
def test_a_broken_file_is_an_empty_one(world: World, text: str) -> None:
    world.file.parent.mkdir()
    world.file.write_text(text)
    assert not world.starts().must_go_alone("m 1", NUMBERS)


def test_where_nothing_can_be_written_it_holds_for_this_process(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("no folder")
    quarantine = Quarantine(tmp_path / "cache" / "hung-rows.json", 60.0)
    quarantine.hung("m 1", NUMBERS[:1])
    with pytest.raises(RowInQuarantine):
        quarantine.must_go_alone("m 1", NUMBERS[:1])
