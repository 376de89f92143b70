"""Evidence without a number: the one shape that every signal's missing data has.

Neighbours: `signals` and `accuracy` make it, `baseline` reads its reasons.
"""

from ...api.status import Evidence, Verdict
from ..times import rfc3339

# Why there is no data, beside what the adapters say.
NO_SERIES = "NoSeries"
NO_BASELINE = "NoBaseline"
TOO_FEW_SAMPLES = "TooFewSamples"


def no_data(
    signal: str, reason: str, message: str, now: float, samples: float | None = None
) -> Evidence:
    """Return the evidence of a signal that can't be judged, and why. `now` in epoch seconds."""
    return Evidence(
        signal=signal,
        verdict=Verdict.NO_DATA,
        reason=reason,
        samples=samples,
        time=rfc3339(now),
        message=message,
    )
