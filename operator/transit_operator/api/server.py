"""`spec.storage` and `spec.server`: where models come from, and what serves them."""

from typing import Any, Literal

from pydantic import Field

from .base import ApiModel, rule
from .duration import DURATION_PATTERN, Duration
from .patterns import (
    BUCKET,
    DATA_KEY,
    DNS_LABEL,
    DNS_SUBDOMAIN,
    HOST,
    IMAGE_NAME,
    MLFLOW_PART,
    PATH,
    REPOSITORY,
    SECRET_NAME,
    VARIABLE_RULE,
    amount,
    quantities,
)
from .pod_template import typed

FILE = "file://"

# What the operator tells each server itself. With another identity its series would count as
# another rollout's; with another port or folder it could not be reached, or not start.
RESERVED_ENV = (
    "TRANSIT_MODEL_DEPLOYMENT",
    "TRANSIT_REVISION",
    "TRANSIT_MODELS",
    "TRANSIT_DEFAULT_MODEL",
    "TRANSIT_STORAGE_URI",
    "TRANSIT_SIGNING_KEYS",
    "TRANSIT_FORMATS",
    "TRANSIT_STORAGE_SECRET",
    "TRANSIT_CACHE_DIR",
    "TRANSIT_PORT",
    "TRANSIT_PROBE_PORT",
    "TRANSIT_BATCH_MAX_SIZE",
    "TRANSIT_BATCH_MAX_WAIT",
    "TRANSIT_DRAIN_DELAY",
    "TRANSIT_API_KEYS_FILE",
    "TRANSIT_FEEDBACK_KEY_FILE",
    "TRANSIT_PREDICTION_LOG",
    "TRANSIT_ANSWER_CACHE",
    "TRANSIT_TERMINATION_LOG",
)


class Storage(ApiModel):
    uri: str = Field(
        description="Where the models are: s3://BUCKET/PREFIX, gs://BUCKET/PREFIX,"
        " az://CONTAINER/PREFIX, oci://REGISTRY/PATH (of which PATH/NAME is a model's repository),"
        " https://HOST/PATH, mlflow://HOST/PREFIX (a tracking server, HOST with its port),"
        " pvc://CLAIM/PATH (mounted read-only), or file:///PATH on the node (mounted read-only),"
        " below a directory that the operator's configuration allows (fileRoots).",
        max_length=512,
        json_schema_extra=rule(
            rf"self.matches(r'^(s3|gs)://{BUCKET}(/({PATH})?)?$')"
            rf" || self.matches(r'^az://{DNS_LABEL}(/({PATH})?)?$')"
            rf" || self.matches(r'^oci://{HOST}(:[0-9]+)?/{REPOSITORY}/?$')"
            rf" || self.matches(r'^mlflow://{HOST}(:[0-9]+)?(/{MLFLOW_PART})*/?$')"
            rf" || (self.matches(r'^https?://{HOST}(:[0-9]+)?(/({PATH})?)?$')"
            " && !self.contains('?') && !self.contains('#'))"
            rf" || self.matches(r'^pvc://{DNS_SUBDOMAIN}(/({PATH})?)?$')"
            rf" || self.matches(r'^file:///{PATH}$')",
            "must be s3://BUCKET/PREFIX, gs://BUCKET/PREFIX, az://CONTAINER/PREFIX,"
            " oci://REGISTRY/PATH, https://HOST/PATH, mlflow://HOST/PREFIX, pvc://CLAIM/PATH or"
            " file:///PATH; the path has no '..', no '.' and no '//', that of oci:// small letters"
            " and no tag, that of https:// no '?' and no '#', and file:///PATH is not the root",
        ),
    )
    secret_name: str | None = Field(
        default=None,
        description="Secret with the standard variables of the storage: for s3://"
        " AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_ENDPOINT_URL, AWS_REGION; for gs://"
        " GOOGLE_SERVICE_ACCOUNT_KEY; for az:// AZURE_STORAGE_ACCOUNT_NAME,"
        " AZURE_STORAGE_ACCOUNT_KEY; for oci:// OCI_USERNAME and OCI_PASSWORD, or one of the type"
        " kubernetes.io/dockerconfigjson; for https:// HTTP_AUTHORIZATION; for mlflow://"
        " MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN; and"
        " ca.crt for a store with an authority of its own. A changed Secret counts without a"
        " restart. Default: none.",
        max_length=253,
        json_schema_extra=SECRET_NAME,
    )
    verify: Literal["Checksum", "Signature"] = Field(
        default="Checksum",
        description="What must be right before anything of a version is read. Checksum: every file"
        " is what its publisher wrote. Signature: that, and one of the keys of the operator's"
        " configuration (signing.keys) has signed it.",
    )


