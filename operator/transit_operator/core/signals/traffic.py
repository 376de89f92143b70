"""The signal `traffic`: a candidate that gets nothing of its share, or almost nothing, has failed.

Servers don't count what never reaches them (a policy, a wrong port, a mesh that refuses), so the
other signals have no data while clients get errors. Requests, not rows, are compared: one batch of
a thousand rows goes one way. While no Gateway says that it carries the route as it is, nobody has
its share by any fault of its own. Neighbours: `counts`, `histogram` read the samples.
docs/decisions/0024-a-signal-is-one-unit.md says why it waits as long as it does.
"""

from ...api.analysis import Analysis, TrafficArrives
from ...api.duration import human, seconds
from ...api.status import Evidence, RejectReason, Verdict
from ..observed import RevisionReadings
from .evidence import TOO_FEW_SAMPLES, Input, blind, count, counted, evidence, no_data
from .samples import counts, histogram
from .samples.query import LATENCIES, PREDICTIONS

NAME = "traffic"
NOT_TAKEN = "RouteNotTaken"  # why there is no data

# Requests don't come one by one: by kept connections, in bursts, by batch jobs. Were they to come
# in bunches of twenty, five bunches would be expected, and P(none) = exp(-5) < 1 %.
BUNCH = 20
FEWEST_EXPECTED = 5 * BUNCH


class TrafficSignal:
    """Fails when less than a twentieth of what should arrive does, where that is 100 or more."""

    name = NAME
    reason = RejectReason.NO_TRAFFIC
    queries = (PREDICTIONS, LATENCIES)
    compares = False

    def rule(self, analysis: Analysis) -> TrafficArrives | None:
        return analysis.traffic

    def judge(self, i: Input) -> Evidence:
        if absent := blind(i, NAME, *self.queries):
            return absent
        base = _requests(i.readings.stable)
        # Without latencies rows are counted: never fewer than requests.
        mine = _requests(i.readings.candidate) or _rows(i.readings.candidate)
        expected = _expected(i, base)
        seen = f"{counted(mine, 'request')} in {human(i.window)}, about {count(expected)} should be"
        seen += f" at {i.given.share} %" if i.given is not None else ""
        if expected >= FEWEST_EXPECTED and mine <= expected / BUNCH:
            if i.given is not None and i.given.untaken:
                return no_data(NAME, NOT_TAKEN, f"{seen}; {i.given.untaken}", i.now, base)
            text = f"the candidate does not get its share of the traffic: {seen}"
            return evidence(
                i,
                NAME,
                Verdict.FAIL,
                text,
                value=mine,
                baseline=expected,
                threshold=expected / BUNCH,
                samples=base,
            )
        if mine > 0:
            return evidence(
                i,
                NAME,
                Verdict.PASS,
                f"the candidate gets traffic: {seen}",
                value=mine,
                baseline=expected,
                samples=base,
            )
        return no_data(NAME, TOO_FEW_SAMPLES, f"too early or too few to tell: {seen}", i.now, base)


def _expected(i: Input, base: float) -> float:
    """Return the least number of requests that the candidate should have in the window by now.

    The stable had 100 - share percent of all requests for `known` seconds of the window, and before
    that all of them, at most. Half a window (two scrapes, at least) may pass until Prometheus shows
    what came. Where pods share connections and not requests (router `replicas`), a window more:
    clients keep connections to the pods they know.
    """
    given = i.given
    if given is None or not 0 < given.share < 100:
        return 0.0  # at 100 % nothing is left that could tell
    late = max(i.window / 2, 2 * seconds(i.analysis.interval))
    known = i.now - given.since - late - (0.0 if given.exact else i.window)
    known = max(0.0, min(i.window, known))
    share = given.share / 100
    return share * known * base / (i.window - share * known)


def _requests(readings: RevisionReadings) -> float:
    """Return requests that arrived: those measured, and those that were not worth measuring."""
    models = counts.by_model(readings)
    measured = sum(h.samples for h in histogram.by_model(readings).values())
    return measured + sum(c.invalid + c.other for c in models.values())


def _rows(readings: RevisionReadings) -> float:
    return counts.pooled(counts.by_model(readings)).arrived
