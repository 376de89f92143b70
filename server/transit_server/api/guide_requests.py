"""The bodies of the guide's API, decoded by msgspec straight into what is needed."""

from typing import Literal

import msgspec

from transit_server.api.rows import decode
from transit_server.serving.registry import AUTO

Voting = Literal["soft", "hard"]


class PredictBody(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """POST /api/v1/predict."""

    features: list[float]
    model: str = AUTO
    return_probabilities: bool = True
    return_all_models: bool = False
    voting: Voting = "soft"


class BatchBody(msgspec.Struct, forbid_unknown_fields=True):
    """POST /api/v1/predict/batch. Rows stay text at first, so that no one step is long."""

    features: list[msgspec.Raw]
    model: str = AUTO
    return_probabilities: bool = True
    return_all_models: bool = False
    voting: Voting = "soft"


_PREDICT = msgspec.json.Decoder(PredictBody)
_BATCH = msgspec.json.Decoder(BatchBody)
_ROW = msgspec.json.Decoder(list[float])


def decode_predict(body: bytes) -> PredictBody:
    return decode(_PREDICT, body)


def decode_batch(body: bytes) -> BatchBody:
    return decode(_BATCH, body)


def decode_row(raw: msgspec.Raw, field: str) -> list[float]:
    """One row of a batch; `field` is its place in the request."""
    return decode(_ROW, raw, field)
