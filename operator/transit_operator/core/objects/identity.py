"""The labels by which what belongs to a ModelDeployment, and to a revision of it, is found."""

from typing import Final

from ...api import names

SERVERS: Final = {"app.kubernetes.io/name": "transit-server"}  # and no pod beside them


def revision_labels(name: str, revision: str) -> dict[str, str]:
    """Return the labels of everything that belongs to one revision."""
    return {
        names.LABEL_MODEL_DEPLOYMENT: name,
        names.LABEL_REVISION: revision,
        **SERVERS,
        "app.kubernetes.io/instance": name,
        "app.kubernetes.io/version": revision,
        **names.MANAGED_BY,
    }


def selector(name: str, revision: str | None = None) -> dict[str, str]:
    """Return the pod labels of a ModelDeployment, or of one revision of it."""
    found = {names.LABEL_MODEL_DEPLOYMENT: name}
    return found | ({names.LABEL_REVISION: revision} if revision else {})
