"""The few calls to the Kubernetes API that Transit makes, and one place that converts its errors.

Reading is done by watches (`runtime.loop.handlers`): here are lists, writes, and one read before
a first write. Everything owned is written by server-side apply under one field manager.
"""

import json
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import aiohttp
from kubernetes.aio.client import ApiClient
from kubernetes.aio.client.exceptions import ApiException

from ..api import names
from ..core.objects.build import Object

TIMEOUT_SECONDS = 10.0
PAGE = 500
LONGEST_WAIT = 60  # seconds; whoever asks for more is asked again all the same

# How the API server begins, with a code of 500, where fields don't exist or have a wrong type.
_NO_OBJECT = ("failed to create typed patch object", "failed to convert new object")

# kind → (path of its API group, plural)
KINDS: dict[str, tuple[str, str]] = {
    names.KIND: (f"/apis/{names.API_VERSION}", names.PLURAL),
    "Deployment": ("/apis/apps/v1", "deployments"),
    "ControllerRevision": ("/apis/apps/v1", "controllerrevisions"),
    "HorizontalPodAutoscaler": ("/apis/autoscaling/v2", "horizontalpodautoscalers"),
    "ScaledObject": ("/apis/keda.sh/v1alpha1", "scaledobjects"),
    "Job": ("/apis/batch/v1", "jobs"),
    "PodDisruptionBudget": ("/apis/policy/v1", "poddisruptionbudgets"),
    "HTTPRoute": ("/apis/gateway.networking.k8s.io/v1", "httproutes"),
    "Service": ("/api/v1", "services"),
    "Pod": ("/api/v1", "pods"),
    "Secret": ("/api/v1", "secrets"),
    "Event": ("/api/v1", "events"),
    "Lease": ("/apis/coordination.k8s.io/v1", "leases"),
}


