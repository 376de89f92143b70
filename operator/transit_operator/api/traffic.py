"""`spec.traffic`: how requests reach the revisions."""

from typing import Annotated, Literal

from pydantic import Field

from .base import ApiModel
from .duration import Duration
from .patterns import HOSTNAME, NAMESPACE_NAME, SECRET_NAME, SECTION_NAME

Hostname = Annotated[str, Field(min_length=1, max_length=253, json_schema_extra=HOSTNAME)]

# As HTTPRoute has them: one Gateway twice only by its listeners.
_SAME_GATEWAY = (
    "p.name == q.name && (has(p.__namespace__) ? p.__namespace__ : '')"
    " == (has(q.__namespace__) ? q.__namespace__ : '')"
)


class ParentRef(ApiModel):
    name: str = Field(
        min_length=1,
        max_length=253,
        description="Name of the Gateway.",
        json_schema_extra=SECRET_NAME,
    )
    namespace: str | None = Field(
        default=None,
        min_length=1,
        max_length=63,
        description="Its namespace; default: that of the ModelDeployment. The Gateway must allow"
        " routes from there.",
        json_schema_extra=NAMESPACE_NAME,
    )
    section_name: str | None = Field(
        default=None,
        min_length=1,
        max_length=253,
        description="One listener of the Gateway; default: all that take the route.",
        json_schema_extra=SECTION_NAME,
    )
    port: int | None = Field(
        default=None,
        ge=1,
        le=65535,
        description="Port of the Gateway's listeners; default: any.",
    )


class Gateway(ApiModel):
    parent_refs: list[ParentRef] = Field(
        min_length=1,
        max_length=16,
        description="The Gateways that the HTTPRoute is attached to.",
        json_schema_extra={
            "x-kubernetes-list-type": "atomic",
            "x-kubernetes-validations": [
                {
                    "rule": f"self.all(p, self.all(q, !({_SAME_GATEWAY})"
                    " || has(p.sectionName) == has(q.sectionName)))",
                    "message": "a Gateway that stands there twice needs a sectionName each time",
                },
                {
                    "rule": f"self.all(p, self.exists_one(q, {_SAME_GATEWAY}"
                    " && (has(p.sectionName) ? p.sectionName : '')"
                    " == (has(q.sectionName) ? q.sectionName : '')))",
                    "message": "the same Gateway and sectionName stand there twice",
                },
            ],
        },
    )
    hostnames: list[Hostname] = Field(
        default_factory=list,
        max_length=16,
        description="Host names that requests are taken for; none: every host of the listeners, and"
        " then a second ModelDeployment on the same Gateway gets nothing.",
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    )


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
    gateway: Gateway | None = Field(
        default=None, description="The HTTPRoute of router: gateway, which needs it."
    )
    drain: Duration = Field(
        default="10s",
        description="How long gateways may still send to a revision that has lost its traffic: so"
        " long its pods and Service stay. Load balancers of clouds take 30s to 90s.",
    )
    settle: Duration = Field(
        default="2s",
        description="How long gateways may take to know a pod that has become ready: so long a"
        " weight waits.",
    )
