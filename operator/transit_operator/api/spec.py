"""The spec of a ModelDeployment, typed. The CRD's schema, defaults and rules come from here.

`x-kubernetes-validations` (CEL) carry the rules that JSON schema can't express, each with a message
that says what to do. The field's path is put before it by the API server.
"""

from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from .duration import DURATION_PATTERN, Duration

SEMVER_PATTERN = (
    r"^(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)"
    r"(-(0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"
    r"(\.(0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*))*)?(\+[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?$"
)
ALIASES = ("stable", "latest")

Rule = dict[str, str]


def _rule(rule: str, message: str) -> dict[str, Any]:
    return {"x-kubernetes-validations": [{"rule": rule, "message": message}]}


class ApiModel(BaseModel):
    """Base of everything in the resource: camelCase on the wire, immutable in memory."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, frozen=True, extra="ignore"
    )

    rules: ClassVar[tuple[Rule, ...]] = ()


class ModelRef(ApiModel):
    name: str = Field(
        description="Name of the model in the storage.",
        max_length=63,
        json_schema_extra=_rule(
            "self.matches('^[a-z0-9]([a-z0-9_-]*[a-z0-9])?$') && !(self in ['auto', 'ensemble'])",
            "must be lower-case letters, digits, '-' and '_', and not auto or ensemble, which mean"
            " something to the server",
        ),
    )
    version: str = Field(
        description="A semantic version (1.2.0), or an alias (stable, latest) that is resolved once"
        " when the spec changes and pinned in status.",
        max_length=64,
        json_schema_extra=_rule(
            f"self in {list(ALIASES)} || self.matches(r'{SEMVER_PATTERN}')",
            "must be a semantic version such as 1.2.0, or one of the aliases: stable, latest",
        ),
    )


class Storage(ApiModel):
    uri: str = Field(
        description="Where the models are: s3://bucket/prefix, pvc://CLAIM/path, or"
        " file:///path on the node.",
        max_length=512,
        json_schema_extra=_rule(
            "self.matches('^s3://[a-z0-9][a-z0-9.-]+(/.*)?$')"
            " || self.matches('^pvc://[a-z0-9]([a-z0-9.-]*[a-z0-9])?(/.*)?$')"
            " || self.matches('^file:///.+$')",
            "must be s3://BUCKET/PREFIX, pvc://CLAIM/PATH or file:///PATH",
        ),
    )
    secret_name: str | None = Field(
        default=None,
        description="Secret with the standard AWS_* variables for s3:// (AWS_ACCESS_KEY_ID,"
        " AWS_SECRET_ACCESS_KEY, AWS_ENDPOINT_URL, AWS_REGION).",
        max_length=253,
    )


class Batching(ApiModel):
    max_size: int = Field(default=32, ge=1, le=4096, description="Largest batch, in rows.")
    max_wait: Duration = Field(
        default="2ms",
        description="Longest time a request waits for company; none when idle. A model that takes "
        "less than 4 ms takes along all that comes while requests are decoded, unless this is 0.",
    )


class Resources(ApiModel):
    requests: dict[str, int | str] | None = Field(default=None, max_length=16)
    limits: dict[str, int | str] | None = Field(default=None, max_length=16)


class EnvVar(ApiModel):
    model_config = ConfigDict(extra="allow")

    name: str = Field(max_length=253)
    value: str | None = Field(default=None, max_length=8192)
    value_from: dict[str, Any] | None = None


class ApiKeys(ApiModel):
    secret_name: str = Field(
        max_length=253,
        description="Secret with one entry per key: the entry's name is the client's, its value the"
        " key or sha256:HASH. Mounted, so a changed Secret is taken over without a restart.",
    )


class Server(ApiModel):
    image: str | None = Field(
        default=None,
        description="Server image; default: the operator's configuration.",
        max_length=512,
    )
    pool: str = Field(
        default="cpu",
        description="A node pool named in the operator's configuration.",
        max_length=63,
    )
    resources: Resources | None = Field(
        default=None, description="Replaces the pool's default resources."
    )
    env: list[EnvVar] = Field(
        default_factory=list,
        max_length=64,
        json_schema_extra={
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["name"],
        },
    )
    batching: Batching = Field(default_factory=Batching)
    api_keys: ApiKeys | None = Field(
        default=None, description="Only who has one of these keys may ask; without it anybody may."
    )


class Autoscaling(ApiModel):
    rules = ({"rule": "self.min <= self.max", "message": "min must not be greater than max"},)

    min: int = Field(ge=1, le=1000)
    max: int = Field(ge=1, le=1000)
    target_cpu: int = Field(
        default=70, ge=1, le=100, alias="targetCPU", description="Percent of the CPU request."
    )


class ParentRef(ApiModel):
    name: str = Field(max_length=253)
    namespace: str | None = Field(default=None, max_length=63)
    section_name: str | None = Field(default=None, max_length=253)
    port: int | None = Field(default=None, ge=1, le=65535)


class Gateway(ApiModel):
    parent_refs: list[ParentRef] = Field(min_length=1, max_length=16)
    hostnames: list[str] = Field(default_factory=list, max_length=16)


class Traffic(ApiModel):
    rules = (
        {
            "rule": "self.router != 'gateway' || has(self.gateway)",
            "message": "router: gateway needs gateway.parentRefs: name the Gateway that carries"
            " the traffic",
        },
    )

    router: Literal["gateway", "replicas"] = Field(
        default="replicas",
        description="gateway: exact weights by a Gateway API HTTPRoute. replicas: by pod counts,"
        " works on every cluster; status shows the weight really reached.",
    )
    gateway: Gateway | None = None


class Step(ApiModel):
    weight: int = Field(ge=0, le=100, description="Percent of the traffic for the candidate.")
    hold: Duration = Field(description="How long to stay, counting only time with data.")


class ErrorRate(ApiModel):
    max: float = Field(default=0.05, ge=0, le=1)


class Latency(ApiModel):
    quantile: float = Field(default=0.95, gt=0, lt=1)
    max_ratio: float = Field(default=2.0, gt=0, description="Candidate over stable.")


class Drift(ApiModel):
    max_kl: float = Field(
        default=0.3, gt=0, alias="maxKL", description="KL(candidate || stable) in nats."
    )


class Accuracy(ApiModel):
    max_drop: float = Field(
        gt=0,
        le=1,
        description="How much lower the candidate's share of correct predictions may be, of those"
        " whose true label came back as feedback: 0.05 is five percentage points.",
    )


class Health(ApiModel):
    consecutive_failures: int = Field(default=3, ge=1, le=100)


class CustomMetric(ApiModel):
    rules = (
        {
            "rule": "has(self.max) || has(self.min)",
            "message": "needs max, min or both: without a bound nothing is judged",
        },
    )

    name: str = Field(max_length=63, pattern="^[a-zA-Z][a-zA-Z0-9_-]*$")
    query: str = Field(
        max_length=4096,
        description="PromQL with one number as its answer; {{namespace}}, {{name}}, {{stable}} and"
        " {{candidate}} are filled in.",
    )
    max: float | None = None
    min: float | None = None


class NoData(ApiModel):
    policy: Literal["Hold", "Rollback"] = "Hold"
    after: Duration = "30m"


class Analysis(ApiModel):
    rules = (
        {
            "rule": f"!self.interval.matches(r'{DURATION_PATTERN}')"
            f" || !self.window.matches(r'{DURATION_PATTERN}')"
            " || duration(self.window) >= duration(self.interval) + duration(self.interval)",
            "message": "window must be at least two intervals long",
        },
        {
            "rule": f"!self.interval.matches(r'{DURATION_PATTERN}')"
            " || duration(self.interval) >= duration('1s')",
            "message": "interval must be at least 1s",
        },
    )

    interval: Duration = "15s"
    window: Duration = "5m"
    min_samples: int = Field(
        default=100, ge=1, le=1_000_000, description="Of the candidate, in the window."
    )
    error_rate: ErrorRate = Field(default_factory=ErrorRate)
    latency: Latency = Field(default_factory=Latency)
    drift: Drift = Field(default_factory=Drift)
    accuracy: Accuracy | None = Field(
        default=None, description="Only for clients that send feedback; without it not judged."
    )
    health: Health = Field(default_factory=Health)
    custom: list[CustomMetric] = Field(
        default_factory=list,
        max_length=16,
        json_schema_extra={
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["name"],
        },
    )
    no_data: NoData = Field(default_factory=NoData)


def _default_steps() -> list[Step]:
    return [
        Step(weight=10, hold="30m"),
        Step(weight=50, hold="30m"),
        Step(weight=100, hold="24h"),
    ]


class Rollout(ApiModel):
    steps: list[Step] = Field(
        default_factory=_default_steps,
        min_length=1,
        max_length=32,
        json_schema_extra={
            "x-kubernetes-list-type": "atomic",
            "x-kubernetes-validations": [
                {
                    "rule": "self.size() == 0 || self[self.size() - 1].weight == 100",
                    "message": "the last step's weight must be 100",
                },
                {
                    # isSorted allows equal neighbours; exists_one refuses them.
                    "rule": "self.size() < 2 || self.map(s, s.weight).isSorted()"
                    " && self.all(s, self.exists_one(t, t.weight == s.weight))",
                    "message": "weights must rise from step to step",
                },
            ],
        },
    )
    progress_deadline: Duration = Field(
        default="10m", description="A candidate that isn't ready by then has failed."
    )
    analysis: Analysis = Field(default_factory=Analysis)
    on_failure: Literal["Rollback", "Pause"] = "Rollback"


class ModelDeploymentSpec(ApiModel):
    """What a user asks for. `models`, `default`, `storage` and `server` make a revision."""

    rules = (
        {
            "rule": "!(has(self.replicas) && has(self.autoscaling))",
            "message": "replicas and autoscaling exclude each other: remove one",
        },
        {
            "rule": "!has(self.default) || self.default == 'ensemble'"
            " || self.models.exists(m, m.name == self.default)",
            "message": "default must be the name of one of the models, or ensemble",
        },
    )

    models: list[ModelRef] = Field(
        min_length=1,
        max_length=16,
        json_schema_extra={
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["name"],
        },
    )
    default: str | None = Field(
        default=None,
        max_length=63,
        description='What "model": "auto" means: a model\'s name, or ensemble; default: the first.',
    )
    storage: Storage
    server: Server = Field(default_factory=Server)
    replicas: int | None = Field(
        default=None, ge=1, le=1000, description="Pods of the stable revision; default 1."
    )
    autoscaling: Autoscaling | None = None
    traffic: Traffic = Field(default_factory=Traffic)
    rollout: Rollout = Field(default_factory=Rollout)
    suspend: bool = Field(
        default=False, description="Take no step and start no rollout; rollbacks still happen."
    )

    @property
    def pods(self) -> int:
        """Pods that carry all the traffic (with autoscaling: the least of them)."""
        if self.autoscaling is not None:
            return self.autoscaling.min
        return self.replicas or 1
