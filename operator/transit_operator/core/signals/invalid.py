"""The signal `invalid`: the candidate's share of invalid requests (4xx) against the stable's.

The commonest failure of a new model is another schema than clients send. Mistakes that both
revisions see are no fault. Neighbours: `counts` reads the samples; `kept` has the stable's last
shares.
"""

from ...api.analysis import Analysis, Invalid
from ...api.duration import human
from ...api.status import Evidence, RejectReason, Verdict
from .evidence import (
    ALL_MODELS,
    BY_CHANCE,
    NO_BASELINE,
    NO_SERIES,
    TRIES,
    Finding,
    Input,
    blind,
    count,
    evidence,
    ladder,
    no_data,
    too_few,
    worst,
)
from .kept import larger
from .samples import counts
from .samples.counts import Counts
from .samples.query import PREDICTIONS
from .statistics import surely_larger

NAME = "invalid"
FEWEST = 10  # invalid requests that may convince before there are plenty: one client's slip doesn't


class InvalidSignal:
    """Fails when the share of invalid requests is surely more than `maxIncrease` larger.

    However many there are: with half of all requests wrong by one client's choice, two shares of a
    thousand differ by more than that now and then.
    """

    name = NAME
    reason = RejectReason.INVALID
    queries = (PREDICTIONS,)
    compares = True

    def rule(self, analysis: Analysis) -> Invalid | None:
        return analysis.invalid

    def judge(self, i: Input) -> Evidence:
        rule = i.analysis.invalid
        assert rule is not None
        if absent := blind(i, NAME, PREDICTIONS):
            return absent
        models = {m: c for m, c in counts.by_model(i.readings.candidate).items() if c.requests > 0}
        if not models:
            return no_data(NAME, NO_SERIES, "no requests to the candidate yet", i.now, samples=0)
        stable = counts.by_model(i.readings.stable)
        base = {m: larger(stable.get(m), i.kept, m) for m in models}
        if len(models) > 1 or not base[next(iter(models))].requests:
            everything = larger(counts.pooled(stable), i.kept, ALL_MODELS)
            if len(models) > 1:
                models[ALL_MODELS] = counts.pooled(models)
                base[ALL_MODELS] = everything
            else:  # a model that came in another's place is compared with all there was
                base = dict.fromkeys(models, everything)
        return worst(
            {m: _judged(i, rule.max_increase, c, base[m], len(models)) for m, c in models.items()},
        )


def _judged(i: Input, limit: float, mine: Counts, base: Counts, tests: int) -> Finding:
    n, m = mine.requests, base.requests
    share = mine.invalid / n
    if m <= 0 and share > limit:
        text = f"{count(mine.invalid)} of {count(n)} requests invalid; the stable has none yet"
        return Finding(no_data(NAME, NO_BASELINE, text, i.now, samples=n), rare=True)
    of_base = base.invalid / m if m > 0 else 0.0
    # Without a stable: a share within the limit is no larger than any other by more than that.
    enough = i.enough(n) and (i.enough(m) or share <= limit)
    over = share - of_base > limit + 1e-9
    verdict = ladder(
        over=over,
        sure=lambda: (
            mine.invalid >= FEWEST
            and surely_larger((mine.invalid, n), (base.invalid, m), limit, TRIES * tests)
        ),
        enough=enough,
        plenty=False,
    )
    text = (
        f"{share:.1%} of requests invalid, {of_base:.1%} of stable's, at most {limit:.1%} more is"
        f" allowed: {count(mine.invalid)} of {count(n)} in {human(i.window)}"
    )
    if verdict is Verdict.NO_DATA:
        text = text + BY_CHANCE if enough else too_few(min(n, m), i.analysis.min_samples)
    found = evidence(
        i, NAME, verdict, text, value=share, baseline=of_base, threshold=limit, samples=n
    )
    return Finding(found, rare=not enough)
