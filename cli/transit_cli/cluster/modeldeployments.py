"""ModelDeployments and their pods in the API server."""

from urllib.parse import quote

from ..exits import CommandFailed
from ..rollout.explaining.differing import difference
from .connection import Cluster, Forbidden, NotFound, Object
from .missing import missing

GROUP = "/apis/transit.dev/v1alpha1"
PLURAL = "modeldeployments"
OWNER = "transit.dev/model-deployment"
REVISION = "transit.dev/revision"
_PAGE = 500


def path(namespace: str, name: str = "") -> str:
    """Return the path of one, or of all of a namespace ("" for all namespaces)."""
    within = f"/namespaces/{quote(namespace)}" if namespace else ""
    return f"{GROUP}{within}/{PLURAL}" + (f"/{quote(name)}" if name else "")


def listed(cluster: Cluster, *, everywhere: bool = False) -> list[Object]:
    """Return all of the namespace, or of all namespaces. Raises: CommandFailed."""
    return listed_at(cluster, everywhere=everywhere)[0]


def listed_at(cluster: Cluster, *, everywhere: bool) -> tuple[list[Object], str]:
    """Return the same, and the version at which a watch goes on. Raises: CommandFailed."""
    where = path("" if everywhere else cluster.namespace)
    found: list[Object] = []
    token = ""
    while True:
        query = [("limit", str(_PAGE))] + ([("continue", token)] if token else [])
        try:
            page = cluster.get(where, query)
        except NotFound as error:
            raise _not_installed(cluster) from error
        found += page["items"]
        token = page["metadata"].get("continue", "")
        if not token:
            return found, page["metadata"].get("resourceVersion", "")


def peek(cluster: Cluster, *, everywhere: bool) -> None:
    """Find out whether they may be listed. Raises: CommandFailed."""
    try:
        cluster.get(path("" if everywhere else cluster.namespace), [("limit", "1")])
    except NotFound as error:
        raise _not_installed(cluster) from error


def read(cluster: Cluster, name: str) -> Object:
    """Return one. Raises: CommandFailed, with what may have been meant."""
    try:
        return cluster.get(path(cluster.namespace, name))
    except NotFound as error:
        names = sorted(one["metadata"]["name"] for one in _as_far_as_allowed(cluster))
        raise missing(cluster, name, names, _namespaces_with(cluster, name)) from error


def _as_far_as_allowed(cluster: Cluster) -> list[Object]:
    """Return all of the namespace, none where they may not be listed. Raises: CommandFailed."""
    try:
        return listed(cluster)
    except Forbidden:
        return []


def _namespaces_with(cluster: Cluster, name: str) -> list[str]:
    """Return where else there is one of this name, as far as this user may look."""
    try:
        found = cluster.get(path(""), [("fieldSelector", f"metadata.name={name}")])["items"]
    except Forbidden:
        return []
    return sorted(one["metadata"]["namespace"] for one in found)


def pods(cluster: Cluster, name: str) -> list[Object]:
    """Return the pods of all revisions that aren't being deleted.

    Who may read ModelDeployments need not be one who may read pods: then there are none.
    """
    where = f"/api/v1/namespaces/{quote(cluster.namespace)}/pods"
    try:
        found = cluster.get(where, [("labelSelector", f"{OWNER}={name},{REVISION}")])["items"]
    except CommandFailed:
        return []
    return [pod for pod in found if not pod["metadata"].get("deletionTimestamp")]


def events(cluster: Cluster, name: str) -> list[Object]:
    """Return its Events, as far as this user may read them."""
    where = f"/api/v1/namespaces/{quote(cluster.namespace)}/events"
    about = f"involvedObject.kind=ModelDeployment,involvedObject.name={name}"
    try:
        found: list[Object] = cluster.get(where, [("fieldSelector", about)])["items"]
    except CommandFailed:
        return []
    return found


def annotate(cluster: Cluster, name: str, key: str, value: str) -> Object:
    """Set one annotation; the object then. Raises: CommandFailed."""
    body = {"metadata": {"annotations": {key: value}}}
    return cluster.patch(path(cluster.namespace, name), body, "application/merge-patch+json")


def patch(cluster: Cluster, name: str, operations: list[Object], *, dry_run: bool) -> Object:
    """Apply a JSON patch; the object then. Raises: CommandFailed, with the API server's words."""
    query = [("fieldManager", "transit-cli")] + ([("dryRun", "All")] if dry_run else [])
    where = path(cluster.namespace, name)
    return cluster.patch(where, operations, "application/json-patch+json", query)


def record(cluster: Cluster, name: str, revision: str) -> Object:
    """Return what a revision was resolved to; {} where it is not kept any more."""
    where = f"/apis/apps/v1/namespaces/{quote(cluster.namespace)}/controllerrevisions"
    try:
        found: Object = cluster.get(f"{where}/{name}-{revision}")["data"]
    except CommandFailed:
        return {}
    return found


def changed(cluster: Cluster, name: str, before: str, after: str) -> list[str]:
    """Return what differs between two revisions, as a diff; none where one is not kept."""
    return difference(*(record(cluster, name, revision) for revision in (before, after)))


def _not_installed(cluster: Cluster) -> CommandFailed:
    text = "the cluster doesn't know ModelDeployments: Transit is not installed there"
    return CommandFailed(text, cluster.command("helm install transit charts/transit"))
