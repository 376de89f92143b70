"""The operator's own configuration: a YAML file, in the chart the values under `config`."""

from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from .base import ApiModel
from .pod_template import PodTemplate


class ConfigModel(ApiModel):
    """Base of every part: a key that nobody knows is refused, for it does not do what it says."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, frozen=True, extra="forbid"
    )


Quantities = dict[str, dict[str, str | int]]  # requests and limits → resource → quantity


# A directory, without "..", "." or "//", and not the root, which would be everything.
_DIRECTORY = r"(/([^/.][^/]*|\.[^/.][^/]*|\.\.[^/]+))"
FileRoot = Annotated[str, Field(pattern=rf"^{_DIRECTORY}+$")]


def _resolver_resources() -> Quantities:
    # With a limit of each: a ResourceQuota on limits refuses pods that have none.
    return {
        "requests": {"cpu": "10m", "memory": "64Mi"},
        "limits": {"cpu": "1", "memory": "512Mi"},
    }


class NodeCache(ConfigModel):
    """Where the pods of a pool keep fetched versions for one another, one place of two."""

    host_path: Annotated[str, Field(pattern=rf"^{_DIRECTORY}*$")] = Field(
        default="",
        description="A directory of each node, in which each namespace gets one of its own.",
    )
    claim_name: Annotated[str, Field(pattern=r"^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?)?$")] = Field(
        default="",
        description="A claim of each namespace, which many pods may write to (ReadWriteMany).",
    )
    size: Annotated[str, Field(pattern=r"^[1-9][0-9]*(Mi|Gi|Ti)$")] = Field(
        default="50Gi",
        description="What each of these directories, or the claim, may hold. Who was used least"
        " recently goes.",
    )

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if bool(self.host_path) == bool(self.claim_name):
            raise ValueError("give one of hostPath and claimName")
        return self


class Pool(ConfigModel):
    """A kind of node that servers may run on, named by `spec.server.pool`."""

    node_selector: dict[str, str] = Field(default_factory=dict)
    tolerations: list[dict[str, Any]] = Field(default_factory=list)
    resources: Quantities = Field(default_factory=dict)
    runtime_class_name: str | None = None
    pod_template: PodTemplate = Field(
        default_factory=dict,
        description="Merged over the pods of the pool, after that of `server`.",
    )
    node_cache: NodeCache | None = Field(
        default=None,
        description="A cache of fetched versions that pods share. Default: none.",
    )


def _no_authorization(name: str) -> str:
    if name.lower() == "authorization":
        raise ValueError("use basicAuth or bearerTokenFile")
    return name


# A key of the Secret that the chart mounts, or the absolute path of another file; empty: none.
SecretFile = Annotated[str, Field(pattern=r"^((/.+)?[-._a-zA-Z0-9]+)?$")]
# Authorization has fields of its own.
HeaderName = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9!#$%&'*+\-.^_`|~]+$"), AfterValidator(_no_authorization)
]


class BasicAuth(ConfigModel):
    """Empty: none."""

    username: str = ""
    username_file: SecretFile = ""
    password_file: SecretFile = ""

    @model_validator(mode="after")
    def _both_or_nothing(self) -> Self:
        if self.username and self.username_file:
            raise ValueError("give one of username and usernameFile")
        if bool(self.username or self.username_file) != bool(self.password_file):
            raise ValueError("needs username or usernameFile, and passwordFile")
        return self


class TLS(ConfigModel):
    ca_file: SecretFile = Field(
        default="", description="Who is trusted; default: the authorities that all trust."
    )
    cert_file: SecretFile = Field(default="", description="The client's own.")
    key_file: SecretFile = ""

    @model_validator(mode="after")
    def _a_pair(self) -> Self:
        if bool(self.cert_file) != bool(self.key_file):
            raise ValueError("certFile and keyFile belong together: give both or none")
        return self


class PrometheusConfig(ConfigModel):
    """Files are read for each query, so what is rotated counts at once."""

    url: str = "http://prometheus.monitoring.svc:9090"
    timeout_seconds: float = Field(default=5.0, gt=0)
    secret_name: str = Field(
        default="",
        description="A Secret of the operator's namespace, which the chart mounts; the files below"
        " are its keys, or absolute paths.",
    )
    basic_auth: BasicAuth = Field(default_factory=BasicAuth)
    bearer_token_file: SecretFile = Field(
        default="",
        description="A token; /var/run/secrets/kubernetes.io/serviceaccount/token is the operator's"
        " own.",
    )
    headers: dict[HeaderName, str] = Field(
        default_factory=dict, description="More headers, such as X-Scope-OrgID."
    )
    header_files: dict[HeaderName, SecretFile] = Field(
        default_factory=dict, description="Headers whose values are secret."
    )
    tls: TLS = Field(default_factory=TLS)
    namespace_label: str = Field(
        default="namespace",
        pattern=r"^([a-zA-Z_][a-zA-Z0-9_]*)?$",
        description="The label in which the scrape says the namespace of a pod. Series without it"
        " are not believed. Empty: every series is believed, whoever's pod it is from.",
    )

    @model_validator(mode="after")
    def _one_way_to_say_who(self) -> Self:
        if self.basic_auth.password_file and self.bearer_token_file:
            raise ValueError("basicAuth and bearerTokenFile exclude each other: remove one")
        return self

    @property
    def modes(self) -> tuple[str, ...]:
        """What it wants to see of who asks, in the words of KEDA's `authModes`."""
        asked = {
            "basic": self.basic_auth.password_file,
            "bearer": self.bearer_token_file,
            "custom": self.header_files,
            "tls": self.tls.cert_file,
        }
        return tuple(mode for mode, given in asked.items() if given)