class Batching(ApiModel):
    rules = (
        {
            "rule": f"!self.maxWait.matches(r'{DURATION_PATTERN}')"
            " || duration(self.maxWait) < duration('30s')",
            "message": "maxWait must be below 30s, when a request is given up (504): a few"
            " milliseconds fill a batch",
        },
    )

    max_size: int = Field(default=32, ge=1, le=4096, description="Largest batch, in rows.")
    max_wait: Duration = Field(
        default="2ms",
        description="Longest time a request waits for company; none when idle. A model that takes "
        "less than 4 ms takes along all that comes while requests are decoded, unless this is 0.",
    )


_AT_MOST = (
    f"{amount('self.requests[k]')}.compareTo({amount('self.limits[k]')}) <= 0"
    f" && (!(k.contains('/') || k.startsWith('hugepages-'))"
    f" || {amount('self.requests[k]')}.compareTo({amount('self.limits[k]')}) == 0)"
)
_ARE_QUANTITIES = (
    "(type(self.requests[k]) == int || isQuantity(self.requests[k]))"
    " && (type(self.limits[k]) == int || isQuantity(self.limits[k]))"
)


class Resources(ApiModel):
    rules = (
        {
            "rule": "!has(self.requests) || !has(self.limits) || self.requests.all(k,"
            f" !(k in self.limits) || !({_ARE_QUANTITIES}) || ({_AT_MOST}))",
            "message": "requests must not be above limits; of hugepages-SIZE and of resources with"
            " a domain, such as nvidia.com/gpu, both must be equal",
        },
        {
            "rule": "!has(self.requests) || self.requests.all(k,"
            " !(k.contains('/') || k.startsWith('hugepages-'))"
            " || (has(self.limits) && k in self.limits))",
            "message": "hugepages-SIZE and resources with a domain, such as nvidia.com/gpu, need"
            " limits as well as requests",
        },
    )

    requests: dict[str, int | str] | None = Field(
        default=None,
        max_length=16,
        description="What the scheduler keeps free for the pod, by resource: cpu: 500m.",
        json_schema_extra=quantities(),
    )
    limits: dict[str, int | str] | None = Field(
        default=None,
        max_length=16,
        description="What the pod may use at most, by resource: memory: 1Gi, nvidia.com/gpu: 1.",
        json_schema_extra=quantities(),
    )


def _source(what: str, required: list[str], properties: dict[str, Any], **more: Any) -> Any:
    return {
        "type": "object",
        "description": what,
        "required": required,
        "properties": properties,
        **more,
    }


def _key_of(kind: str) -> Any:
    return _source(
        f"The value of a key of a {kind} in the same namespace.",
        ["key", "name"],
        {
            "name": {
                "type": "string",
                "description": f"Name of the {kind}.",
                "maxLength": 253,
                **SECRET_NAME,
            },
            "key": {
                "type": "string",
                "description": "The key whose value is taken.",
                "maxLength": 253,
                **DATA_KEY,
            },
            "optional": {
                "type": "boolean",
                "description": "Start also without it; default: wait for it.",
            },
        },
    )


