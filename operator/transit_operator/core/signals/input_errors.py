"""Rows on which a model fails while it answers its own probes: what of them is the candidate's.

Whoever knows rows that no version answers can send as many as they like. So the stable's share of
them, in the same window, is no fault of the candidate's; and where each request goes by the weights
alone, neither is what came beside them, from somebody who aims (a header, a session). Neighbours:
`error_rate` judges; `kept` has the stable's last counts, for 100 %.
docs/decisions/0070-errors-by-input.md.
"""

from dataclasses import dataclass

from .evidence import ALL_MODELS, Input
from .kept import larger
from .samples import counts
from .samples.counts import Counts


@dataclass(frozen=True)
class Compared:
    """One model's predictions that count, and how many of the failed ones are by input.

    `stable` is what they are compared with, None where there is nothing; `beside` are input errors
    that are left out.
    """

    failed: float
    total: float
    by_input: float
    stable: Counts | None = None
    beside: float = 0.0

    @property
    def share_of_stable(self) -> float:
        """The share of input errors that is nobody's fault."""
        if self.stable is None or self.stable.total <= 0:
            return 0.0
        return self.stable.input_error / self.stable.total


def compared(i: Input, model: str, mine: Counts) -> Compared:
    """Return what there is to judge of one of the candidate's models."""
    live = counts.by_model(i.readings.stable)
    own = None if model == ALL_MODELS else live.get(model)
    if own is None and live:  # a model that came in another's place: all there was
        own = counts.pooled(live)
    beside = 0.0
    stable: Counts | None = own
    if own is None or (i.given is not None and i.given.share == 100):
        known = i.kept is not None and model in i.kept.models
        kept = larger(own, i.kept, model if known else ALL_MODELS)
        stable = kept if kept.total > 0 else None
    else:
        beside = min(mine.input_error, _beside(i, mine.total, own.total))
    by_input = mine.input_error - beside
    return Compared(mine.error + by_input, mine.total - beside, by_input, stable, beside)


def _beside(i: Input, mine: float, base: float) -> float:
    """Return how many more predictions the candidate has than its share of them says.

    Weights have been what they are for `t` seconds of the window, and before that those of the
    step before. What clients in the cluster send to the stable alone hides so many.
    """
    given = i.given
    if given is None or not given.exact:
        return 0.0
    t = max(0.0, min(i.window, i.now - given.since))
    earlier = i.window - t
    its = given.share * t + given.before * earlier
    rest = 100 * i.window - its
    return max(0.0, mine - base * its / rest)
