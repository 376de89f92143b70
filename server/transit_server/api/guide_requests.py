"""The bodies of the guide's API, decoded straight into what is needed.

Numbers come as arrays from `quick_numbers` where nothing is unusual about a body, else from
msgspec, whose errors name the field.
"""

from dataclasses import dataclass
from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from transit_server.api.off_loop import with_pauses
from transit_server.api.quick_numbers import quick_row, quick_rows
from transit_server.api.rows import decode, to_rows, wrong_length
from transit_server.formats.base import Rows
from transit_server.serving.registry import AUTO

Voting = Literal["soft", "hard"]
Numbers = list[float] | NDArray[np.float64]


class Asked(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """What a client may ask for besides the features."""

    model: str = AUTO
    return_probabilities: bool = True
    return_all_models: bool = False
    voting: Voting = "soft"


class PredictBody(Asked, forbid_unknown_fields=True, kw_only=True):
    """POST /api/v1/predict."""

    features: list[float]


class BatchBody(Asked, forbid_unknown_fields=True, kw_only=True):
    """POST /api/v1/predict/batch. Rows stay text at first, so that no one step is long."""

    features: list[msgspec.Raw]


_PREDICT = msgspec.json.Decoder(PredictBody)
_BATCH = msgspec.json.Decoder(BatchBody)
_ROW = msgspec.json.Decoder(list[float])
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

    def rows(self, features: int) -> Rows:
        """All rows, (rows, features). Raises a `ClientMistake` that names the wrong one."""
        if self.numbers is not None:
            if self.numbers.shape[1] != features:
                raise wrong_length(self.numbers.shape[1], features, "features[0]")
            return self.numbers
        rows = np.empty((len(self), features), dtype=np.float32)
        for index, text in enumerate(with_pauses(self.texts)):
            field = f"features[{index}]"
            rows[index] = to_rows(decode(_ROW, text, field), features, field)
        return rows


def decode_predict(body: bytes) -> tuple[Asked, Numbers]:
    """What is asked, and the row. Raises a `ClientMistake` that names the field."""
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


def decode_batch(body: bytes) -> Batch:
    """Raises a `ClientMistake` for what is wrong outside the rows."""
    quick = quick_rows(body)
    if quick is not None:
        asked = _asked(quick[1])
        if asked is not None:
            return Batch(asked, quick[0], [])
    slow = decode(_BATCH, body)
    return Batch(slow, None, slow.features)
