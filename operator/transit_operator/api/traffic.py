"""`spec.traffic`: how requests reach the revisions."""

from typing import Literal

from pydantic import Field

from .base import ApiModel
from .duration import Duration


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
    drain: Duration = Field(
        default="10s",
        description="How long gateways may still send to a revision that has lost its traffic: so"
        " long its pods stay.",
    )
    settle: Duration = Field(
        default="2s",
        description="How long gateways may take to know a pod that has become ready: so long a"
        " weight waits.",
    )
