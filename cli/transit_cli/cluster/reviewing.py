"""Whose a token is, and what it may be used for: the API server says so, by reviews.

A TokenReview is asked for by our own account, which needs the right to create them and nothing
else; what somebody may do is asked for with their own token. Neighbour: `connection`.
"""

from .connection import Cluster
from .modeldeployments import GROUP, PLURAL

TOKENS = "/apis/authentication.k8s.io/v1/tokenreviews"
ACCESS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


def whose(cluster: Cluster, token: str) -> str | None:
    """Return the user that a token is of; None where the API server doesn't take it.

    Raises: CommandFailed, where it can't be asked.
    """
    review = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenReview",
        "spec": {"token": token},
    }
    status = cluster.ask(TOKENS, review).get("status") or {}
    name = (status.get("user") or {}).get("username")
    return str(name) if status.get("authenticated") and name else None


def may_list(theirs: Cluster, namespace: str) -> bool:
    """Tell whether somebody may list ModelDeployments, seen as they see the API server.

    `namespace` is "" for all of them. Raises: CommandFailed, where it can't be asked.
    """
    wanted = {
        "group": GROUP.split("/")[2],
        "resource": PLURAL,
        "verb": "list",
        "namespace": namespace,
    }
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": wanted},
    }
    return bool((theirs.ask(ACCESS, review).get("status") or {}).get("allowed"))
