"""One tenant's queries are slow: nobody else's verdicts wait for them."""

from dev.client.kube import Kube
from tests.scenarios.history import condition, statuses
from tests.support import Object

from .bad_prometheus import asked_by_an_operator


def reason(status: Object) -> str:
    """Why there are no metrics, or that there are."""
    return str(condition(status, "MetricsAvailable").get("reason", ""))


def test_one_tenants_slow_queries_delay_nobody_else(alone: Kube) -> None:
    """Given 16 queries of 4 s in one namespace, then another's verdicts come as ever; and who has
    them can still give commands.
    """
    with asked_by_an_operator(alone, "slow", scenes=2) as (bad, (slow, other)):
        slow.holds("600s", "1s", "1s")
        slow.analysis["custom"] = [
            {"name": f"slow-{number}", "query": f"vector(1) or slow_tenant_{number}", "max": 2}
            for number in range(16)
        ]
        slow.serving()
        other.serving()
        bad.answers("slow-tenant")
        tried = slow.roll_out("1.1.0")
        slow.until_step(tried, 1)
        slow.until("it is slow", lambda s: reason(s) == "PrometheusSlow", 60)
        mark = len(other.mdep.seen)
        good = other.roll_out("1.1.0")
        other.until_stable(good)
        worse = other.roll_out("1.2.0", errors=0.5)
        other.until_rejected(worse, "ErrorRate")
        assert "PrometheusSlow" not in {reason(s) for s in statuses(other.mdep.seen[mark:])}
        slow.command("abort")
        slow.until_rejected(tried, "Aborted", 15)
