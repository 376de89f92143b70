"""One ModelDeployment: its rollout, candidate against stable, its servers. Neighbour: `fleet`.

The servers' series have a revision; `transit_modeldeployment_revision` says which one is the stable
and which the candidate, at each moment. A revision that is neither has no line here.
"""

from grafana_foundation_sdk.models.dashboard import Dashboard

from .panels import Ask, Panel, dashboard, lines, number, table, variable

MINE = 'model_deployment="$model_deployment"'
MODEL = f'{MINE}, model=~"$model"'
ROLE = (
    "on (revision) group_left (role, version)"
    f" max by (revision, role, version) (transit_modeldeployment_revision{{{MINE}}})"
)
CALLED = "{{role}} {{version}}"
PREDICTED = "success|error|input_error"  # statuses of what was answered, or should have been


def build() -> Dashboard:
    """Return the dashboard."""
    return dashboard(
        "transit-modeldeployment",
        "Transit / ModelDeployment",
        "A rollout: weights, signals with their thresholds, candidate against stable, servers.",
        [
            variable(
                "model_deployment",
                "ModelDeployment",
                "label_values(transit_modeldeployment_phase, model_deployment)",
            ),
            variable(
                "model",
                "Model",
                f"label_values(predictions_total{{{MINE}}}, model)",
                all_of_them=True,
            ),
            variable(
                "signal",
                "Signal",
                f"label_values(transit_signal_value{{{MINE}}}, signal)",
                all_of_them=True,
            ),
        ],
        [
            ("Rollout", _rollout()),
            ("Signals of the last evaluation", _signals()),
            ("Candidate against stable", _compared()),
            ("Servers", _servers()),
        ],
    )


def _by_role(query: str) -> Ask:
    """A query by revision, its series called by their role."""
    return Ask(f"({query}) * {ROLE}", CALLED)


def _rate(metric: str, labels: str, by: str = "revision") -> str:
    return f"sum by ({by}) (rate({metric}{{{labels}}}[$__rate_interval]))"


def _share(part: str, whole: str) -> str:
    some, all_of_them = (
        _rate("predictions_total", f'{MODEL}, status=~"{statuses}"') for statuses in (part, whole)
    )
    return f"{some} / {all_of_them}"


def _rollout() -> list[Panel]:
    return [
        table(
            "Phase",
            "Where it stands.",
            Ask(f"max by (phase) (transit_modeldeployment_phase{{{MINE}}})"),
            ["phase"],
            width=4,
        ),
        table(
            "Revisions",
            "What holds the traffic, and what is tried.",
            Ask(f"max by (role, version, revision) (transit_modeldeployment_revision{{{MINE}}})"),
            ["role", "version", "revision"],
            width=8,
        ),
        lines(
            "Weights",
            "Percent of the traffic that each revision really has.",
            "percent",
            Ask(f"max by (revision) (transit_modeldeployment_weight{{{MINE}}})", "{{revision}}"),
            stacked=True,
        ),
        table(
            "What is wrong",
            "Conditions that need somebody.",
            Ask(f"max by (condition, reason) (transit_modeldeployment_problem{{{MINE}}})"),
            ["condition", "reason"],
            width=24,
        ),
    ]


def _signals() -> list[Panel]:
    of_signal = f'{MINE}, signal=~"$signal"'
    return [
        lines(
            "$signal",
            "What the operator compared, and with what, as in status.signals.",
            "short",
            Ask(f"max by (signal) (transit_signal_value{{{of_signal}}})", "value"),
            Ask(f"max by (signal) (transit_signal_threshold{{{of_signal}}})", "threshold"),
            width=24,
        )
        .repeat("signal")
        .repeat_direction("h")
        .max_per_row(3)
    ]


