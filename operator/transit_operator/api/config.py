"""The operator's own configuration: a YAML file, in the chart the values under `config`."""

from typing import Any

from pydantic import Field

from .base import ApiModel


class Pool(ApiModel):
    """A kind of node that servers may run on, named by `spec.server.pool`."""

    node_selector: dict[str, str] = Field(default_factory=dict)
    tolerations: list[dict[str, Any]] = Field(default_factory=list)
    resources: dict[str, dict[str, str | int]] = Field(default_factory=dict)
    runtime_class_name: str | None = None


class PrometheusConfig(ApiModel):
    url: str = "http://prometheus.monitoring.svc:9090"
    timeout_seconds: float = Field(default=5.0, gt=0)


class ServerConfig(ApiModel):
    image: str = "ghcr.io/transit-dev/server:dev"
    image_pull_policy: str = "IfNotPresent"
    drain_delay_seconds: int = Field(default=5, ge=0)


class OperatorConfig(ApiModel):
    """Everything a cluster's administrator decides. A change restarts no model's pod."""

    prometheus: PrometheusConfig = Field(default_factory=PrometheusConfig)
    server: ServerConfig = Field(default_factory=ServerConfig)
    pools: dict[str, Pool] = Field(default_factory=lambda: {"cpu": Pool()})
    namespaces: list[str] = Field(
        default_factory=list, description="Namespaces to watch; none: all of them."
    )
    workers: int = Field(default=8, ge=1, le=64, description="Reconciles at one time.")
