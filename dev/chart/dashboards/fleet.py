"""All ModelDeployments, and the operators. Neighbour: `modeldeployment` is where its links lead."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from .panels import Ask, Panel, dashboard, lines, number, table

PHASES = "max by (model_deployment, phase) (transit_modeldeployment_phase)"


def build() -> Dashboard:
    """Return the dashboard."""
    return dashboard(
        "transit-fleet",
        "Transit / Fleet",
        "Every ModelDeployment, what is wrong with which, and the operators.",
        [],
        [("ModelDeployments", _states()), ("Requests", _requests()), ("Operators", _operators())],
    )


def _states() -> list[Panel]:
    def phase(title: str, words: str, pattern: str, wrong_from: float | None = None) -> Panel:
        mine = f'transit_modeldeployment_phase{{phase=~"{pattern}"}}'
        query = f"count(max by (model_deployment) ({mine}))"
        return number(title, words, "short", Ask(query, title), wrong_from=wrong_from)

    return [
        number(
            "ModelDeployments",
            "How many there are.",
            "short",
            Ask(f"count({PHASES})", "ModelDeployments"),
        ),
        phase(
            "Rolling out",
            "A candidate gets traffic, or is watched.",
            "Progressing|Baking|RollingBack",
        ),
        phase("Paused", "By a command, or after a failure.", "Paused"),
        phase("Turned back", "Their spec asks for a rejected version.", "RolledBack", 1),
        phase("Failed", "Nothing serves.", "Failed", 1),
        number(
            "Rollbacks in a day",
            "Revisions that were rejected, aborted ones included.",
            "short",
            Ask("sum(increase(transit_rollbacks_total[1d]))", "rollbacks"),
        ),
        table(
            "Phases",
            "Each ModelDeployment, and where it stands.",
            Ask(PHASES),
            ["model_deployment", "phase"],
        ),
        table(
            "What is wrong",
            "Conditions that need somebody, with their reasons.",
            Ask("max by (model_deployment, condition, reason) (transit_modeldeployment_problem)"),
            ["model_deployment", "condition", "reason"],
        ),
    ]


def _requests() -> list[Panel]:
    def top(query: str) -> Ask:
        return Ask(f"topk(10, {query})", "{{model_deployment}}")

    every, bad = "predictions_total", "error|input_error"
    rate = f"sum by (model_deployment) (rate({every}[$__rate_interval]))"
    failed = f'sum by (model_deployment) (rate({every}{{status=~"{bad}"}}[$__rate_interval]))'
    answered = (
        f'sum by (model_deployment) (rate({every}{{status=~"success|{bad}"}}[$__rate_interval]))'
    )
    slow = (
        "histogram_quantile(0.95, sum by (model_deployment, le)"
        " (rate(prediction_latency_seconds_bucket[$__rate_interval])))"
    )
    return [
        lines("Requests", "The ten with the most, to all of their models.", "reqps", top(rate)),
        lines(
            "Error rate",
            "Share of the requests that failed, on whatever rows; the ten with the most.",
            "percentunit",
            top(f"{failed} / {answered}"),
        ),
        lines("Latency, 95 %", "From request to answer; the ten slowest.", "s", top(slow)),
        lines(
            "Rollbacks",
            "Revisions that were rejected, by reason.",
            "short",
            Ask(
                "sum by (reason) (increase(transit_rollbacks_total[$__rate_interval])) > 0",
                "{{reason}}",
            ),
            stacked=True,
        ),
    ]


def _operators() -> list[Panel]:
    def quantile(q: float) -> Ask:
        rate = "rate(transit_reconcile_seconds_bucket[$__rate_interval])"
        return Ask(f"histogram_quantile({q}, sum by (le) ({rate}))", f"{q * 100:g} %")

    return [
        lines(
            "Leader",
            "1 for each installation. 0: nobody works; 2: look at the Lease.",
            "short",
            Ask("sum by (lease) (max by (lease, instance) (transit_leader))", "{{lease}}"),
            width=8,
        ),
        lines(
            "Queue",
            "ModelDeployments that are due and wait for a worker.",
            "short",
            Ask("max by (instance) (transit_queue_depth)", "{{instance}}"),
            width=8,
        ),
        lines("One look", "Observe, decide, execute.", "s", quantile(0.5), quantile(0.99), width=8),
        lines(
            "Errors",
            "Looks that ended with one. Conflict is harmless.",
            "ops",
            Ask(
                "sum by (kind) (rate(transit_reconcile_errors_total[$__rate_interval]))", "{{kind}}"
            ),
            width=8,
        ),
        lines(
            "Kubernetes API",
            "Requests by method and code, without watches.",
            "reqps",
            Ask(
                "sum by (method, code) (rate(transit_kubernetes_requests_total[$__rate_interval]))",
                "{{method}} {{code}}",
            ),
            width=8,
        ),
        lines(
            "Prometheus",
            "Queries by how they ended.",
            "reqps",
            Ask(
                "sum by (result) (rate(transit_prometheus_queries_total[$__rate_interval]))",
                "{{result}}",
            ),
            width=8,
        ),
        lines(
            "Last complete list",
            "Everything is listed each 5 minutes.",
            "s",
            Ask("max by (instance) (transit_last_look_age_seconds)", "{{instance}}"),
            width=8,
            limit=600,
        ),
        lines(
            "CPU",
            "Of each operator, in cores.",
            "short",
            Ask(
                "rate(process_cpu_seconds_total[$__rate_interval])"
                " and on (instance) transit_leader",
                "{{instance}}",
            ),
            width=8,
        ),
        lines(
            "Memory",
            "Of each operator, resident.",
            "bytes",
            Ask("process_resident_memory_bytes and on (instance) transit_leader", "{{instance}}"),
            width=8,
        ),
    ]