def _compared() -> list[Panel]:
    def latency(quantile: float) -> Panel:
        buckets = _rate("prediction_latency_seconds_bucket", MODEL, "revision, le")
        return lines(
            f"Latency, {quantile * 100:g} %",
            "From request to answer.",
            "s",
            _by_role(f"histogram_quantile({quantile}, {buckets})"),
            width=8,
        )

    def classes(role: str) -> Panel:
        by_class = _rate("predicted_class_total", MODEL, "revision, class")
        mine = f'max by (revision) (transit_modeldeployment_revision{{{MINE}, role="{role}"}})'
        its = f"{by_class} * on (revision) group_left () {mine}"
        share = f"sum by (class) ({its}) / on () group_left () sum({its})"
        return lines(
            f"Predicted classes, {role}",
            "Shares of the predictions. Drift is the distance of the two.",
            "percentunit",
            Ask(share, "{{class}}"),
            stacked=True,
        )

    correct = _rate("prediction_feedback_total", f'{MODEL}, outcome="correct"')
    told = _rate("prediction_feedback_total", MODEL)
    return [
        lines(
            "Requests",
            "Of the models chosen above.",
            "reqps",
            _by_role(_rate("predictions_total", MODEL)),
            width=8,
        ),
        lines(
            "Error rate",
            "Share of what was answered that failed, on whatever rows.",
            "percentunit",
            _by_role(_share("error|input_error", PREDICTED)),
            width=8,
        ),
        lines(
            "Invalid",
            "Share of the requests that were clients' mistakes.",
            "percentunit",
            _by_role(_share("invalid", f"{PREDICTED}|invalid")),
            width=8,
        ),
        latency(0.5),
        latency(0.95),
        latency(0.99),
        classes("stable"),
        classes("candidate"),
        lines(
            "Accuracy by feedback",
            "Share of the predictions with a true label that were right.",
            "percentunit",
            _by_role(f"{correct} / {told}"),
            width=12,
        ),
        lines(
            "Rows that a model fails on",
            "Their part of the error rate: the model answers its own probes meanwhile.",
            "percentunit",
            _by_role(_share("input_error", PREDICTED)),
            width=12,
        ),
    ]


def _servers() -> list[Panel]:
    def worst(metric: str, how: str = "max") -> str:
        return f"{how} by (revision) ({metric}{{{MODEL}}})"

    return [
        lines(
            "Pods",
            "That Prometheus scrapes.",
            "short",
            _by_role(f"count by (revision) (max by (revision, instance) (model_ready{{{MODEL}}}))"),
            width=8,
        ),
        lines(
            "Models ready",
            "Share of the models in all pods that answer.",
            "percentunit",
            _by_role(worst("model_ready", "avg")),
            width=8,
        ),
        lines(
            "Queue",
            "Rows that wait for a model, in the pod with the most.",
            "short",
            _by_role(worst("model_queue_rows")),
            width=8,
        ),
        lines(
            "Turned away",
            "Share of the requests that there was no room or no time for.",
            "percentunit",
            _by_role(_share("refused", f"{PREDICTED}|refused")),
            width=8,
        ),
        lines(
            "Answers by status",
            "Every request to the servers, whatever it asked.",
            "reqps",
            Ask(_rate("http_requests_total", MINE, "status"), "{{status}}"),
            width=8,
        ),
        lines(
            "Open circuits",
            "Models that fail on their own probes.",
            "short",
            _by_role(f'sum by (revision) (model_circuit_state{{{MODEL}, state="open"}})'),
            width=8,
        ),
        lines(
            "Store failures",
            "Attempts to fetch a model that didn't reach the store.",
            "short",
            _by_role(
                "sum by (revision)"
                f" (increase(model_store_failures_total{{{MODEL}}}[$__rate_interval]))"
            ),
            width=8,
        ),
        lines(
            "Load time",
            "From fetching a model to its first answer.",
            "s",
            _by_role(worst("model_load_time_seconds")),
            width=8,
        ),
        number(
            "Refused for their key or rate",
            "Requests in a second, before they were read.",
            "reqps",
            Ask(
                f"sum by (reason) ({_rate('requests_refused_total', MINE, 'reason')})", "{{reason}}"
            ),
            width=8,
        ),
    ]
