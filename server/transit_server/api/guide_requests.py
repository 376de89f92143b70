"""The bodies of the guide's API, as far as they can be decoded without knowing the model.

Numbers come as arrays from `quick_numbers` where nothing is unusual about a body; else `features`
stay text, which `rows` decodes by what the model takes, with errors that name the field.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from transit_models.schema import Inputs
from transit_server.api.decoding.large_bodies import with_pauses
from transit_server.api.decoding.quick_numbers import quick_row, quick_rows
from transit_server.api.decoding.rows import as_text, decode, parsed, wrong_length
from transit_server.formats.base import Rows
from transit_server.serving.registry import AUTO

Voting = Literal["soft", "hard"]
Given = NDArray[np.float64] | msgspec.Raw


class Asked(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """What a client may ask for besides the features."""

    model: str = AUTO
    return_probabilities: bool = True
    return_all_models: bool = False
    voting: Voting = "soft"


class PredictBody(Asked, forbid_unknown_fields=True, kw_only=True):
    """POST /api/v1/predict."""

    features: msgspec.Raw


class BatchBody(Asked, forbid_unknown_fields=True, kw_only=True):
    """POST /api/v1/predict/batch. Rows stay text at first, so that no one step is long."""

    features: list[msgspec.Raw]


_PREDICT = msgspec.json.Decoder(PredictBody)
_BATCH = msgspec.json.Decoder(BatchBody)
_NOTHING = Asked()


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch as far as it can be decoded without knowing how long its rows must be: `numbers`
    (rows, n) if nothing is unusual, else the rows as text.
    """

    asked: Asked
    numbers: Rows | None
    texts: list[msgspec.Raw]

    def __len__(self) -> int:
        return len(self.texts) if self.numbers is None else len(self.numbers)

    def rows(self, inputs: Inputs) -> Rows:
        """All rows. Raises a `ClientMistake` that names the wrong one."""
        matrix = inputs.matrix
        texts: Iterable[msgspec.Raw]
        if self.numbers is not None:
            numbers = self.numbers
            if matrix is not None and numbers.dtype == matrix.dtype:
                if numbers.shape[1] != matrix.size:
                    raise wrong_length(numbers.shape[1], matrix.size, "features[0]")
                return numbers
            texts = map(as_text, numbers)
        else:
            texts = iter(self.texts)
        shape = (len(self),) if matrix is None else (len(self), matrix.size)
        rows = np.empty(shape, dtype=inputs.row_dtype)
        for index, text in enumerate(with_pauses(texts)):
            rows[index] = parsed(text, inputs, f"features[{index}]")[0]
        return rows


def decode_predict(body: bytes) -> tuple[Asked, Given]:
    """What is asked, and the row: numbers, or its text where anything is unusual about it. Raises a
    `ClientMistake` that names the field.
    """
    quick = quick_row(body)
    if quick is not None:
        asked = _asked(quick[1])
        if asked is not None:
            return asked, quick[0]
    slow = decode(_PREDICT, body)
    return slow, slow.features


def _asked(fields: dict[str, Any]) -> Asked | None:
    """None if a field is wrong: decoding again will say how."""
    if not fields:
        return _NOTHING
    try:
        return msgspec.convert(fields, Asked)
    except msgspec.ValidationError:
        return None


def decode_batch(body: bytes, *, wide: bool = False) -> Batch:
    """Numbers are kept in 64 bits if `wide`. Raises a `ClientMistake` for what is wrong outside the
    rows.
    """
    quick = quick_rows(body, np.dtype(np.float64 if wide else np.float32))
    if quick is not None:
        asked = _asked(quick[1])
        if asked is not None:
            return Batch(asked, quick[0], [])
    slow = decode(_BATCH, body)
    return Batch(slow, None, slow.features)
