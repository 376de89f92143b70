"""Who asks a store of objects, and whom to trust: variables, and a Secret that is mounted.

Where a Secret is mounted as well (TRANSIT_STORAGE_SECRET names the directory), its files go before
the variables: they change when the Secret does, which variables of a process never do. A file
`ca.crt` there is the authority of a store of one's own. Neighbours: `objects` looks at each call,
`kinds` knows which entries mean something.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from transit_models.errors import StorageUnavailable

SECRET = "TRANSIT_STORAGE_SECRET"
CA = "ca.crt"
DOCKER_SECRET = ".dockerconfigjson"  # of a Secret of the type kubernetes.io/dockerconfigjson
_VARIABLES = ("AWS_", "GOOGLE_", "AZURE_", "OCI_", "MLFLOW_", "DOCKER_CONFIG", "HTTP_AUTHORIZATION")


@dataclass(frozen=True)
class Told:
    """What is known at one moment: the `mounted` entries, and the variables beside them."""

    mounted: Mapping[str, str] = field(repr=False)
    environment: Mapping[str, str] = field(repr=False)
    secret: str = "storage.secretName"  # the field of a ModelDeployment, or value, that mounts it

    def get(self, *names: str) -> str | None:
        """The first of `names` that says something; what is mounted goes before."""
        everything = {**self.environment, **self.mounted}
        return next((everything[name] for name in names if everything.get(name)), None)

    @property
    def authority(self) -> str | None:
        """Certificates (PEM) to trust beside those of the system."""
        if authority := self.mounted.get(CA):
            return authority
        bundle = self.environment.get("AWS_CA_BUNDLE")
        try:
            return Path(bundle).read_text() if bundle else None
        except OSError as error:
            raise StorageUnavailable(f"AWS_CA_BUNDLE can't be read: {error}") from error


def told(environment: Mapping[str, str] = os.environ) -> Told:
    """What the variables and the mounted Secret say now."""
    directory = environment.get(SECRET)
    return Told(_mounted_in(Path(directory)) if directory else {}, _variables(environment))


def told_by(directory: Path, secret: str, environment: Mapping[str, str] = os.environ) -> Told:
    """What the Secret in `directory` says now, and what it doesn't, the variables."""
    return Told(_mounted_in(directory), _variables(environment), secret)


def _variables(environment: Mapping[str, str]) -> dict[str, str]:
    return {k: v for k, v in environment.items() if k.startswith(_VARIABLES)}


def _mounted_in(directory: Path) -> dict[str, str]:
    """The entries of a mounted Secret."""
    mounted = {}
    # What begins with a dot is the kubelet's own, but for this one.
    for file in (*sorted(directory.glob("[!.]*")), *directory.glob(DOCKER_SECRET)):
        try:
            mounted[file.name] = file.read_text().strip()
        except (OSError, UnicodeDecodeError):  # it is being replaced, or none of ours
            continue
    return mounted
