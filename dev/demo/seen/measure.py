"""How fast a bad version lost its traffic, seen from outside: by answers and the HTTPRoute.

"Enough evidence" is the moment from which on an observer who saw every answer at once could have
said so, by the operator's own rule (transit_operator.core.signals.error_rate): a rate over the
threshold, and so many answers or so many errors that chance is out of the question. What the
operator adds to that is one scrape, one analysis interval, and its own work. Two errors among the
first three answers are evidence too; if more answers take it away, the next time counts.
"""

from collections.abc import Sequence
from typing import Any

from transit_operator.api.duration import seconds
from transit_operator.core.signals.evidence import PLENTY
from transit_operator.core.signals.statistics import surely_above

from .incidents import Span, is_of
from .traffic import Answer


def enough_evidence(
    answers: Sequence[Answer], revision: str, had_traffic: Sequence[Span], analysis: dict[str, Any]
) -> float | None:
    """When the answers of a revision last began to prove an error rate over the threshold; None:
    they never did.
    """
    limit, needed = float(analysis["errorRate"]["max"]), int(analysis["minSamples"])
    window = seconds(analysis["window"])
    mine = sorted((a for a in answers if is_of(a, revision, had_traffic)), key=lambda a: a.done)
    first = 0
    errors = 0
    since: float | None = None
    proved = False
    for last, answer in enumerate(mine):
        errors += answer.failed
        while mine[first].done < answer.done - window:
            errors -= mine[first].failed
            first += 1
        total = last - first + 1
        sure = total >= PLENTY * needed or surely_above(errors, total, limit)
        proves = sure and errors / total > limit
        if proves and not proved:
            since = answer.done
        proved = proves
    return since


def first_failure(
    answers: Sequence[Answer], revision: str, had_traffic: Sequence[Span]
) -> float | None:
    """When the first failed answer of a revision came back; None: never."""
    failed = [a.done for a in answers if a.failed and is_of(a, revision, had_traffic)]
    return min(failed, default=None)


def times(
    answers: Sequence[Answer], revision: str, had_traffic: Sequence[Span], analysis: dict[str, Any]
) -> dict[str, float]:
    """Seconds until weight 0 in the HTTPRoute, from each beginning that can be told.

    `fromTraffic`: since it first got traffic; `fromFirstFailure`: since its first failed answer;
    `fromEnoughEvidence`: since its answers proved an error rate over the threshold. And
    `lastFailureAfter`: from weight 0 to the last failed answer to a request that left later, which
    is how long the gateway took to follow.
    """
    if not had_traffic or had_traffic[-1].end is None:
        return {}
    zero = had_traffic[-1].end
    before = [answer for answer in answers if answer.done <= zero]
    begins = {
        "fromTraffic": had_traffic[0].start,
        "fromFirstFailure": first_failure(answers, revision, had_traffic),
        "fromEnoughEvidence": enough_evidence(before, revision, had_traffic, analysis),
    }
    found = {
        name: round(zero - begin, 2)
        for name, begin in begins.items()
        if begin is not None and begin <= zero
    }
    failed = (a for a in answers if a.failed and is_of(a, revision, had_traffic))
    if late := [answer.sent for answer in failed if answer.sent > zero]:
        found["lastFailureAfter"] = round(max(late) - zero, 2)
    return found