class KedaConfig(ConfigModel):
    """KEDA, for ModelDeployments that ask for it (`spec.autoscaling.class`)."""

    enabled: bool = Field(
        default=False, description="Allow it: the operator then watches and writes ScaledObjects."
    )
    authentication: Annotated[str, Field(pattern=r"^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?)?$")] = (
        Field(
            default="",
            description="A ClusterTriggerAuthentication that has what Prometheus wants to see.",
        )
    )


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


class RegistryConfig(ConfigModel):
    """The registry: where the history of deployments is written. Without a Secret: nowhere."""

    secret_name: str = Field(
        default="",
        description="A Secret of the operator's namespace, which the chart mounts. Its key url is"
        " the address of a PostgreSQL: postgresql://user:password@host/database.",
    )
    url_file: Annotated[str, Field(pattern=r"^(/.+)?$")] = Field(
        default="", description="An absolute path of a file that has the address, instead."
    )
    environment: str = Field(
        default="production",
        min_length=1,
        max_length=50,
        description="What this cluster is called in the history.",
    )

    @property
    def address(self) -> Path | None:
        """The file that has the address; None where no registry is configured."""
        if self.url_file:
            return Path(self.url_file)
        return Path("/etc/transit/registry/url") if self.secret_name else None


class PredictionLogConfig(ConfigModel):
    """Where servers of new revisions write single predictions, where a ModelDeployment asks for it
    (`server.predictionLog`).
    """

    uri: Annotated[str, Field(pattern=r"^((s3|gs|az)://[^/?#]+(/[^?#]*)?|file:///[^?#]+)?$")] = (
        Field(
            default="",
            description="s3://BUCKET/PREFIX, gs://BUCKET/PREFIX, az://CONTAINER/PREFIX, or"
            " file:///PATH of a volume that server.podTemplate mounts. Empty: nowhere.",
        )
    )
    secret_name: Annotated[
        str, Field(max_length=253, pattern=r"^([a-z0-9]([-a-z0-9.]*[a-z0-9])?)?$")
    ] = Field(
        default="",
        description="A Secret in the namespace of each such ModelDeployment: the variables of the"
        " store, as in storage.secretName, and salt for hashes of features.",
    )
    buffer: Annotated[str, Field(pattern=r"^[1-9][0-9]*(Ki|Mi|Gi|k|M|G)?$")] = Field(
        default="32Mi", description="How much may wait in each pod; more is dropped."
    )
    every: Annotated[str, Field(pattern=r"^[1-9][0-9]*(ms|s|m|h)$")] = Field(
        default="30s", description="How often a file is written at least, if there is anything."
    )


# A name, no pattern: nothing is looked up of which namespaces there are.
Namespace = Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")]


# The reasons of transitions, as core.rules.changes has them, and Blind, which is none.
Reason = Literal[
    "Created",
    "Replaced",
    "Healthy",
    "StatusRecovered",
    "RolloutStarted",
    "StepReached",
    "Promoted",
    "Rejected",
    "RolledBack",
    "RollbackStalled",
    "Superseded",
    "Reverted",
    "Paused",
    "Resumed",
    "Retried",
    "ApprovalNeeded",
    "Resolving",
    "RollbackHurried",
    "CommandIgnored",
    "VersionDeprecated",
    "AliasMoved",
    "Blind",
]

_TOLD: tuple[Reason, ...] = ("Promoted", "Rejected", "RolledBack", "Paused", "Blind")


class Receiver(ConfigModel):
    """Who is told what happens. Its URL is a secret, and stands in a file."""

    name: str = Field(
        pattern=r"^[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?$",
        description="In logs and metrics. Under another name it is another receiver, which hears"
        " what happens from then on.",
    )
    kind: Literal["Apprise", "CloudEvents"] = Field(
        default="Apprise",
        description="Apprise: a URL of Apprise, such as slack:// or mailtos://, for people."
        " CloudEvents: an http:// or https:// URL that gets CloudEvents 1.0, for programs.",
    )
    url_file: SecretFile = Field(
        default="", description="A key of the Secret, or an absolute path. Default: the name."
    )
    namespaces: list[Namespace] = Field(
        default_factory=list, description="Of these namespaces only; none: of all."
    )
    reasons: list[Reason] = Field(
        default_factory=lambda: list(_TOLD),
        min_length=1,
        description="What is told: reasons of transitions, and Blind, a rollout that has stood"
        " without measurements for blindAfterSeconds.",
    )


class NotificationsConfig(ConfigModel):
    """Who is told what happens. Without receivers: nobody."""

    secret_name: str = Field(
        default="",
        description="A Secret of the operator's namespace, which the chart mounts; the files of"
        " the receivers are its keys, or absolute paths.",
    )
    environment: str = Field(
        default="", max_length=50, description="What this cluster is called in messages."
    )
    blind_after_seconds: float = Field(
        default=1800.0, ge=60, description="How long without measurements is Blind."
    )
    receivers: list[Receiver] = Field(default_factory=list, max_length=20)

    @model_validator(mode="after")
    def _each_can_be_told_apart_and_found(self) -> Self:
        names = [receiver.name for receiver in self.receivers]
        if len(set(names)) < len(names):
            raise ValueError("two receivers have the same name: rename one")
        for receiver in self.receivers:
            if not self.secret_name and not receiver.url_file.startswith("/"):
                raise ValueError(
                    f"{receiver.name}: set secretName, or give urlFile as an absolute path"
                )
        return self

    def url_file(self, receiver: Receiver) -> Path:
        """Return the file that has a receiver's URL."""
        return Path("/etc/transit/notifications", receiver.url_file or receiver.name)


# Of a model's files, as the servers know them.
FileFormat = Literal["onnx", "skops", "xgboost", "lightgbm", "catboost", "keras", "pickle"]


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
