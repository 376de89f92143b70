"""`spec.traffic`: how requests reach the revisions."""

from typing import Annotated, Any, Literal

from pydantic import Field

from . import gateway_api
from .base import ApiModel
from .duration import Duration
from .patterns import HOSTNAME, NAMESPACE_NAME, SECRET_NAME, SECTION_NAME, URL_PATH

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


def _beside_the_path(schema: dict[str, Any]) -> None:
    """Take out of `matches` what `path` says, where one has none of its own."""
    del schema["default"], schema["items"]["properties"]["path"]["default"]
    schema["maxItems"] = 16
    # One more header leads testers to the candidate.
    schema["items"]["properties"]["headers"]["maxItems"] = 15


def _without_redirects(schema: dict[str, Any]) -> None:
    """Leave out of `filters` what sends clients elsewhere: a route with backends can't have it."""
    properties = schema["items"]["properties"]
    del properties["requestRedirect"]
    properties["type"]["enum"].remove("RequestRedirect")
    for part in (schema, schema["items"]):
        rules = part["x-kubernetes-validations"]
        kept = [rule for rule in rules if "edirect" not in rule["rule"]]
        part["x-kubernetes-validations"] = kept


def _bounded(schema: dict[str, Any]) -> None:
    schema["properties"]["codes"]["maxItems"] = 16
    schema["properties"]["attempts"] |= {"minimum": 0, "maximum": 100}


class Gateway(ApiModel):
    rules = (
        {
            "rule": "self.path == '/'"
            " || (has(self.filters) && self.filters.exists(f, f.type == 'URLRewrite'))"
            " || !has(self.matches)"
            " || (self.matches.size() <= 1 && self.matches.all(m, !has(m.path)))",
            "message": "a path other than / is taken off before the server, which Gateway API"
            " allows for one match without a path of its own: give one, or a filter URLRewrite",
        },
    )

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
    path: str = Field(
        default="/",
        min_length=1,
        max_length=256,
        description="Prefix of the paths that requests are taken for. It is taken off before the"
        " server, unless a filter URLRewrite says otherwise.",
        json_schema_extra=URL_PATH,
    )
    matches: list[dict[str, Any]] = Field(
        default_factory=list,
        description="What a request must have besides: one of these (headers, queryParams, method,"
        " or a path in place of the prefix). Default: nothing.",
        json_schema_extra=gateway_api.field("matches", _beside_the_path),
    )
    filters: list[dict[str, Any]] = Field(
        default_factory=list,
        description="Filters of every request, such as RequestHeaderModifier, URLRewrite, CORS or a"
        " gateway's own by ExtensionRef.",
        json_schema_extra=gateway_api.field("filters", _without_redirects),
    )
    timeouts: dict[str, Any] = Field(
        default_factory=dict,
        description="How long the gateway waits: request, and backendRequest for each try.",
        json_schema_extra=gateway_api.field("timeouts"),
    )
    retry: dict[str, Any] = Field(
        default_factory=dict,
        description="Which answers the gateway asks for again. Needs Gateway API's experimental"
        " channel. What is tried again may reach another revision.",
        json_schema_extra=gateway_api.field("retry", _bounded),
    )
    session_persistence: dict[str, Any] = Field(
        default_factory=dict,
        description="Keeps a client at one revision, by a cookie or a header. Needs Gateway API's"
        " experimental channel.",
        json_schema_extra=gateway_api.field("sessionPersistence"),
    )


class CandidateHeader(ApiModel):
    name: str = Field(
        min_length=1,
        max_length=256,
        pattern=r"^[A-Za-z0-9!#$%&'*+\-.^_\x60|~]+$",
        description="Name of the header; its case doesn't matter.",
    )
    value: str = Field(
        min_length=1, max_length=4096, description="What it must say, letter by letter."
    )


class Traffic(ApiModel):
    rules = (
        {
            "rule": "!has(self.candidateHeader) || self.router == 'gateway'",
            "message": "candidateHeader needs router: gateway: pod counts can't tell requests"
            " apart",
        },
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
    candidate_header: CandidateHeader | None = Field(
        default=None,
        description="Requests with this header go to the candidate as soon as its pods are ready,"
        " also at 0 %; they don't count as its weight. Without a candidate they are as all others.",
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
