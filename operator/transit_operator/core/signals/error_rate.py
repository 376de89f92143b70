"""The signal `errorRate`: errors of all predictions, for each model and for all together.

Client mistakes are no errors; time-outs are. Neighbours: `counts` reads the samples.
"""

from ...api.analysis import Analysis, ErrorRate
from ...api.duration import human
from ...api.status import Evidence, RejectReason, Verdict
from .evidence import (
    ALL_MODELS,
    NO_SERIES,
    Finding,
    Input,
    blind,
    count,
    evidence,
    ladder,
    no_data,
    not_sure,
    too_few,
    worst,
)
from .samples import counts
from .samples.counts import Counts
from .samples.query import PREDICTIONS
from .statistics import surely_above

NAME = "errorRate"


class ErrorRateSignal:
    """Fails when a share of errors is surely above `max`."""

    name = NAME
    reason = RejectReason.ERROR_RATE
    queries = (PREDICTIONS,)
    compares = False

    def rule(self, analysis: Analysis) -> ErrorRate | None:
        return analysis.error_rate

    def judge(self, i: Input) -> Evidence:
        rule = i.analysis.error_rate
        assert rule is not None
        if absent := blind(i, NAME, PREDICTIONS):
            return absent
        models = {m: c for m, c in counts.by_model(i.readings.candidate).items() if c.total > 0}
        if not models:
            text = "no predictions of the candidate yet"
            return no_data(NAME, NO_SERIES, text, i.now, samples=0)
        if len(models) > 1:
            models[ALL_MODELS] = counts.pooled(models)
        return worst({m: _judged(i, rule.max, c, len(models)) for m, c in models.items()})


def fails_as_a_whole(i: Input) -> bool:
    """Tell whether all the candidate's models together have too many errors."""
    rule = i.analysis.error_rate or ErrorRate()
    all_models = counts.pooled(counts.by_model(i.readings.candidate))
    if all_models.total <= 0:
        return False
    return _judged(i, rule.max, all_models, 1).evidence.verdict is Verdict.FAIL


def _judged(i: Input, limit: float, found: Counts, tests: int) -> Finding:
    rate = found.error / found.total
    enough = i.enough(found.total)
    over = rate > limit
    verdict = ladder(
        over=over,
        sure=lambda: surely_above(found.error, found.total, limit, tests),
        enough=enough,
        plenty=i.plenty(found.total),
    )
    seen = f"{count(found.error)} of {count(found.total)} predictions in {human(i.window)}"
    text = f"error rate {rate:.1%} {'over' if over else 'within'} {limit:.1%}: {seen}"
    if verdict is Verdict.NO_DATA:
        text = text + not_sure(i) if enough else too_few(found.total, i.analysis.min_samples)
    return Finding(
        evidence(i, NAME, verdict, text, value=rate, threshold=limit, samples=found.total),
        rare=not enough,
    )
