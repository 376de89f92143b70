"""The whole configuration of the operator: a YAML file, in the chart the values under `config`."""

from typing import Self
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from .base import ConfigModel, FileRoot, Namespace
from .notifications import NotificationsConfig
from .pools import Pool
from .prometheus import KedaConfig, PrometheusConfig
from .servers import FileFormat, ResolverConfig, ServerConfig, SigningConfig
from .stores import PredictionLogConfig, RegistryConfig


class OperatorConfig(ConfigModel):
    """Everything a cluster's administrator decides. A change restarts no model's pod."""

    prometheus: PrometheusConfig = Field(default_factory=PrometheusConfig)
    server: ServerConfig = Field(default_factory=ServerConfig)
    resolver: ResolverConfig = Field(default_factory=ResolverConfig)
    signing: SigningConfig = Field(default_factory=SigningConfig)
    formats: list[FileFormat] = Field(
        default_factory=list,
        description="Formats of files that servers of new revisions may open; none: all of them."
        " A pickle runs code when it is opened; preprocessing is one.",
    )
    prediction_log: PredictionLogConfig = Field(default_factory=PredictionLogConfig)
    registry: RegistryConfig = Field(default_factory=RegistryConfig)
    notifications: NotificationsConfig = Field(default_factory=NotificationsConfig)
    keda: KedaConfig = Field(default_factory=KedaConfig)
    pools: dict[str, Pool] = Field(default_factory=lambda: {"cpu": Pool()})
    file_roots: list[FileRoot] = Field(
        default_factory=lambda: ["/srv/models"],
        description="Directories of the nodes below which file:// storages may be.",
    )
    namespaces: list[Namespace] = Field(
        default_factory=list, description="Namespaces to watch; none: all of them."
    )
    workers: int = Field(default=8, ge=1, le=64, description="Reconciles at one time.")

    @model_validator(mode="after")
    def _keda_can_ask(self) -> Self:
        """KEDA asks the same Prometheus, and is told how in objects that users can read."""
        prometheus = self.prometheus
        if not self.keda.enabled:
            return self
        if "@" in urlsplit(prometheus.url).netloc:
            raise ValueError(
                "keda: users can read a ScaledObject, so prometheus.url must have no password: use"
                " prometheus.basicAuth"
            )
        if prometheus.modes and not self.keda.authentication:
            raise ValueError(
                "keda.authentication must name a ClusterTriggerAuthentication for"
                f" {' and '.join(prometheus.modes)}: KEDA does not see the operator's files"
            )
        secrets = set(prometheus.modes) - {"tls"}
        if len(prometheus.header_files) > 1 or len(secrets) > 1:
            raise ValueError(
                "keda: KEDA sends one of basicAuth, bearerTokenFile and one header of headerFiles"
            )
        if any(set(",=") & set(value) for value in prometheus.headers.values()):
            raise ValueError("keda: KEDA sends no header whose value has a comma or an equals sign")
        return self
