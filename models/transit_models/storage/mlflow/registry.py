"""The API of MLflow's model registry, as far as it is needed: models, versions, aliases, places.

Neighbours: `client` asks; `storage` makes a store of models of it.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from transit_models.errors import StorageUnavailable
from transit_models.storage.mlflow.client import Client

_PAGE = 1000
_PAGES = 1000  # what is more is no list
_READY = "READY"


class Registry:
    """The registered models of the server that `client` asks."""

    def __init__(self, client: Client) -> None:
        self.client = client

    def models(self) -> list[str]:
        """The names of all."""
        pages = self._pages("mlflow/registered-models/search", {}, "registered_models")
        with self._understood():
            return [str(model["name"]) for page in pages for model in page]

    def numbers(self, name: str) -> list[int]:
        """The versions of a model that are whole, lowest first; none if there is no such model."""
        query = {"filter": f"name='{name}'"}  # names have no quotes: see `versions.check_name`
        pages = self._pages("mlflow/model-versions/search", query, "model_versions")
        with self._understood():
            return sorted(
                int(version["version"])
                for page in pages
                for version in page
                if version.get("status", _READY) == _READY
            )

    def aliases(self, name: str) -> Mapping[str, int] | None:
        """What each alias of a model names; None if there is no such model."""
        said = self.client.json("mlflow/registered-models/get", {"name": name})
        if said is None:
            return None
        with self._understood():
            found = said["registered_model"].get("aliases") or []
            return {str(one["alias"]): int(one["version"]) for one in found}

    def status(self, name: str, number: int) -> str | None:
        """What is the matter with a version that isn't whole; empty if it is, None if there is
        none.
        """
        query: dict[str, str | int] = {"name": name, "version": number}
        said = self.client.json("mlflow/model-versions/get", query)
        if said is None:
            return None
        with self._understood():
            version = said["model_version"]
            status = str(version.get("status", _READY))
            return "" if status == _READY else f"{status} {version.get('status_message') or ''}"

    def place(self, name: str, number: int) -> str | None:
        """The address of a version's files; None if there is no such version."""
        query: dict[str, str | int] = {"name": name, "version": number}
        said = self.client.json("mlflow/model-versions/get-download-uri", query)
        if said is None:
            return None
        with self._understood():
            return str(said["artifact_uri"])

    def _pages(self, path: str, query: Mapping[str, str], of: str) -> Iterator[list[Any]]:
        token = ""
        for _ in range(_PAGES):
            asked: dict[str, str | int] = {**query, "max_results": _PAGE}
            if token:
                asked["page_token"] = token
            page = self.client.json(path, asked)
            if page is None:
                return
            yield page.get(of) or []
            token = str(page.get("next_page_token") or "")
            if not token:
                return
        raise StorageUnavailable(f"{self.client.uri}: the list of {of} has no end")

    @contextmanager
    def _understood(self) -> Iterator[None]:
        try:
            yield
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise StorageUnavailable(
                f"{self.client.uri} says of its registry what is not understood: "
                f"{type(error).__name__} {error}"[:300]
            ) from error
