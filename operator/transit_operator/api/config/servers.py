"""What the pods of servers and resolvers get, and whose signatures count."""

from typing import Annotated, Literal

from pydantic import Field

from ..pod_template import PodTemplate
from .base import ConfigModel, Quantities


def _resolver_resources() -> Quantities:
    # With a limit of each: a ResourceQuota on limits refuses pods that have none.
    return {
        "requests": {"cpu": "10m", "memory": "64Mi"},
        "limits": {"cpu": "1", "memory": "512Mi"},
    }


class ServerConfig(ConfigModel):
    image: str = "ghcr.io/transit-dev/server:dev"
    image_pull_policy: str = "IfNotPresent"
    drain_delay_seconds: int = Field(default=5, ge=0)
    disruption_budgets: bool = Field(
        default=True,
        description="Make one for each revision. Two over one pod would keep it from eviction.",
    )
    pod_template: PodTemplate = Field(
        default_factory=dict,
        description="Merged over every pod of a server, before that of its pool and of its spec.",
    )


class ResolverConfig(ConfigModel):
    """The pod that looks up aliases."""

    resources: Quantities = Field(default_factory=_resolver_resources)


class SigningConfig(ConfigModel):
    """Who may say what is served, where a ModelDeployment asks for it (`storage.verify`)."""

    keys: dict[str, Annotated[str, Field(pattern=r"^\s*-----BEGIN PUBLIC KEY-----\s")]] = Field(
        default_factory=dict, description="Public keys, Ed25519 in PEM, by name."
    )


# Of a model's files, as the servers know them.
FileFormat = Literal["onnx", "skops", "xgboost", "lightgbm", "catboost", "keras", "pickle"]
