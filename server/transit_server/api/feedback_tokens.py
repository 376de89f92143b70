"""The token that stands with a prediction: what was predicted, by whom and for whom, signed.

Whoever brings it back with a label (`feedback`) can only speak of what was really predicted, once,
and any pod of the ModelDeployment can tell: they have the same key.
docs/decisions/0045-feedback-by-token.md. It is no secret: who reads it reads the claims.
Neighbours: `guide` and `openinference` have answers signed, `feedback` reads tokens.
"""

import binascii
import hmac
import logging
import math
import time
from base64 import urlsafe_b64decode
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from transit_models.counting import counted
from transit_models.schema import Number
from transit_server.errors import InvalidInput
from transit_server.serving.registry import ServedModel

log = logging.getLogger(__name__)

Range = tuple[float, float]  # from (included) and to (not included)

_SHORTEST_KEY: Final = 32
_TAG: Final = 16
_DAY: Final = 86_400
_URL_SAFE: Final = bytes.maketrans(b"+/", b"-_")
# Tokens of servers that mean something else by their claims are none of these.
_FORMAT: Final = "transit feedback 1 "


class BadFeedbackKey(ValueError):
    """The key can't be used; the message never shows it."""


@dataclass(frozen=True, slots=True)
class Recipient:
    """Whom an answer is for: the request's random `serial`, and the name of the API key."""

    serial: bytes
    client: str


class Claims(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What a token says. `day` counts from 1970, in UTC; `predicted` is a class, or the range that
    a number is in.
    """

    day: int
    serial: bytes
    row: int
    revision: str
    model: str
    version: str
    client: str
    predicted: str | Range


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Claims)


class Signer:
    """Signs this revision's answers, and reads the tokens of all revisions of its ModelDeployment.

    `days` is how long a token is good for.
    """

    def __init__(
        self,
        key: bytes,
        model_deployment: str,
        revision: str,
        days: int,
        clock: Callable[[], float] = time.time,
    ) -> None:
        # Of the name too: a key that is used for two by mistake makes the tokens of neither valid
        # for the other.
        self._key = hmac.digest(key, (_FORMAT + model_deployment).encode(), "sha256")
        self._revision = revision
        self._days = days
        self._clock = clock

    @property
    def today(self) -> int:
        """The day that tokens made now have."""
        return int(self._clock()) // _DAY

    @property
    def oldest(self) -> int:
        """The day of the oldest tokens that are good."""
        return self.today - self._days

    def sign(
        self, to: Recipient, row: int, model: str, version: str, predicted: str | Range
    ) -> str:
        """The token for one row of an answer."""
        text = _ENCODER.encode(
            Claims(self.today, to.serial, row, self._revision, model, version, to.client, predicted)
        )
        signed = hmac.digest(self._key, text, "sha256")[:_TAG] + text
        return binascii.b2a_base64(signed, newline=False).translate(_URL_SAFE).rstrip(b"=").decode()

    def read(self, token: str) -> tuple[Claims, bytes]:
        """The claims, and what no other token has. Raises `InvalidInput`."""
        claims, tag = self._verified(token)
        if claims.day < self.oldest:
            text = f"is too old: labels are taken for {counted(self._days, 'day')}"
            raise InvalidInput(text, field="feedback_token")
        if claims.day > self.today + 1:
            text = "is of a future day: the clocks of two servers differ"
            raise InvalidInput(text, field="feedback_token")
        return claims, tag

    def _verified(self, token: str) -> tuple[Claims, bytes]:
        try:
            raw = urlsafe_b64decode(token + "=" * (-len(token) % 4))
            tag, claims = raw[:_TAG], raw[_TAG:]
            if hmac.compare_digest(hmac.digest(self._key, claims, "sha256")[:_TAG], tag):
                return _DECODER.decode(claims), tag
        except (ValueError, msgspec.MsgspecError):
            pass  # it is none of ours, in one of many ways
        text = "was not issued by a server of this ModelDeployment, or has been changed since"
        raise InvalidInput(text, field="feedback_token")


def judged(model: ServedModel, class_id: int) -> str | Range | None:
    """What a label is held against; None for a model of which that can't be said."""
    if isinstance(model.outputs, Number):
        bounds = (-math.inf, *model.outputs.bins, math.inf)
        return (bounds[class_id], bounds[class_id + 1]) if model.outputs.bins else None
    return None if model.several else model.labels[class_id]


def signer(path: Path | None, model_deployment: str, revision: str, days: int) -> Signer | None:
    """What signs with the key in a file; None without a file. Raises `BadFeedbackKey`.

    A file that isn't there is no error: a lost Secret must not keep a server from predicting.
    """
    if path is None:
        return None
    try:
        key = path.read_bytes()
    except FileNotFoundError:
        log.warning("answers carry no token for feedback: %s is not there", path)
        return None
    except OSError as error:
        raise BadFeedbackKey(f"{path} can't be read: {type(error).__name__}") from error
    if len(key) < _SHORTEST_KEY:
        text = f"{path}: needs at least {_SHORTEST_KEY} random bytes; openssl rand -out {path} 32"
        raise BadFeedbackKey(text)
    return Signer(key, model_deployment, revision, days)