_FIELD_PATHS = (
    "self in ['metadata.name', 'metadata.namespace', 'metadata.uid', 'spec.nodeName',"
    " 'spec.serviceAccountName', 'status.hostIP', 'status.hostIPs', 'status.podIP',"
    r" 'status.podIPs'] || self.matches(r'^metadata\.(labels|annotations)"
    rf"\[\'({DNS_SUBDOMAIN}/)?[a-zA-Z0-9]([-a-zA-Z0-9_.]{{0,61}}[a-zA-Z0-9])?\'\]$')"
)
_RESOURCE = r"^(limits|requests)\.(cpu|memory|ephemeral-storage|hugepages-[0-9]+(Ki|Mi|Gi|Ti)?)$"
_UNITS = "['0', '1', '1k', '1M', '1G', '1T', '1P', '1E', '1Ki', '1Mi', '1Gi', '1Ti', '1Pi', '1Ei']"

_VALUE_FROM = {
    "secretKeyRef": _key_of("Secret"),
    "configMapKeyRef": _key_of("ConfigMap"),
    "fieldRef": _source(
        "A field of the pod.",
        ["fieldPath"],
        {
            "apiVersion": {
                "type": "string",
                "description": "Version of the schema that fieldPath is written in: v1.",
                "enum": ["v1"],
            },
            "fieldPath": {
                "type": "string",
                "description": "Such as metadata.name, spec.nodeName, status.podIP or"
                " metadata.labels['KEY'].",
                "maxLength": 400,
                **rule(
                    _FIELD_PATHS.replace("\\'", "\\x27"),
                    "must be metadata.name, .namespace, .uid, .labels['KEY'], .annotations['KEY'],"
                    " spec.nodeName, spec.serviceAccountName, status.hostIP(s) or status.podIP(s)",
                ),
            },
        },
    ),
    "resourceFieldRef": _source(
        "A resource of the server's container.",
        ["resource"],
        {
            "containerName": {
                "type": "string",
                "description": "Default: the server's own container.",
                "enum": ["server"],
            },
            "resource": {
                "type": "string",
                "description": "Such as limits.cpu or requests.memory.",
                "maxLength": 100,
                **rule(
                    f"self.matches(r'{_RESOURCE}')",
                    "must be limits.RESOURCE or requests.RESOURCE, of cpu, memory,"
                    " ephemeral-storage or hugepages-SIZE",
                ),
            },
            "divisor": {
                "description": "The unit that it is told in; default 1.",
                "x-kubernetes-int-or-string": True,
                "maxLength": 3,
            },
        },
        **{
            "x-kubernetes-validations": [
                {
                    "rule": "!has(self.divisor) || string(self.divisor) in"
                    " (self.resource.endsWith('.cpu') ? ['0', '1', '1m'] :"
                    f" {_UNITS})",
                    "message": "divisor must be 1 or 1m for cpu, else 1, 1k, 1M, 1Ki, 1Mi and so"
                    " on",
                }
            ]
        },
    ),
}


def _typed_value_from(schema: dict[str, Any]) -> None:
    """Give `valueFrom` the schema of a container's. In memory it stays a plain map: it is handed on
    as it is.
    """
    # Optional in pydantic's schema is one of two, the first of which is the map.
    (given,) = [option for option in schema.pop("anyOf") if option.get("type") == "object"]
    given.pop("additionalProperties", None)
    schema |= given | {
        "properties": _VALUE_FROM,
        "x-kubernetes-validations": [
            {
                "rule": "[has(self.secretKeyRef), has(self.configMapKeyRef), has(self.fieldRef),"
                " has(self.resourceFieldRef)].filter(given, given).size() == 1",
                "message": "must have one of secretKeyRef, configMapKeyRef, fieldRef and"
                " resourceFieldRef",
            }
        ],
    }


class EnvVar(ApiModel):
    rules = (
        {
            "rule": "!has(self.value) || self.value == '' || !has(self.valueFrom)",
            "message": "value and valueFrom exclude each other: remove one",
        },
    )

    name: str = Field(
        min_length=1,
        max_length=253,
        description="Name of the variable. Those that the operator sets itself, such as"
        " TRANSIT_MODEL_DEPLOYMENT, are refused.",
        json_schema_extra={
            "x-kubernetes-validations": [
                VARIABLE_RULE,
                {
                    "rule": f"!(self in {list(RESERVED_ENV)})",
                    "message": "is set by the operator: it tells each server which one it is,"
                    " what it serves and where; batching, apiKeys and storage are fields of the"
                    " spec",
                },
            ]
        },
    )
    value: str | None = Field(
        default=None,
        max_length=8192,
        description="Its value; $(NAME) stands for another variable. Default: empty.",
    )
    value_from: dict[str, Any] | None = Field(
        default=None,
        description="Where its value comes from, instead of value.",
        json_schema_extra=_typed_value_from,
    )


