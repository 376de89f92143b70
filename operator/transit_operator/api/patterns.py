"""What the API server takes as a name, as rules of the CRD: refused at apply, with words.

A resource that it would let pass, though not the objects made of it, fails half an hour later in
the middle of a rollout. The grammars are those of Kubernetes' and Gateway API's own validation;
where versions differ, the strictest that is still supported (1.29).
"""

from typing import Any

from .base import rule

DNS_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
DNS_SUBDOMAIN = rf"{DNS_LABEL}(\.{DNS_LABEL})*"
BUCKET = "[a-z0-9][a-z0-9._-]+"

HOST = r"[a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?(\.[a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?)*"
_IPV6 = r"\[[a-fA-F0-9:]+\]"
_PART = r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*"
REPOSITORY = rf"{_PART}(/{_PART})*"
IMAGE = (
    rf"^(({HOST}|{_IPV6})(:[0-9]+)?/)?{_PART}(/{_PART})*"
    r"(:[a-zA-Z0-9_][-a-zA-Z0-9_.]{0,127})?"
    r"(@[A-Za-z][A-Za-z0-9]*([-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,})?$"
)

# Segments of a path: none empty, none "." or "..".
_SEGMENT = r"([^/.\x00-\x1f][^/\x00-\x1f]*|\.[^/.\x00-\x1f][^/\x00-\x1f]*|\.\.[^/\x00-\x1f]+)"
MLFLOW_PART = r"[a-zA-Z0-9_~-][a-zA-Z0-9._~-]*"  # of the prefix of a server's paths
PATH = rf"{_SEGMENT}(/{_SEGMENT})*/?"

# A key of a Secret or ConfigMap, and the name of an environment variable.
_NOT_DOTS = "!(self in ['.', '..']) && !self.startsWith('..')"

SECRET_NAME: dict[str, Any] = rule(
    f"self.matches(r'^{DNS_SUBDOMAIN}$')",
    "must be the name of an object: lower-case letters, digits, '-' and '.', with a letter or digit"
    " at both ends of each part",
)
IMAGE_NAME: dict[str, Any] = rule(
    f"self.matches(r'{IMAGE}')",
    "must be an image such as registry.example.com/team/server:1.2.0 or …/server@sha256:…; the path"
    " is lower-case, without spaces",
)
DATA_KEY: dict[str, Any] = rule(
    f"self.matches('^[-._a-zA-Z0-9]+$') && {_NOT_DOTS}",
    "must be a key of a Secret or ConfigMap: letters, digits, '-', '_' and '.'",
)
VARIABLE_RULE: dict[str, Any] = {
    "rule": f"self.matches('^[-._a-zA-Z][-._a-zA-Z0-9]*$') && {_NOT_DOTS}",
    "message": "must be the name of an environment variable: letters, digits, '_', '-' and '.', not"
    " beginning with a digit",
}
HOSTNAME: dict[str, Any] = rule(
    rf"self.matches(r'^(\*\.)?{DNS_SUBDOMAIN}$') && !self.matches('^[0-9.]+$')"
    " && self.split('.').all(part, part.size() <= 63)",
    "must be a host name such as kepler.example.com or *.example.com: lower-case letters, digits,"
    " '-' and '.', no '_', no port, no IP address",
)
NAMESPACE_NAME: dict[str, Any] = rule(
    f"self.matches('^{DNS_LABEL}$')",
    "must be the name of a namespace: lower-case letters, digits and '-'",
)
# Gateway API has a dozen rules for a prefix; this is what passes them all, without escapes.
URL_PATH: dict[str, Any] = rule(
    r"self.matches(r'^(/[-A-Za-z0-9._~!$&()*+,;=:@]+)*/?$')"
    " && !self.matches(r'(^|/)[.]{1,2}(/|$)')",
    "must be a path such as /kepler: it begins with '/', and has no '//', no '.', no '..', no '#'"
    " and no '%'",
)
SECTION_NAME: dict[str, Any] = rule(
    f"self.matches(r'^{DNS_SUBDOMAIN}$')",
    "must be the name of a listener: lower-case letters, digits, '-' and '.'",
)

# What a container may ask for: https://kubernetes.io/docs/concepts/configuration/
# manage-resources-containers. Others need a domain, such as nvidia.com/gpu.
_STANDARD = "^(cpu|memory|ephemeral-storage|hugepages-[0-9]+(Ki|Mi|Gi|Ti)?)$"
_EXTENDED = rf"^{DNS_SUBDOMAIN}/[a-zA-Z0-9]([-a-zA-Z0-9_.]{{0,61}}[a-zA-Z0-9])?$"
_WHOLE = "(k.contains('/') || k.startsWith('hugepages-'))"


def quantities(**more: Any) -> dict[str, Any]:
    """Return the schema of `requests` or `limits`: names and quantities that a container takes."""
    return {
        "x-kubernetes-validations": [
            {
                "rule": f"self.all(k, k.matches('{_STANDARD}') || (k.matches(r'{_EXTENDED}')"
                " && !k.startsWith('requests.') && !k.matches('^([^/]+[.])?kubernetes[.]io/')))",
                "message": "a resource must be cpu, memory, ephemeral-storage, hugepages-SIZE, or"
                " have a domain such as nvidia.com/gpu",
            },
            {
                "rule": "self.all(k, type(self[k]) == int ? self[k] >= 0"
                " : isQuantity(self[k]) && !quantity(self[k]).isLessThan(quantity('0')))",
                "message": "an amount must be a quantity that isn't negative, such as 500m, 2, 1Gi",
            },
            {
                "rule": f"self.all(k, !{_WHOLE} || type(self[k]) == int || !isQuantity(self[k])"
                " || quantity(self[k]).isInteger())",
                "message": "amounts of hugepages-SIZE and of resources with a domain, such as"
                " nvidia.com/gpu, must be whole numbers",
            },
        ],
        **more,
    }


def amount(value: str) -> str:
    """Return the CEL expression of a quantity that may also be written as a number."""
    return f"quantity(type({value}) == int ? string({value}) : {value})"
