"""Steps, checks, analysis and pod counts: specs that are wrong, and specs that only look so."""

from .parts import Right, Wrong, analysis, rollout

STEP = {"weight": 100, "hold": "1m"}

WRONG: Wrong = {
    "a weight over 100": (
        rollout(steps=[{"weight": 150, "hold": "1m"}]),
        ["spec.rollout.steps[0].weight", "less than or equal to 100"],
    ),
    "a negative weight": (
        rollout(steps=[{"weight": -1, "hold": "1m"}, STEP]),
        ["spec.rollout.steps[0].weight", "greater than or equal to 0"],
    ),
    "weights that fall": (
        rollout(steps=[{"weight": 50, "hold": "1m"}, {"weight": 10, "hold": "1m"}, STEP]),
        ["spec.rollout.steps", "weights must rise"],
    ),
    "equal weights": (
        rollout(steps=[{"weight": 50, "hold": "1m"}, {"weight": 50, "hold": "1m"}, STEP]),
        ["spec.rollout.steps", "weights must rise"],
    ),
    "a last weight that isn't 100": (
        rollout(steps=[{"weight": 10, "hold": "1m"}]),
        ["spec.rollout.steps", "the last step's weight must be 100"],
    ),
    "no step": (rollout(steps=[]), ["spec.rollout.steps", "at least 1"]),
    "a window shorter than two intervals": (
        analysis(interval="30s", window="59s"),
        ["spec.rollout.analysis", "window must be at least two intervals long"],
    ),
    "a deadline that no pod can meet": (
        rollout(progressDeadline="0s"),
        ["spec.rollout", "progressDeadline must be at least 1s"],
    ),
    "a check that has no time": (
        rollout(
            checks=[
                {
                    "name": "c",
                    "template": {"spec": {"containers": [{"name": "c", "image": "i"}]}},
                    "timeout": "0s",
                }
            ]
        ),
        ["spec.rollout.checks[0]", "timeout must be at least 1s"],
    ),
    "a custom metric that nothing passes": (
        analysis(custom=[{"name": "x", "query": "up", "min": 2, "max": 1}]),
        ["spec.rollout.analysis.custom[0]", "min must not be above max"],
    ),
    "replicas and autoscaling": (
        {"replicas": 3, "autoscaling": {"min": 1, "max": 2}},
        ["spec", "replicas and autoscaling exclude each other"],
    ),
    "autoscaling without a request of CPU": (
        {
            "autoscaling": {"min": 1, "max": 2},
            "server": {"resources": {"limits": {"memory": "1Gi"}}},
        },
        ["spec", "server.resources needs requests.cpu"],
    ),
    "autoscaling by both without a request of CPU": (
        {
            "autoscaling": {"min": 1, "max": 2, "targetCPU": 70, "targetConcurrency": 4},
            "server": {"resources": {"limits": {"memory": "1Gi"}}},
        },
        ["spec", "targetConcurrency instead of targetCPU"],
    ),
    "autoscaling for no request at all": (
        {"autoscaling": {"min": 1, "max": 2, "targetConcurrency": 0}},
        ["spec.autoscaling.targetConcurrency", "greater than or equal to 1"],
    ),
    "autoscaling of another class": (
        {"autoscaling": {"min": 1, "max": 2, "class": "kpa.autoscaling.knative.dev"}},
        ["spec.autoscaling.class", '"HPA", "KEDA"'],
    ),
    "autoscaling of pods that two versions share": (
        {"autoscaling": {"min": 1, "max": 2}, **rollout(capacity="Shared")},
        ["spec", "capacity: Shared shares a fixed number of pods"],
    ),
    "autoscaling upside down": (
        {"autoscaling": {"min": 3, "max": 2}},
        ["spec.autoscaling", "min must not be greater than max"],
    ),
    "an unknown unit": (
        rollout(steps=[{"weight": 100, "hold": "3 days"}]),
        ["spec.rollout.steps[0].hold", "units: ms, s, m, h"],
    ),
    "a custom metric without a bound": (
        analysis(custom=[{"name": "x", "query": "up"}]),
        ["spec.rollout.analysis.custom[0]", "needs max, min or both"],
    ),
    "a custom metric with a place that is unknown": (
        analysis(custom=[{"name": "x", "query": 'up{a="{{stabel}}"}', "max": 1}]),
        ["spec.rollout.analysis.custom[0]", "query knows {{namespace}}, {{name}}"],
    ),
    "an unknown mode of a signal": (
        analysis(drift={"mode": "Maybe"}),
        ["spec.rollout.analysis.drift.mode", "Enforce"],
    ),
    "an error rate over 1": (
        analysis(errorRate={"max": 5}),
        ["spec.rollout.analysis.errorRate.max", "less than or equal to 1"],
    ),
    "a check without a pod": (
        rollout(checks=[{"name": "c", "template": {}}]),
        ["spec.rollout.checks[0].template.spec", "Required value"],
    ),
    "a check without containers": (
        rollout(checks=[{"name": "c", "template": {"spec": {"containers": []}}}]),
        ["spec.rollout.checks[0].template.spec.containers", "at least 1"],
    ),
    "a check without an image": (
        rollout(checks=[{"name": "c", "template": {"spec": {"containers": [{"name": "c"}]}}}]),
        ["spec.rollout.checks[0].template.spec.containers[0].image", "Required value"],
    ),
    "a check that never ends": (
        rollout(
            checks=[
                {
                    "name": "c",
                    "template": {
                        "spec": {
                            "containers": [{"name": "c", "image": "i"}],
                            "restartPolicy": "Always",
                        }
                    },
                }
            ]
        ),
        ["spec.rollout.checks[0].template.spec.restartPolicy", "Unsupported value"],
    ),
    "a check whose label finds pods": (
        rollout(
            checks=[
                {
                    "name": "c",
                    "template": {
                        "metadata": {"labels": {"transit.dev/revision": "x"}},
                        "spec": {"containers": [{"name": "c", "image": "i"}]},
                    },
                }
            ]
        ),
        ["spec.rollout.checks[0].template.metadata.labels", "are Transit's"],
    ),
    "a duration longer than clocks can hold": (
        rollout(progressDeadline="99999999999999999h"),
        ["spec.rollout.progressDeadline", "must be a duration"],
    ),
}

RIGHT: Right = {
    "bounds that are equal": analysis(custom=[{"name": "x", "query": "up", "min": 1, "max": 1}]),
    "no patience": analysis(noData={"policy": "Rollback", "after": "0s"}),
    "autoscaling by a limit of CPU": {
        "autoscaling": {"min": 1, "max": 2},
        "server": {"resources": {"limits": {"cpu": 1}}},
    },
    "autoscaling by requests in flight": {
        "autoscaling": {"min": 1, "max": 2, "targetConcurrency": 4},
        "server": {"resources": {"limits": {"memory": "1Gi"}}},
    },
    "autoscaling by both, and KEDA": {
        "autoscaling": {
            "class": "KEDA",
            "min": 1,
            "max": 2,
            "targetCPU": 70,
            "targetConcurrency": 4,
        },
    },
    "autoscaling by the pool's request": {"autoscaling": {"min": 1, "max": 2}},
    "a long hold": rollout(steps=[{"weight": 100, "hold": "86400000ms"}]),
}
