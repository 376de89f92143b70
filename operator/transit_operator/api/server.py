"""`spec.storage` and `spec.server`: where models come from, and what serves them."""

from typing import Any

from pydantic import ConfigDict, Field

from .base import ApiModel, rule
from .duration import Duration


class Storage(ApiModel):
    uri: str = Field(
        description="Where the models are: s3://bucket/prefix, pvc://CLAIM/path, or"
        " file:///path on the node.",
        max_length=512,
        json_schema_extra=rule(
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
