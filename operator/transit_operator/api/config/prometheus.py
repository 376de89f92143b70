"""How Prometheus is reached, by the operator and by KEDA."""

from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from .base import ConfigModel, SecretFile


def _no_authorization(name: str) -> str:
    if name.lower() == "authorization":
        raise ValueError("use basicAuth or bearerTokenFile")
    return name


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
    timeout_seconds: float = Field(
        default=5.0,
        ge=0.1,
        le=60,
        description="How long an answer may take, in seconds. Rollouts wait for it, no rollback"
        " does.",
    )
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
