"""The API server: a few requests, and one place that turns its errors into advice.

Objects are plain dictionaries as the API server sends them. Neighbours: `kubeconfig` says which one
it is, `modeldeployments` knows the paths, `following` the watch.
"""

from collections.abc import Iterator
from typing import Any

import urllib3
from kubernetes.client import ApiClient, Configuration
from kubernetes.client.exceptions import ApiException
from kubernetes.client.rest import RESTResponse

from ..exits import CommandFailed, Exit
from .decoding import decoded
from .suggesting import Given

Object = dict[str, Any]
Query = list[tuple[str, str]]
Body = Object | list[Object]

CONNECT_SECONDS = 10.0
READ_SECONDS = 30.0
LONGEST_SECONDS = 300.0  # between two lines of a watch, which the API server ends before that
_NOTHING = Given()


class NotFound(CommandFailed):
    """There is no such object, or the cluster doesn't know its kind."""


class Forbidden(CommandFailed):
    """This user has no right to that."""


class Cluster:
    """One API server, seen as one user. `namespace` is the one that commands are about."""

    def __init__(self, client: ApiClient, namespace: str, given: Given = _NOTHING) -> None:
        self.namespace = namespace
        self._client = client
        self._given = given

    def within(self, namespace: str) -> "Cluster":
        """Return the same API server and user, for another namespace."""
        return Cluster(self._client, namespace, self._given)

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

    def command(self, text: str) -> str:
        """Return a command to suggest, as it reaches this cluster."""
        return self._given.command(text)

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
            raise CommandFailed(text, self.command("kubectl cluster-info")) from error
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
            said = str(error.body or error.reason)
            raise self._failure(error.status or 0, said, path) from error
        except (urllib3.exceptions.HTTPError, OSError) as error:
            text = f"no API server answers at {self.host}"
            if isinstance(why := getattr(error, "reason", None), urllib3.exceptions.SSLError):
                text = f"no secure connection to the API server at {self.host}: {why}"
            raise CommandFailed(text, self.command("kubectl cluster-info")) from error
        if not 200 <= response.status <= 299:
            said = response.read().decode(errors="replace")
            raise self._failure(response.status, said, path)
        return response

    def _failure(self, status: int, body: str, path: str) -> CommandFailed:
        try:
            said = decoded(body).get("message", body)
        except (ValueError, AttributeError):
            said = body
        if status == 401:
            return CommandFailed(
                "the API server doesn't know you", self.command("kubectl auth whoami")
            )
        if status == 403:
            look = self.command(f"kubectl auth can-i --list -n {self.namespace}")
            return Forbidden(f"you may not do that: {said}", look)
        if status == 404:
            return NotFound(str(said))
        if status == 422:
            return CommandFailed(str(said), code=Exit.REFUSED)
        return CommandFailed(f"the API server refused {path}: {status} {said}")

    @property
    def host(self) -> str:
        """Return the API server's address."""
        return str(self._client.configuration.host)
