"""What can go wrong with a request, without any word of HTTP; `http.problems` gives each its
status.

`code` is for programs, `message` for people, `field` names the part of the request that was wrong.
"""

from transit_models.counting import counted


class ServingError(Exception):
    """Base of everything the server says no with."""

    code = "internal"
    retry_after: float | None = None  # seconds after which it may work, where that is known

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field


class ClientMistake(ServingError):
    """The client has to change something; counted as `invalid`, never as `error`."""

    code = "invalid_request"


class MalformedBody(ClientMistake):
    """The body is not what it should be at all: no JSON, cut off, wrong framing."""

    code = "malformed_body"


class InvalidInput(ClientMistake):
    """The body was understood, and a value in it is wrong."""

    code = "invalid_input"


class UnknownModel(ClientMistake):
    """No model of that name or version is served here."""

    code = "unknown_model"


class UnknownPath(ServingError):
    """Nothing is served there."""

    code = "not_found"


class BodyTooLarge(ClientMistake):
    """The body is larger than this server reads."""

    code = "body_too_large"


class UnsupportedEncoding(ClientMistake):
    """The body is packed in a way that this server can't unpack."""

    code = "unsupported_encoding"


class SlowBody(ClientMistake):
    """The body did not arrive in the time that a request may take."""

    code = "slow_body"


class ForeignOrigin(ServingError):
    """A browser sends it for a page that may not ask."""

    code = "foreign_origin"


class NotYours(ClientMistake):
    """Feedback on a prediction that another client was given."""

    code = "not_yours"


class FeedbackOff(ServingError):
    """This server can't tell its own predictions: it has no key."""

    code = "feedback_off"


class FeedbackFull(ServingError):
    """More feedback than this process can count once."""

    code = "feedback_full"


class Unauthorized(ServingError):
    """No API key, or one that isn't known here."""

    code = "unauthorized"


class RateLimited(ServingError):
    """This client has used up its rate."""

    code = "rate_limited"

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class NotReady(ServingError):
    """The model isn't loaded yet; no prediction was tried."""

    code = "not_ready"


class Overloaded(ServingError):
    """Too much waits for the model, or is in memory, or it can't be done in time."""

    code = "overloaded"

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class CircuitOpen(ServingError):
    """The model fails on its own probes, or hangs; until it answers, nothing is given to it."""

    code = "circuit_open"

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class RowInQuarantine(ServingError):
    """The model hung on this very row not long ago."""

    code = "row_in_quarantine"


class TimedOut(ServingError):
    """The model did not answer in the time that a request may take."""

    code = "timed_out"


class PredictionFailed(ServingError):
    """The model, or its preprocessing, failed on this row."""

    code = "prediction_failed"


class ModelHung(Exception):
    """A model doesn't come back from a batch; the process ends with this message."""

    def __init__(self, name: str, version: str, rows: int, seconds: float) -> None:
        super().__init__(
            f"model {name} {version} hung: a batch of {counted(rows, 'row')} is not answered after "
            f"{seconds:.0f} s"
        )


class LoadFailed(Exception):
    """A model can't be served; the process ends with this message."""

    def __init__(self, name: str, version: str, cause: str) -> None:
        super().__init__(f"model {name} {version} can't be served: {cause}")
