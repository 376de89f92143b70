"""The signal `health`: the candidate's pods, as Kubernetes says. It needs no Prometheus.

Neighbours: `rules.evaluate` counts the evaluations in a row.
"""

from ...api.analysis import Analysis, Health
from ...api.status import Evidence, RejectReason, Verdict
from .evidence import Input, Pods, evidence
from .samples.query import Query

NAME = "health"


class HealthSignal:
    """Fails after `consecutiveFailures` evaluations in a row with a pod not ready or restarted."""

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
        return evidence(
            i,
            NAME,
            Verdict.FAIL if pods.failures >= rule.consecutive_failures else Verdict.PASS,
            _words(pods, rule.consecutive_failures),
            value=pods.failures,
            threshold=rule.consecutive_failures,
            samples=pods.count,
            windowed=False,
        )


def _words(pods: Pods, limit: int) -> str:
    text = f"{pods.ready} of {pods.expected} pods ready"
    if not pods.failures:
        return f"{text}, no restart"
    text += f", {pods.restarts} restarts" if pods.restarts else ""
    text += f", {pods.failures} evaluations in a row (limit {limit})"
    return text + (f": {pods.why}" if pods.why else "")
