"""The signal `accuracy`: the share of correct predictions, by labels that clients sent back.

The one signal that a spec must ask for: labels come late, or never.
Neighbours: the server's `POST /api/v1/feedback` counts; `kept` has the stable's last share.
"""

from dataclasses import dataclass

from ...api.analysis import Accuracy, Analysis
from ...api.duration import human
from ...api.status import Baseline, Evidence, RejectReason, Verdict
from ..observed import RevisionReadings
from .evidence import NO_BASELINE, NO_SERIES, Input, blind, counted, evidence, ladder, no_data
from .samples.query import FEEDBACK
from .statistics import surely_above

NAME = "accuracy"


@dataclass(frozen=True)
class Feedback:
    """Predictions in the window whose true label is known."""

    correct: float
    wrong: float

    @property
    def total(self) -> float:
        return self.correct + self.wrong

    @property
    def share(self) -> float:
        """The accuracy; `total` must be positive."""
        return self.correct / self.total


class AccuracySignal:
    """Fails when the candidate's accuracy lies more than `maxDrop` under the stable's."""

    name = NAME
    reason = RejectReason.ACCURACY
    queries = (FEEDBACK,)
    compares = True

    def rule(self, analysis: Analysis) -> Accuracy | None:
        return analysis.accuracy

    def judge(self, i: Input) -> Evidence:
        rule = i.analysis.accuracy
        assert rule is not None
        if absent := blind(i, NAME, FEEDBACK):
            return absent
        mine = feedback(i.readings.candidate)
        if mine.total <= 0:
            text = f"no feedback on the candidate's predictions in {human(i.window)}"
            return no_data(NAME, NO_SERIES, text, i.now, samples=0)
        base = baseline(i.readings.stable, i.kept, i.analysis.min_samples)
        if base is None:
            text = "not enough feedback on the stable revision to compare with yet"
            return no_data(NAME, NO_BASELINE, text, i.now, samples=mine.total)
        allowed = max(0.0, 1 - base + rule.max_drop)
        # The differences of shares that are exactly the limit aren't exact as floats.
        lower = base - mine.share
        over = lower > rule.max_drop + 1e-9
        enough = i.enough(mine.total)
        verdict = ladder(
            over=over,
            sure=lambda: surely_above(mine.wrong, mine.total, allowed),
            enough=enough,
            plenty=enough,
        )
        text = f"accuracy {lower:.1%} lower: " if over else "accuracy: "
        text += (
            f"{mine.share:.1%} of {round(mine.total)} labelled predictions correct in"
            f" {human(i.window)}, {base:.1%} of stable, at most {rule.max_drop:.1%} less is allowed"
        )
        if verdict is Verdict.NO_DATA:
            text = f"{counted(mine.total, 'label')} of the {i.analysis.min_samples} needed"
        return evidence(
            i,
            NAME,
            verdict,
            text,
            value=mine.share,
            baseline=base,
            threshold=rule.max_drop,
            samples=mine.total,
        )


def feedback(readings: RevisionReadings) -> Feedback:
    """Return the labels that came back, by whether the prediction was right."""
    found = {"correct": 0.0, "wrong": 0.0}
    for labels, value in FEEDBACK.of(readings):
        found[labels.get("outcome", "")] = found.get(labels.get("outcome", ""), 0.0) + value
    return Feedback(found["correct"], found["wrong"])


def baseline(stable: RevisionReadings, kept: Baseline | None, min_samples: int) -> float | None:
    """Return the stable's accuracy: of the window if it has enough labels there, else as kept.

    Unlike the other figures its labels may well come after it lost its traffic.
    """
    own = feedback(stable)
    if own.total >= min_samples:
        return own.share
    return kept.accuracy if kept is not None else None
