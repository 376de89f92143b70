"""The signal `accuracy`: the share of correct predictions, by labels that clients sent back.

Its own file, because it is the one signal that a spec must ask for: labels come late, or never.
Neighbours: `signals.judge` calls it; the server's `POST /api/v1/feedback` counts.
"""

from ...api.analysis import Accuracy, Analysis
from ...api.duration import human, seconds
from ...api.status import Baseline, Evidence, Verdict
from ..observed import Feedback, Readings
from ..times import rfc3339
from .evidence import NO_BASELINE, NO_SERIES, TOO_FEW_SAMPLES, no_data
from .statistics import surely_above

ACCURACY = "accuracy"


def accuracy(
    analysis: Analysis,
    rule: Accuracy,
    readings: Readings,
    kept: Baseline | None,
    now: float,
) -> Evidence:
    """Judge how far the candidate's accuracy lies under the stable's, against `maxDrop`.

    With fewer than `minSamples` labels of the candidate, or of the stable in the window and before:
    NoData, unless its share of wrong predictions is surely (one-sided 99 %) above what is allowed.
    """
    window = seconds(analysis.window)
    if problem := readings.problems.get(ACCURACY):
        return no_data(ACCURACY, problem.reason, problem.message, now)
    mine = readings.candidate.feedback
    if mine is None or mine.total <= 0:
        text = f"no feedback on the candidate's predictions in {human(window)}"
        return no_data(ACCURACY, NO_SERIES, text, now, samples=0)
    base = baseline_accuracy(readings.stable.feedback, kept, analysis.min_samples)
    if base is None:
        text = "not enough feedback on the stable revision to compare with yet"
        return no_data(ACCURACY, NO_BASELINE, text, now, samples=mine.total)
    allowed = base - rule.max_drop
    seen = (
        f"{mine.share:.1%} of {round(mine.total)} labelled predictions correct in {human(window)},"
        f" {base:.1%} of stable, at most {rule.max_drop:.1%} less is allowed"
    )
    sure = surely_above(mine.wrong, mine.total, max(0.0, 1 - allowed))
    # The differences of shares that are exactly the limit aren't exact as floats.
    lower = base - mine.share
    if lower > rule.max_drop + 1e-9 and (mine.total >= analysis.min_samples or sure):
        verdict, reason = Verdict.FAIL, None
        text = f"accuracy {lower:.1%} lower: {seen}"
    elif mine.total >= analysis.min_samples:
        verdict, reason, text = Verdict.PASS, None, f"accuracy: {seen}"
    else:
        verdict, reason = Verdict.NO_DATA, TOO_FEW_SAMPLES
        text = f"{round(mine.total)} labels of the {analysis.min_samples} needed"
    return Evidence(
        signal=ACCURACY,
        verdict=verdict,
        reason=reason,
        value=round(mine.share, 6),
        baseline=round(base, 6),
        threshold=rule.max_drop,
        samples=round(mine.total, 3),
        window=window,
        time=rfc3339(now),
        message=text,
    )


def baseline_accuracy(
    stable: Feedback | None, kept: Baseline | None, min_samples: int
) -> float | None:
    """Return the stable's accuracy: of the window if it has enough labels there, else as kept.

    Unlike the other figures its labels may well come after it lost its traffic.
    """
    if stable is not None and stable.total >= min_samples:
        return stable.share
    return kept.accuracy if kept is not None else None
