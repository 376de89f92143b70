"""Values that no model's dtype holds, and what a client is told who sends megabytes: without a
server.
"""

import msgspec
import pytest

from transit_models.schema import Input
from transit_server.api.decoding.rows import decode, value_of
from transit_server.api.guide_requests import PredictBody
from transit_server.errors import ClientMistake, InvalidInput

DIGITS = 10**400


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int8", "int64", "uint64"])
@pytest.mark.parametrize("value", [DIGITS, -DIGITS, 1.7e308], ids=["digits", "minus", "float"])
def test_a_number_that_does_not_fit(dtype: str, value: float) -> None:
    """JSON has whole numbers of any length, and Python takes them."""
    if (dtype, value) == ("float64", 1.7e308):
        assert value_of(value, Input("x", dtype), "x") == value
        return
    with pytest.raises(InvalidInput, match=f"is no {dtype}"):
        value_of(value, Input("x", dtype), "x")


@pytest.mark.parametrize(
    "body",
    [
        b'{"features": [1], "%b": 1}' % (2**20 * b"a"),
        b'{"features": [1], "voting": "%b"}' % (2**20 * b"a"),
    ],
    ids=["unknown field", "unknown value"],
)
def test_a_mistake_is_not_quoted_at_length(body: bytes) -> None:
    with pytest.raises(ClientMistake) as told:
        decode(msgspec.json.Decoder(PredictBody), body)
    assert len(told.value.message) + len(told.value.field or "") < 1000
