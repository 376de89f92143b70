"""A release of the chart for namespaces of its own, beside others: what a test may do anything to.

It has no right in the cluster as a whole, and no other operator looks at its namespaces while the
installed ones are away (`alone` of `conftest.py`).
"""

import uuid
from types import TracebackType

from dev.client.kube import Kube
from dev.demo.provision.install import CHART, VALUES, of_this_cluster

NAME = "own"
DEPLOYMENT = LEASE = f"{NAME}-operator"


class Release:
    """Use as a context manager. `models` are the namespaces that it watches, made with it."""

    def __init__(self, kube: Kube, what: str, *values: str, models: int = 1) -> None:
        """`values` are Helm's, as `config.workers=4`."""
        suffix = uuid.uuid4().hex[:6]
        self.kube = kube
        self.system = f"test-{what}-system-{suffix}"
        self.models = [f"test-{what}-{number}-{suffix}" for number in range(models)]
        self._values = values

    def __enter__(self) -> "Release":
        try:
            for namespace in self.models:
                self.kube("create", "namespace", namespace)
            watched = f"config.namespaces={{{','.join(self.models)}}}"
            mine = ("crds.enabled=false", "rbac.aggregateClusterRoles=false", "replicas=1")
            values = (*of_this_cluster(self.kube), *mine, watched, *self._values)
            self.kube.helm(
                *("install", NAME, CHART, "-n", self.system, "--create-namespace"),
                *("--wait", "--timeout", "120s", "--values", VALUES),
                *(f"--set={value}" for value in values),
            )
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: object, traceback: TracebackType | None
    ) -> None:
        self._remove()

    def _remove(self) -> None:
        self.kube.helm("uninstall", NAME, "-n", self.system, "--ignore-not-found")
        for namespace in (*self.models, self.system):
            self.kube("delete", "namespace", namespace, "--wait=false", "--ignore-not-found")

    @property
    def account(self) -> str:
        """kubectl's option to ask as its operator."""
        return f"--as=system:serviceaccount:{self.system}:{NAME}-operator"

    def log(self) -> str:
        """What its operator has said."""
        return self.kube("-n", self.system, "logs", f"deployment/{DEPLOYMENT}", "--tail=-1")
