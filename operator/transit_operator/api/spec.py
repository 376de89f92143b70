"""The spec of a ModelDeployment, typed. The CRD's schema, defaults and rules come from here.

`x-kubernetes-validations` (CEL) carry the rules that JSON schema can't express, each with a message
that says what to do. The field's path is put before it by the API server. Its parts have files of
their own: `server`, `traffic`, `rollout`, `analysis`.
"""

from typing import Literal

from pydantic import Field

from .base import ApiModel, rule
from .duration import DURATION_PATTERN, Duration
from .rollout import Rollout
from .server import Server, Storage
from .traffic import Traffic

SEMVER_PATTERN = (
    r"^(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)"
    r"(-(0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"
    r"(\.(0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*))*)?(\+[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?$"
)
ALIASES = ("stable", "latest")  # of every store; a registry of MLflow's may have any other
ALIAS_PATTERN = r"^[a-zA-Z_][a-zA-Z0-9_-]*$"
NO_ALIAS_PATTERN = r"^[vV][0-9]+$"  # MLflow keeps them for numbers
DEFAULT_CPU = 70  # percent of what is requested


class ModelRef(ApiModel):
    rules = (
        {
            "rule": "!has(self.follow) || !self.version.contains('.')",
            "message": "follow is of an alias (stable, latest): a version never moves",
        },
        {
            "rule": f"!has(self.follow) || !self.follow.matches(r'{DURATION_PATTERN}')"
            " || duration(self.follow) >= duration('1m')",
            "message": "follow must be at least 1m: each look is a pod that asks the storage",
        },
    )

    name: str = Field(
        description="Name of the model in the storage.",
        max_length=63,
        json_schema_extra=rule(
            "self.matches('^[a-z0-9]([a-z0-9_-]*[a-z0-9])?$') && !(self in ['auto', 'ensemble'])",
            "must be lower-case letters, digits, '-' and '_', and not auto or ensemble, which mean"
            " something to the server",
        ),
    )
    version: str = Field(
        description="A semantic version (1.2.0), or an alias (stable, latest) that is resolved once"
        " when the spec changes and pinned in status. In mlflow:// version 3 is 3.0.0, and every"
        " alias of the registered model may be named (champion).",
        max_length=64,
        json_schema_extra=rule(
            f"self.matches(r'{SEMVER_PATTERN}') || (self.matches(r'{ALIAS_PATTERN}')"
            f" && !self.matches(r'{NO_ALIAS_PATTERN}'))",
            "must be a semantic version such as 1.2.0, or an alias: stable, latest",
        ),
    )
    follow: Duration | None = Field(
        default=None,
        description="How often to look an alias up again, such as 5m, at least 1m. Where it has"
        " moved a rollout starts; none does while another goes on. Default: never. A change starts"
        " no rollout.",
    )
    intra_op_threads: int | None = Field(
        default=None,
        ge=1,
        le=1024,
        description="Threads that one call of this model may use; 1 if nothing is said. More pays"
        " for large models only, and needs the CPUs (server.resources).",
    )


def is_alias(version: str) -> bool:
    """Tell whether a version that the API server took is an alias: a version has dots."""
    return "." not in version


class Autoscaling(ApiModel):
    rules = ({"rule": "self.min <= self.max", "message": "min must not be greater than max"},)

    class_: Literal["HPA", "KEDA"] = Field(
        default="HPA",
        alias="class",
        description="What counts the pods. HPA: a HorizontalPodAutoscaler, which needs a metrics"
        " API. KEDA: a ScaledObject, which asks the operator's Prometheus itself; the operator's"
        " configuration must allow it (keda.enabled).",
    )
    min: int = Field(ge=1, le=1000, description="The fewest pods that carry all the traffic.")
    max: int = Field(ge=1, le=1000, description="The most pods of one revision.")
    target_cpu: int | None = Field(
        default=None,
        ge=1,
        le=100,
        alias="targetCPU",
        description="Percent of the CPU request. Default: 70, or none with targetConcurrency.",
    )
    target_concurrency: int | None = Field(
        default=None,
        ge=1,
        le=10_000,
        description="Requests in flight for each pod, those that wait and those that are worked on,"
        " as an average over a minute. With targetCPU too, the one that asks for more pods counts."
        " Default: none.",
    )

    @property
    def cpu(self) -> int | None:
        """Percent of the CPU request to scale by; None where only requests in flight count."""
        if self.target_cpu is None and self.target_concurrency is None:
            return DEFAULT_CPU
        return self.target_cpu


class ModelDeploymentSpec(ApiModel):
    """What a user asks for. `models`, `default`, `storage` and `server` make a revision."""

    rules = (
        {
            "rule": "!(has(self.replicas) && has(self.autoscaling))",
            "message": "replicas and autoscaling exclude each other: remove one",
        },
        {
            "rule": "!has(self.autoscaling) || !has(self.server.resources)"
            " || (has(self.autoscaling.targetConcurrency) && !has(self.autoscaling.targetCPU))"
            " || (has(self.server.resources.requests) && 'cpu' in self.server.resources.requests)"
            " || (has(self.server.resources.limits) && 'cpu' in self.server.resources.limits)",
            "message": "autoscaling goes by the CPU request: server.resources needs requests.cpu,"
            " or autoscaling targetConcurrency instead of targetCPU",
        },
        {
            "rule": "!has(self.autoscaling) || self.rollout.capacity != 'Shared'",
            "message": "rollout.capacity: Shared shares a fixed number of pods, and autoscaling has"
            " none: use replicas, or capacity: Full",
        },
        {
            "rule": "!has(self.default) || self.default == 'ensemble'"
            " || self.models.exists(m, m.name == self.default)",
            "message": "default must be the name of one of the models, or ensemble",
        },
        {
            "rule": "self.storage.uri.startsWith('mlflow://') || self.models.all(m,"
            f" m.version.contains('.') || m.version in {list(ALIASES)})",
            "message": "models: an alias is one of stable, latest; only a storage"
            " mlflow:// has others",
        },
    )

    models: list[ModelRef] = Field(
        description="What one pod serves; a change makes a new revision and starts a rollout.",
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
    storage: Storage = Field(description="Where the models are; a change makes a new revision.")
    server: Server = Field(
        default_factory=Server,
        description="What serves them, and where; a change makes a new revision.",
    )
    replicas: int | None = Field(
        default=None, ge=1, le=1000, description="Pods of the stable revision; default 1."
    )
    autoscaling: Autoscaling | None = Field(
        default=None,
        description="An autoscaler for each revision, instead of replicas. Default: none.",
    )
    traffic: Traffic = Field(
        default_factory=Traffic,
        description="How requests reach the revisions; a change starts no rollout.",
    )
    rollout: Rollout = Field(
        default_factory=Rollout,
        description="How a new revision gets its traffic; a change starts no rollout.",
    )
    suspend: bool = Field(
        default=False, description="Take no step and start no rollout; rollbacks still happen."
    )

    @property
    def pods(self) -> int:
        """Pods that carry all the traffic (with autoscaling: the least of them)."""
        if self.autoscaling is not None:
            return self.autoscaling.min
        return self.replicas or 1