class KubernetesError(Exception):
    """What a call to the Kubernetes API can fail with. Raised itself where a retry may help.

    `retry_after`: seconds for which the API server asks to be left alone (429), else 0.
    """

    def __init__(self, message: str, retry_after: float = 0.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Conflict(KubernetesError):
    """The object changed since it was read (resourceVersion): look again and decide again."""


class AlreadyExists(Conflict):
    """Somebody has created an object of that name."""


class NotFound(KubernetesError):
    """The object, or its whole kind, isn't there."""


class Expired(KubernetesError):
    """The list is too old to be gone on with (410): read it anew from its first page."""


class TooLarge(KubernetesError):
    """The object has more bytes than the API server or etcd takes."""


class Refused(KubernetesError):
    """The API server will never accept this: forbidden, invalid, or somebody else's object."""


class Invalid(Refused):
    """What is wrong is the object itself: no right, room or webhook would change that."""


class NotLeading(KubernetesError):
    """Not sent: another process leads, or may lead by now (`fence`)."""


def _uncounted(method: str, code: str) -> None:
    return


class Kubernetes:
    """A thin, typed client. Objects are plain dicts as the API server sends them."""

    def __init__(self, client: ApiClient, counted: Callable[[str, str], None] = _uncounted) -> None:
        """`counted` is told method and code of each request ("none": no answer)."""
        self._client = client
        self._counted = counted

    async def get(self, kind: str, namespace: str, name: str) -> Object:
        """Return one object. Raises: KubernetesError."""
        return await self._request("GET", _path(kind, namespace, name))

    async def serves(self, kind: str) -> bool:
        """Tell whether the API server's own list of what it serves has a kind.

        Raises: KubernetesError.
        """
        path, plural = KINDS[kind]
        try:
            groups = (await self._request("GET", "/apis"))["groups"]
            if path.split("/")[2] not in [group["name"] for group in groups]:
                return False
            resources = (await self._request("GET", path))["resources"]
        except NotFound:
            return False
        return plural in [resource["name"] for resource in resources]

    async def pages(
        self, kind: str, namespace: str, selector: str = ""
    ) -> AsyncIterator[tuple[list[Object], int]]:
        """Yield all objects of a kind in a namespace ("" for all), and the version of the list.

        Page by page: thousands of pods at once are hundreds of megabytes. A kind that the API
        server doesn't know has none. Raises: KubernetesError.
        """
        token, version = "", 0
        while True:
            query = [("limit", str(PAGE)), ("labelSelector", selector), ("continue", token)]
            try:
                page = await self._request(
                    "GET", _path(kind, namespace), query=[(k, v) for k, v in query if v]
                )
            except NotFound:
                return
            version = version or int(page["metadata"]["resourceVersion"])
            token = page["metadata"].get("continue", "")
            # The items of a list don't say what they are; the list does.
            what = {"apiVersion": page["apiVersion"], "kind": kind}
            yield [{**what, **item} for item in page["items"]], version
            if not token:
                return

    async def apply(self, obj: Object) -> Object:
        """Write an object by server-side apply and return it as it is then.

        Raises:
            KubernetesError: it was not written.
        """
        return await self._apply(obj)

    async def rehearse(self, obj: Object) -> None:
        """Ask what `apply` would say, without a trace.

        Raises:
            KubernetesError: it would not be written.
        """
        await self._apply(obj, ("dryRun", "All"))

    async def merge(self, seen: Object, change: Object) -> Object:
        """Change some fields of an object that is still as it was read, and no others.

        A list is replaced as a whole.

        Raises:
            Conflict: it isn't.
            KubernetesError: it was not written.
        """
        meta = seen["metadata"]
        return await self._request(
            "PATCH",
            _path(seen["kind"], meta["namespace"], meta["name"]),
            body={**change, "metadata": {"resourceVersion": meta["resourceVersion"]}},
            query=[("fieldManager", names.FIELD_MANAGER)],
            content_type="application/merge-patch+json",
        )

    async def scale(self, deployment: Object, replicas: int) -> str:
        """Set the replicas of a Deployment that is still as it was read; its resourceVersion then.

        Raises:
            Conflict: it isn't.
            KubernetesError: it was not scaled.
        """
        meta = deployment["metadata"]
        found = await self._request(
            "PATCH",
            _path("Deployment", meta["namespace"], meta["name"]) + "/scale",
            body={
                "metadata": {"resourceVersion": meta["resourceVersion"]},
                "spec": {"replicas": replicas},
            },
            query=[("fieldManager", names.FIELD_MANAGER)],
            content_type="application/merge-patch+json",
        )
        version: str = found["metadata"]["resourceVersion"]
        return version

    async def create(self, obj: Object) -> Object:
        """Create an object that nobody has created. Raises: AlreadyExists, KubernetesError."""
        path = _path(obj["kind"], obj["metadata"]["namespace"])
        return await self._request("POST", path, body=obj)

    async def replace(self, obj: Object) -> Object:
        """Replace an object that is still at its resourceVersion.

        Raises:
            Conflict: it isn't.
            KubernetesError: it was not written.
        """
        meta = obj["metadata"]
        path = _path(obj["kind"], meta["namespace"], meta["name"])
        return await self._request("PUT", path, body=obj)

    async def delete(self, kind: str, seen: Object) -> None:
        """Delete an object that is still as it was read, and in the background what it owns.

        Gone already is fine.

        Raises:
            Conflict: it isn't.
            KubernetesError: it was not deleted.
        """
        meta = seen["metadata"]
        try:
            await self._request(
                "DELETE",
                _path(kind, meta["namespace"], meta["name"]),
                body={
                    "propagationPolicy": "Background",
                    "preconditions": {key: meta[key] for key in ("uid", "resourceVersion")},
                },
            )
        except NotFound:
            return

    async def replace_status(self, mdep: Object, status: Object) -> Object:
        """Replace the status, if the object is still at the resourceVersion that was read.

        Raises:
            Conflict: it isn't.
            KubernetesError: the status was not written.
        """
        meta = mdep["metadata"]
        body = {
            "apiVersion": names.API_VERSION,
            "kind": names.KIND,
            "metadata": {key: meta[key] for key in ("name", "namespace", "uid", "resourceVersion")},
            "spec": mdep["spec"],
            "status": status,
        }
        return await self._request(
            "PUT",
            _path(names.KIND, meta["namespace"], meta["name"]) + "/status",
            body=body,
            query=[("fieldManager", names.FIELD_MANAGER)],
        )

    async def create_event(self, namespace: str, event: Object) -> None:
        """Create an Event; the same one twice is one. Raises: KubernetesError."""
        try:
            await self._request("POST", _path("Event", namespace), body=event)
        except AlreadyExists:
            return  # its name is derived from what happened, so it was told already

    async def _apply(self, obj: Object, *more: tuple[str, str]) -> Object:
        meta = obj["metadata"]
        return await self._request(
            "PATCH",
            _path(obj["kind"], meta["namespace"], meta["name"]),
            body=obj,
            query=[("fieldManager", names.FIELD_MANAGER), ("force", "true"), *more],
            content_type="application/apply-patch+yaml",
        )

    async def _request(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        query: list[tuple[str, str]] | None = None,
        content_type: str = "application/json",
    ) -> Object:
        _, url, headers, *_ = await self._client.param_serialize(
            method,
            path,
            query_params=query or [],
            header_params={"Accept": "application/json", "Content-Type": content_type},
            auth_settings=["BearerToken"],
        )
        code = "none"
        try:
            # The body is not given above: it is JSON as it is, and would be copied part by part.
            response = await self._client.call_api(
                method, url, headers, body, _request_timeout=TIMEOUT_SECONDS
            )
            code = str(response.status)
            raw = await response.read()
        except ApiException as error:
            code = str(error.status or code)
            body = str(error.body or error.reason)
            raise _converted(error.status or 0, body, method, path, error.headers) from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise KubernetesError(f"{method} {path}: {type(error).__name__}: {error}") from error
        finally:
            self._counted(method, code)
        if not 200 <= response.status <= 299:
            body = raw.decode(errors="replace")
            raise _converted(response.status, body, method, path, response.headers)
        found: Object = json.loads(raw)
        return found


def _path(kind: str, namespace: str, name: str = "") -> str:
    group, plural = KINDS[kind]
    within = f"/namespaces/{namespace}" if namespace else ""
    return f"{group}{within}/{plural}" + (f"/{name}" if name else "")


def _converted(
    status: int, body: str, method: str, path: str, headers: Mapping[str, str] | None
) -> KubernetesError:
    try:
        said = json.loads(body)
        message, reason = said.get("message", body), said.get("reason")
    except (ValueError, AttributeError):
        message, reason = body, None
    text = f"{method} {path}: {status} {message}"
    if status == 409:
        return AlreadyExists(text) if reason == "AlreadyExists" else Conflict(text)
    if status == 404:
        return NotFound(text)
    if status == 410:
        return Expired(text)
    if status == 413 or "request is too large" in message:
        return TooLarge(text)
    if status == 422 or message.startswith(_NO_OBJECT):
        return Invalid(text)
    if status in (400, 403, 405):
        return Refused(text)
    return KubernetesError(text, _retry_after(headers or {}))


def _retry_after(headers: Mapping[str, str]) -> float:
    """Return the seconds that an answer asks to wait. The API server never sends a date here."""
    value = headers.get("Retry-After", "")
    return float(min(int(value), LONGEST_WAIT)) if value.isdigit() else 0.0