class ApiKeys(ApiModel):
    secret_name: str = Field(
        max_length=253,
        description="Secret with one entry per key: the entry's name is the client's, its value the"
        " key or sha256:HASH. Mounted, so a changed Secret is taken over without a restart.",
        json_schema_extra=SECRET_NAME,
    )


# How a feature is written: not at all, by a keyed hash, or as it came.
LoggedFeature = Literal["Omit", "Hash", "Keep"]


class PredictionLog(ApiModel):
    share: float = Field(
        default=1.0,
        ge=0,
        le=1,
        description="Share of the requests that is written, each with all of its rows. Rows on"
        " which a model fails are always written.",
    )
    features: LoggedFeature = Field(
        default="Omit",
        description="What is written of each feature: nothing (Omit), a hash with the salt of the"
        " Secret (Hash), or its value (Keep).",
    )
    columns: dict[str, LoggedFeature] = Field(
        default_factory=dict,
        max_length=256,
        description="The same for single features, by name; those of a model without names are"
        " one, named features. Where features is Hash or Keep, each must be there, or nothing of"
        " that model's features is written.",
    )


class AnswerCache(ApiModel):
    secret_name: str = Field(
        max_length=253,
        description="Secret with the url of a Redis or Valkey, redis://:PASSWORD@HOST:6379/0 or"
        " rediss:// for TLS, and ca.crt for an authority of its own. A changed Secret counts"
        " without a restart.",
        json_schema_extra=SECRET_NAME,
    )
    ttl: str = Field(
        default="5m",
        pattern=r"^[1-9][0-9]{0,5}(s|m|h)$",
        description="How long an answer may be given again.",
    )
    largest: str = Field(
        default="16Ki",
        pattern=r"^[1-9][0-9]{0,8}(Ki|Mi|k|M)?$",
        description="Answers that are larger are not kept.",
    )
    wait: str = Field(
        default="5ms",
        pattern=r"^[1-9][0-9]{0,2}ms$",
        description="How long a request may wait for the Redis, in all; then the model is asked.",
    )


class Server(ApiModel):
    image: str | None = Field(
        default=None,
        description="Server image; default: the operator's configuration, as it is when the"
        " revision is made.",
        max_length=512,
        json_schema_extra=IMAGE_NAME,
    )
    pool: str = Field(
        default="cpu",
        min_length=1,
        description="A node pool named in the operator's configuration: where the pods run, and"
        " what they ask for by default.",
        max_length=63,
    )
    resources: Resources | None = Field(
        default=None,
        description="Replaces the pool's default resources, as a whole. Autoscaling by CPU needs"
        " a request of cpu.",
    )
    env: list[EnvVar] = Field(
        default_factory=list,
        max_length=64,
        description="More environment variables of the server, for its other settings.",
        json_schema_extra={
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["name"],
        },
    )
    pod_template: dict[str, Any] = Field(
        default_factory=dict,
        description="Merged over the pods that Transit builds, as a strategic merge patch: metadata"
        " (labels, annotations) and spec. What makes a pod its revision's stays Transit's.",
        json_schema_extra=typed,
    )
    batching: Batching = Field(
        default_factory=Batching,
        description="How requests that come at the same time are given to a model together.",
    )
    api_keys: ApiKeys | None = Field(
        default=None, description="Only who has one of these keys may ask; without it anybody may."
    )
    prediction_log: PredictionLog | None = Field(
        default=None,
        description="Write single predictions into the store that the operator's configuration"
        " names (predictionLog.uri); without it none is written.",
    )
    answer_cache: AnswerCache | None = Field(
        default=None,
        description="Share answers to identical rows among the pods of a revision, in a Redis;"
        " without it each request is the model's to answer. For models whose answers follow from"
        " the row alone.",
    )
