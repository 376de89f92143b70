"""Old binary files of XGBoost are read whole or refused: see `tests/models/old_xgboost/make.py`.

That what was read answers as the old library did is held by
`tests/server/formats/test_old_xgboost.py`.
"""

import json
import struct
from pathlib import Path

import pytest

from transit_models.errors import InvalidMetadata
from transit_models.packing.old_xgboost import converted

OLD = Path(__file__).parent / "old_xgboost"
FILES = sorted(path for path in OLD.iterdir() if path.suffix in (".model", ".deprecated"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_file_that_was_cut_is_refused_wherever(path: Path, tmp_path: Path) -> None:
    data = path.read_bytes()
    cut = tmp_path / path.name
    for length in range(1, len(data)):
        cut.write_bytes(data[:length])
        with pytest.raises(InvalidMetadata, match="can't be read"):
            converted(cut)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_what_is_left_over_is_refused(path: Path, tmp_path: Path) -> None:
    longer = tmp_path / path.name
    longer.write_bytes(path.read_bytes() + b"\0" * 3)
    with pytest.raises(InvalidMetadata, match="can't be read"):
        converted(longer)


@pytest.mark.parametrize("number", [-1, 2, 2**31 - 1])
def test_numbers_that_contradict_the_trees_are_refused(number: int, tmp_path: Path) -> None:
    """Every whole number of the file in turn: it is refused, or the model is well-formed."""
    data = (OLD / "0.90-logistic.model").read_bytes()
    wrong = tmp_path / "wrong.model"
    refused = 0
    for at in range(len(data) - 4):
        wrong.write_bytes(data[:at] + struct.pack("<i", number) + data[at + 4 :])
        try:
            model = json.loads(converted(wrong))["learner"]
        except InvalidMetadata:
            refused += 1
            continue
        features = int(model["learner_model_param"]["num_feature"])
        for tree in model["gradient_booster"]["model"]["trees"]:
            nodes = int(tree["tree_param"]["num_nodes"])
            children = [*tree["left_children"], *tree["right_children"]]
            assert all(-1 <= child < nodes for child in children)
            assert len({child for child in children if child > 0}) == nodes - 1
            assert all(index < features for index in tree["split_indices"])
    assert refused
