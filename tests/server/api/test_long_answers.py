"""A short request may have a long answer: making it keeps nobody else on the event loop."""

import threading
from typing import Any, cast

import msgspec
import numpy as np
import pytest

from transit_models.schema import Classes, Input, Inputs
from transit_server.api.decoding.large_bodies import SMALL
from transit_server.api.feedback_tokens import Recipient, Signer
from transit_server.api.guide import GuideApi, PredictCall
from transit_server.api.v2.openinference import InferCall, OpenInferenceApi
from transit_server.formats.base import Rows
from transit_server.serving.inference import Prediction
from transit_server.serving.registry import Registry, ServedModel
from transit_server.settings import ModelRef

NOBODY = Recipient(b"serial", "")


class Sure:
    """Answers every row with the first class."""

    async def predict(self, model: ServedModel, rows: Rows, *_: Any) -> Prediction:
        scores = np.tile(np.array([1, 0], np.float32), (len(rows), 1))
        return Prediction(model, scores, len(rows) * [0], {}, 0.0)


class Watched(Signer):
    """Knows on which threads it signed."""

    def __init__(self) -> None:
        super().__init__(32 * b"k", "ml/kepler", "7f9c4d2b1a", 30)
        self.threads: set[threading.Thread] = set()

    def sign(self, *args: Any) -> str:
        self.threads.add(threading.current_thread())
        return super().sign(*args)


def free(rows: int) -> None:
    """No rate counts them."""


def registry() -> Registry:
    inputs = Inputs((Input("features", "float32", (3,)),))
    unused = cast(Any, None)
    parts: Any = (
        "m",
        "1.0.0",
        "",
        "",
        inputs,
        Classes(("yes", "no")),
        {},
        "",
        "",
        *(6 * (unused,)),
    )
    made = Registry((ModelRef(name="m", version="1.0.0"),), "m")
    made.add(ServedModel(*parts))
    return made


@pytest.mark.parametrize(("rows", "elsewhere"), [(9, False), (4000, True)])
async def test_tokens_of_many_rows_are_signed_elsewhere(rows: int, elsewhere: bool) -> None:
    signer = Watched()
    given = (registry(), Sure(), "7f9c4d2b1a", 4096, None, signer)
    batch = msgspec.json.encode({"features": rows * [[1, 0, 1]]})
    call = PredictCall(0.0, "id", free, NOBODY)
    assert len((await GuideApi(*given).predict_batch(batch, call)).predictions) == rows
    tensor = {"name": "features", "datatype": "UINT8", "shape": [rows, 3]}
    infer = {"inputs": [{**tensor, "data": rows * [1, 0, 1]}], "parameters": {"feedback": True}}
    body = msgspec.json.encode(infer)
    v2 = InferCall(0.0, "id", free, "m", None, NOBODY, "", None)
    assert (await OpenInferenceApi(*given).infer(body, v2)).header.count(b" ") == rows - 1
    assert max(len(batch), len(body)) < SMALL
    assert (threading.main_thread() in signer.threads) != elsewhere
