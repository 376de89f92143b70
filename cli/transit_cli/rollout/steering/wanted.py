"""A change of the versions that a spec asks for, as a JSON patch. Pure.

The patch tests what it replaces, so that two who change it at one time don't undo each other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Object = dict[str, Any]

# Labels and annotations by which tools mark what they own.
_OWNERS = {
    "argocd.argoproj.io/tracking-id": "Argo CD",
    "argocd.argoproj.io/instance": "Argo CD",
    "kustomize.toolkit.fluxcd.io/name": "Flux",
    "helm.toolkit.fluxcd.io/name": "Flux",
    "meta.helm.sh/release-name": "Helm",
}


class NotAVersion(Exception):
    """What was given says no version of a model that there is."""


@dataclass(frozen=True)
class Change:
    """One model's version, before and after."""

    index: int
    model: str
    before: str
    after: str

    @property
    def patch(self) -> list[Object]:
        """Return the operations of a JSON patch."""
        path = f"/spec/models/{self.index}"
        return [
            {"op": "test", "path": f"{path}/name", "value": self.model},
            {"op": "test", "path": f"{path}/version", "value": self.before},
            {"op": "replace", "path": f"{path}/version", "value": self.after},
        ]


def parsed(texts: Sequence[str], mdep: Object) -> dict[str, str]:
    """Return versions by model, from `xgboost=1.2.0`; of one model `1.2.0` is enough.

    Raises: NotAVersion.
    """
    names = [model["name"] for model in mdep["spec"]["models"]]
    found: dict[str, str] = {}
    for text in texts:
        model, equals, version = text.partition("=")
        if not equals and len(names) == 1:
            model, version = names[0], text
        if not version or not model:
            raise NotAVersion(f"{text!r} is not MODEL=VERSION; the models are {', '.join(names)}")
        if model not in names:
            raise NotAVersion(f"there is no model {model!r}; the models are {', '.join(names)}")
        found[model] = version
    return found


def change(mdep: Object, versions: Mapping[str, str]) -> list[Change]:
    """Return what differs from the spec as it is."""
    return [
        Change(index, model["name"], model["version"], versions[model["name"]])
        for index, model in enumerate(mdep["spec"]["models"])
        if versions.get(model["name"], model["version"]) != model["version"]
    ]


def owner(mdep: Object) -> str:
    """Return the tool that writes this spec from elsewhere; empty where none is known."""
    meta = mdep["metadata"]
    marks = {**(meta.get("labels") or {}), **(meta.get("annotations") or {})}
    return next((tool for mark, tool in _OWNERS.items() if mark in marks), "")
