"""What can go wrong with a request, without any word of HTTP; `http.problems` gives each its
status.

`code` is for programs, `message` for people, `field` names the part of the request that was wrong.
"""


class ServingError(Exception):
    """Base of everything the server says no with."""

    code = "internal"

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


class BodyTooLarge(ClientMistake):
    """The body is larger than this server reads."""

    code = "body_too_large"


class NotReady(ServingError):
    """The model isn't loaded yet; no prediction was tried."""

    code = "not_ready"


class Overloaded(ServingError):
    """Too many rows wait for the model already."""

    code = "overloaded"


class TimedOut(ServingError):
    """The model did not answer in the time that a request may take."""

    code = "timed_out"


class PredictionFailed(ServingError):
    """The model, or its preprocessing, failed on this row."""

    code = "prediction_failed"


class LoadFailed(Exception):
    """A model can't be served; the process ends with this message."""

    def __init__(self, name: str, version: str, cause: str) -> None:
        super().__init__(f"model {name} {version} can't be served: {cause}")
