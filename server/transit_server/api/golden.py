"""Golden requests: rows whose answers are proven, asked once more as a client would send them.

`formats.agreeing.proof` has held the model's answers to `probe.npy` against what the author's
library said to them (`answers.npy`). Here each row becomes the JSON of a request, and goes through
all that a request goes through: decoding, the schema, preprocessing, the model, the order of the
labels. `serving.starting.loading` calls it before a model is ready; `desk.trial` does as well.
"""

import msgspec
import numpy as np

from transit_models.schema import Inputs
from transit_server.api.decoding.rows import to_rows
from transit_server.api.guide_requests import decode_predict
from transit_server.errors import ClientMistake
from transit_server.formats.base import Rows, Scores, UnsupportedModel
from transit_server.serving.one_model.predictor import Predictor

MOST = 64  # of them, so that a large file of probes holds no start up; all are proven before
_SAME = 1e-4
_WHOLE = 2**53  # numbers beyond it are for the v2 protocol


def replay(inputs: Inputs, predict: Predictor, rows: Rows) -> None:
    """Raises `UnsupportedModel`, which names the row and the difference."""
    if inputs.matrix is None and not inputs.is_table:
        return  # tensors have no words in the guide's API
    for number in range(min(len(rows), MOST)):
        row = rows[number : number + 1]
        values = row[0].tolist()
        if any(isinstance(value, int) and abs(value) >= _WHOLE for value in values):
            continue
        try:
            _, given = decode_predict(msgspec.json.encode({"features": values}))
            sent = to_rows(given, inputs, "features")
        except ClientMistake as error:
            where = f" ({error.field})" if error.field else ""
            raise UnsupportedModel(
                f"row {number} of probe.npy is refused when it is sent as a request: "
                f"{error.message}{where}. The metadata's inputs do not say what the model takes"
            ) from error
        _same(number, predict, row, sent)


def _same(number: int, predict: Predictor, row: Rows, sent: Rows) -> None:
    proven, said = predict(row), predict(sent)
    if proven.errors:
        return  # it fails on this row however it comes: `checking` tells of that
    if said.errors:
        raise UnsupportedModel(
            f"row {number} of probe.npy fails when it is sent as a request: {said.errors[0].full}"
        )
    difference = np.abs(proven.scores - said.scores)
    if not (difference <= _SAME * np.maximum(1.0, np.abs(proven.scores))).all():
        raise UnsupportedModel(
            f"row {number} of probe.npy, sent as a request, is answered with "
            f"{_rounded(said.scores)}, and what the author's library said is "
            f"{_rounded(proven.scores)}: they differ by up to {np.nanmax(difference):.2g}"
        )


def _rounded(scores: Scores) -> list[float]:
    shown: list[float] = np.round(scores[0].astype(np.float64), 4).tolist()[:8]
    return shown
