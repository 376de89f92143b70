"""What a status says in one word, and how it writes a time."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator


def _rfc3339(text: str) -> str:
    if datetime.fromisoformat(text).tzinfo is None:
        raise ValueError("a time without its offset")
    return text


# The schema can't tell one from another text, so what isn't one may stand in a status.
Time = Annotated[str, AfterValidator(_rfc3339)]


class Phase(StrEnum):
    PENDING = "Pending"
    STABLE = "Stable"
    PROGRESSING = "Progressing"
    BAKING = "Baking"
    PAUSED = "Paused"
    ROLLING_BACK = "RollingBack"
    ROLLED_BACK = "RolledBack"
    FAILED = "Failed"


class Verdict(StrEnum):
    PASS = "Pass"
    FAIL = "Fail"
    NO_DATA = "NoData"


class RejectReason(StrEnum):
    ERROR_RATE = "ErrorRate"
    LATENCY = "Latency"
    DRIFT = "Drift"
    HEALTH = "Health"
    NOT_READY = "NotReady"
    ACCURACY = "Accuracy"
    INVALID = "Invalid"
    NO_TRAFFIC = "NoTraffic"
    CHECK = "Check"
    CUSTOM = "Custom"
    NO_DATA = "NoData"
    ABORTED = "Aborted"
