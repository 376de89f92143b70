"""The signal `errorRate`: errors of all predictions, for each model and for all together.

Client mistakes are no errors; time-outs are. What a model fails on while it answers its own probes
is an error as far as the stable does better. Neighbours: `counts` reads the samples;
`input_errors` compares.
"""

from ...api.analysis import Analysis, ErrorRate
from ...api.duration import human
from ...api.status import Evidence, RejectReason, Verdict
from .evidence import (
    ALL_MODELS,
    BY_CHANCE,
    NO_SERIES,
    TRIES,
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
from .input_errors import Compared, compared
from .samples import counts
from .samples.counts import Counts
from .samples.query import PREDICTIONS
from .statistics import surely_above, surely_larger

NAME = "errorRate"


class ErrorRateSignal:
    """Fails when a share of errors is surely above `max`, or together with input errors surely more
    than that above the stable's share of those.
    """

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
        return worst({m: _judged(i, rule.max, m, c, len(models)) for m, c in models.items()})


def fails_as_a_whole(i: Input) -> bool:
    """Tell whether all the candidate's models together have too many errors."""
    rule = i.analysis.error_rate or ErrorRate()
    all_models = counts.pooled(counts.by_model(i.readings.candidate))
    if all_models.total <= 0:
        return False
    return _judged(i, rule.max, ALL_MODELS, all_models, 1).evidence.verdict is Verdict.FAIL


def _judged(i: Input, limit: float, model: str, found: Counts, tests: int) -> Finding:
    alone = _by_itself(i, limit, found, tests)
    both = compared(i, model, found)
    if not both.by_input and not both.beside:
        return alone
    beside_stable = _beside_stable(i, limit, both, tests)
    order = (Verdict.PASS, Verdict.NO_DATA, Verdict.FAIL)
    return max((beside_stable, alone), key=lambda one: order.index(one.evidence.verdict))


def _by_itself(i: Input, limit: float, found: Counts, tests: int) -> Finding:
    """Without input errors: whatever the stable does."""
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


def _beside_stable(i: Input, limit: float, found: Compared, tests: int) -> Finding:
    """With input errors, against the stable's share of those.

    Only what is sure fails, however many samples there are: with half of all rows bad by one
    client's choice, two shares of a thousand differ by more than `max` now and then. Nor is what
    fails by input a sample to pass by.
    """
    stable, allowed = found.stable, found.share_of_stable
    rate = found.failed / found.total if found.total > 0 else 0.0
    answered = found.total - found.by_input
    enough = i.enough(answered)
    over = rate - allowed > limit + 1e-9
    verdict = ladder(
        over=over,
        sure=lambda: (
            surely_above(found.failed, found.total, limit, tests)
            if stable is None
            else surely_larger(
                (found.failed, found.total),
                (stable.input_error, stable.total),
                limit,
                TRIES * tests,
            )
        ),
        enough=enough,
        plenty=stable is None and i.plenty(found.total),
    )
    against = "" if stable is None else f" more than the stable's {allowed:.1%} of input errors"
    text = (
        f"error rate {rate:.1%} {'over' if over else 'within'} {limit:.1%}{against}:"
        f" {count(found.failed)} of {count(found.total)} predictions in {human(i.window)},"
        f" {count(found.by_input)} of them by rows that it fails on"
    )
    if found.beside:
        text += f"; {count(found.beside)} more came beside its share, and don't count"
    if verdict is Verdict.NO_DATA:
        chance = not_sure(i) if stable is None else BY_CHANCE
        text = text + chance if over else too_few(answered, i.analysis.min_samples)
    return Finding(
        evidence(
            i,
            NAME,
            verdict,
            text,
            value=rate,
            baseline=None if stable is None else allowed,
            threshold=limit,
            samples=found.total,
        ),
        rare=not enough,
    )
