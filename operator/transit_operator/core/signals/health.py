"""The signal `health`: the candidate's pods, as Kubernetes says. It needs no Prometheus.

Neighbours: `rules.evaluate` counts the evaluations in a row.
"""

from ...api.analysis import Analysis, Health
from ...api.status import Evidence, RejectReason, Verdict
from .evidence import Input, Pods, counted, evidence, with_mode
from .samples.query import Query

NAME = "health"


class HealthSignal:
    """Fails after `consecutiveFailures` evaluations in a row with a pod not ready or restarted, and
    with more of them than that in which a restart was seen lately, in a row or not.
    """

    name = NAME
    reason = RejectReason.HEALTH
    queries: tuple[Query, ...] = ()
    compares = False

    def rule(self, analysis: Analysis) -> Health | None:
        return analysis.health

    def judge(self, i: Input) -> Evidence:
        rule, pods = i.analysis.health, i.pods
        assert rule is not None
        assert pods is not None
        failed = pods.failures >= rule.consecutive_failures or _worn(pods, rule)
        return evidence(
            i,
            NAME,
            Verdict.FAIL if failed else Verdict.PASS,
            _words(pods, rule),
            value=pods.failures,
            threshold=rule.consecutive_failures,
            samples=pods.count,
            windowed=False,
        )


def alone(i: Input) -> list[Evidence]:
    """Return the evidence of this signal only, if it is on: of a candidate without traffic."""
    signal = HealthSignal()
    rule = signal.rule(i.analysis)
    return [with_mode(rule, signal.judge(i))] if rule is not None else []


def _worn(pods: Pods, rule: Health) -> bool:
    return pods.burden > rule.consecutive_failures


def _words(pods: Pods, rule: Health) -> str:
    limit = rule.consecutive_failures
    text = f"{pods.ready} of {pods.expected} pods ready"
    if _worn(pods, rule):
        text += f", restarts in {counted(pods.burden, 'evaluation')} lately (limit {limit})"
        return text + (f": {pods.why}" if pods.why else "")
    if not pods.failures:
        replaced = f"{pods.replaced} evicted, drained or on a lost node, and coming up again"
        return f"{text}, {replaced if pods.replaced else 'no restart'}"
    text += f", {counted(pods.restarts, 'restart')}" if pods.restarts else ""
    text += f", {counted(pods.failures, 'evaluation')} in a row (limit {limit})"
    return text + (f": {pods.why}" if pods.why else "")
