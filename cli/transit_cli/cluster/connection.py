"""The API server: a few requests, and one place that turns its errors into advice.

Objects are plain dictionaries as the API server sends them. Neighbours: `modeldeployments` and
`pods` know the paths, `following` the watch.
"""

import os
from collections.abc import Iterator
from typing import Any

import urllib3
from kubernetes import config
from kubernetes.client import ApiClient, Configuration
from kubernetes.client.exceptions import ApiException
from kubernetes.client.rest import RESTResponse

from ..exits import CommandFailed, Exit
from .decoding import decoded

Object = dict[str, Any]
Query = list[tuple[str, str]]
Body = Object | list[Object]

CONNECT_SECONDS = 10.0
READ_SECONDS = 30.0
LONGEST_SECONDS = 300.0  # between two lines of a watch, which the API server ends before that


class NotFound(CommandFailed):
    """There is no such object, or the cluster doesn't know its kind."""


class Cluster:
    """One API server, seen as one user. `namespace` is the one that commands are about."""

    def __init__(self, client: ApiClient, namespace: str) -> None:
        self.namespace = namespace
        self._client = client

    def within(self, namespace: str) -> "Cluster":
        """Return the same API server and user, for another namespace."""
        return Cluster(self._client, namespace)

    def bearing(self, token: str) -> "Cluster":
        """Return the same API server for whoever this token is of, with nothing of our own user."""
        mine = self._client.configuration
        theirs = Configuration(
            host=mine.host,
            api_key={"BearerToken": f"Bearer {token}"},
            retries=urllib3.Retry(total=0),
            ssl_ca_cert=mine.ssl_ca_cert,
            ca_cert_data=mine.ca_cert_data,
            verify_ssl=mine.verify_ssl,
            tls_server_name=mine.tls_server_name,
        )
        return Cluster(ApiClient(theirs), self.namespace)

    def get(self, path: str, query: Query | None = None) -> Object:
        """Return an object or a list. Raises: CommandFailed."""
        return self._json("GET", path, query)

    def ask(self, path: str, body: Object) -> Object:
        """Put a question that is an object, such as a review; the answer. Raises: CommandFailed."""
        return self._json("POST", path, None, body)

    def patch(self, path: str, body: Body, content_type: str, query: Query | None = None) -> Object:
        """Change an object; what it is then. Raises: CommandFailed."""
        return self._json("PATCH", path, query, body, content_type)

    def lines(self, path: str, query: Query) -> Iterator[str]:
        """Yield the lines of an answer as they come, until the other side ends it.

        Raises: CommandFailed.
        """
        response = self._request("GET", path, query, read_seconds=LONGEST_SECONDS).response
        rest = b""
        try:
            for chunk in response.stream(amt=None, decode_content=True):
                *lines, rest = (rest + chunk).split(b"\n")
                yield from (line.decode() for line in lines if line)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise CommandFailed(f"the connection to the API server broke: {error}") from error
        finally:
            response.close()

    def _json(
        self,
        method: str,
        path: str,
        query: Query | None,
        body: Body | None = None,
        content_type: str = "application/json",
    ) -> Object:
        response = self._request(method, path, query or [], body, content_type)
        try:
            found = decoded(response.read())
        except ValueError as error:
            text = f"{self.host} did not answer as an API server does"
            raise CommandFailed(text, "kubectl cluster-info") from error
        if not isinstance(found, dict):
            raise CommandFailed(f"{path} is no object")
        return found

    def _request(
        self,
        method: str,
        path: str,
        query: Query,
        body: Body | None = None,
        content_type: str = "application/json",
        read_seconds: float = READ_SECONDS,
    ) -> RESTResponse:
        request = self._client.param_serialize(
            method,
            path,
            query_params=query,
            header_params={"Accept": "application/json", "Content-Type": content_type},
            body=body,
            auth_settings=["BearerToken"],
        )
        try:
            response = self._client.call_api(
                *request, _request_timeout=(CONNECT_SECONDS, read_seconds)
            )
        except ApiException as error:
            raise _failure(error.status or 0, str(error.body or error.reason), path) from error
        except (urllib3.exceptions.HTTPError, OSError) as error:
            text = f"no API server answers at {self.host}"
            raise CommandFailed(text, "kubectl cluster-info") from error
        if not 200 <= response.status <= 299:
            raise _failure(response.status, response.read().decode(errors="replace"), path)
        return response

    @property
    def host(self) -> str:
        """Return the API server's address."""
        return str(self._client.configuration.host)


def connect(kubeconfig: str | None, context: str | None, namespace: str | None) -> Cluster:
    """Return the cluster of a kubeconfig, or inside a cluster its own. Raises: CommandFailed."""
    configuration = Configuration()
    configuration.retries = urllib3.Retry(total=0)
    default = "default"
    file = kubeconfig or os.environ.get("KUBECONFIG") or "~/.kube/config"
    try:
        config.load_kube_config(file, context, configuration)
        contexts, active = config.list_kube_config_contexts(file)
        if context is not None:
            active = next(one for one in contexts if one["name"] == context)
        default = active["context"].get("namespace") or default
    except config.ConfigException as error:
        if kubeconfig is not None or context is not None or not _inside():
            text = f"no cluster: {error}"
            raise CommandFailed(text, "kubectl config get-contexts") from error
        config.load_incluster_config(configuration)
    return Cluster(ApiClient(configuration), namespace or default)


def _inside() -> bool:
    """Tell whether this runs in a pod that may ask its API server."""
    try:
        config.load_incluster_config(Configuration())
    except config.ConfigException:
        return False
    return True


def _failure(status: int, body: str, path: str) -> CommandFailed:
    try:
        said = decoded(body).get("message", body)
    except (ValueError, AttributeError):
        said = body
    if status == 401:
        return CommandFailed("the API server doesn't know you", "kubectl auth whoami")
    if status == 403:
        return CommandFailed(f"you may not do that: {said}", "kubectl auth can-i --list")
    if status == 404:
        return NotFound(str(said))
    if status == 422:
        return CommandFailed(str(said), code=Exit.REFUSED)
    return CommandFailed(f"the API server refused {path}: {status} {said}")
