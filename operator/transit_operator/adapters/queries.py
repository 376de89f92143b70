"""The PromQL. One query a signal gives the answer for every revision in the cluster.

`increase(x[w]) and x` leaves out series that have ended: pods of an earlier try of the same
revision must not speak for the present one.
"""

from ..api.analysis import Analysis
from ..api.duration import seconds
from ..core.signals.accuracy import ACCURACY
from ..core.signals.judge import DRIFT, ERROR_RATE, LATENCY
from ..core.signals.statistics import outer_quantile

_BY_REVISION = "model_deployment, revision"


def fleet(analysis: Analysis) -> dict[str, str]:
    """Return signal → query, for the window and the quantile of an analysis."""
    window = f"{round(seconds(analysis.window) * 1000)}ms"
    bucket = _increase("prediction_latency_seconds_bucket", window)
    count = _increase("prediction_latency_seconds_count", window)
    histogram = f"sum by (le, {_BY_REVISION}) ({bucket})"
    outer = outer_quantile(analysis.latency.quantile)
    asked = {
        ERROR_RATE: f"sum by (status, {_BY_REVISION}) ({_increase('predictions_total', window)})",
        LATENCY: " or ".join(
            f'label_replace({expression}, "figure", "{figure}", "", "")'
            for figure, expression in (
                ("quantile", f"histogram_quantile({analysis.latency.quantile}, {histogram})"),
                ("median", f"histogram_quantile(0.5, {histogram})"),
                ("outer", f"histogram_quantile({outer}, {histogram})"),
                ("samples", f"sum by ({_BY_REVISION}) ({count})"),
            )
        ),
        DRIFT: f"sum by (model, class, {_BY_REVISION})"
        f" ({_increase('predicted_class_total', window)})",
    }
    if analysis.accuracy is not None:
        feedback = _increase("prediction_feedback_total", window)
        asked[ACCURACY] = f"sum by (outcome, {_BY_REVISION}) ({feedback})"
    return asked


def custom(query: str, model_deployment: str, candidate: str, stable: str) -> str:
    """Fill in {{namespace}}, {{name}}, {{candidate}} and {{stable}} of a user's query."""
    namespace, _, name = model_deployment.partition("/")
    values = {"namespace": namespace, "name": name, "candidate": candidate, "stable": stable}
    for key, value in values.items():
        query = query.replace("{{" + key + "}}", value)
    return query


def _increase(metric: str, window: str) -> str:
    return f"(increase({metric}[{window}]) and {metric})"
