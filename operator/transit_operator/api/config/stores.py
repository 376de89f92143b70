"""Where the operator and the servers write: the registry and the prediction log."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from .base import ConfigModel


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
