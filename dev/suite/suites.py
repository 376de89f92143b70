"""The table of suites, in the order in which `make test` runs them.

Neighbours: `__main__` runs them; `changed` asks which of them a change can reach.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Suite:
    """One pytest run. `runs` are the parts of the tree that its processes and pods run.

    One that is `by_name` needs what takes long to build or to install: it is run where it is named,
    and only there. One that computes all the time and needs nothing of the cluster is run `beside`
    one that mostly waits, where both are run: it begins with that one, and may outlast it.
    """

    name: str
    what: str
    folders: tuple[str, ...]
    options: tuple[str, ...] = ()
    runs: tuple[str, ...] = ()
    cluster: bool = False
    by_name: bool = False
    beside: str = ""

    def command(self, python: str, files: tuple[str, ...] = ()) -> list[str]:
        """The command line, of the whole suite or of some of its files."""
        return [python, "-m", "pytest", "-q", *(files or self.folders), *self.options]


_SERVER = ("server/transit_server/", "models/transit_models/")
_OPERATOR = ("operator/transit_operator/", "registry/transit_registry/", "crds/", "charts/")
_PUPPETS = (*_OPERATOR, "tests/puppet/", "Dockerfile.operator", "tests/scenarios/scene.py")


def _side_by_side(workers: int, marks: str = "", dist: str = "load") -> tuple[str, ...]:
    """Options for several workers; `loadfile` keeps a file's tests together and in order."""
    return ("-n", str(workers), f"--dist={dist}", *(("-m", marks) if marks else ()))


SUITES = (
    Suite(
        "unit",
        "the pure core by tables and properties; the puppet",
        ("tests/unit", "tests/puppet"),
        _side_by_side(2),
    ),
    Suite(
        "chart",
        "the chart's templates with every value, its rules and dashboards",
        ("tests/chart",),
        _side_by_side(2),
        runs=("charts/", "crds/", "deploy/"),
    ),
    Suite(
        "page",
        "the live page as a process, before the operator's own rules; no cluster",
        ("tests/page",),
        _side_by_side(2, "not browser", "loadfile"),
        runs=("cli/transit_cli/", "charts/", "crds/"),
    ),
    Suite(
        "server",
        "model store, registry, receivers of notifications and real server processes",
        ("tests/models", "tests/notifying", "tests/registry", "tests/server"),
        _side_by_side(4, "not timing", "loadfile"),
        runs=_SERVER,
        beside="e2e",
    ),
    Suite(
        "timing",
        "how long a server takes: it has the machine to itself",
        ("tests/models", "tests/server"),
        ("-m", "timing"),
        runs=_SERVER,
    ),
    Suite(
        "scenarios",
        "API server, objects, policies, commands, faults, command line: a server plays its part",
        ("tests/api", "tests/scenarios", "tests/cli"),
        _side_by_side(8, "not disruptive", "worksteal"),
        runs=(*_PUPPETS, "cli/transit_cli/", "Dockerfile.dashboard"),
        cluster=True,
    ),
    Suite(
        "e2e",
        "whole rollouts of real models under real traffic",
        ("tests/e2e",),
        _side_by_side(3, "not disruptive", "loadfile"),
        runs=(*_OPERATOR, *_SERVER, "dev/demo/", "Dockerfile.operator", "Dockerfile.server"),
        cluster=True,
    ),
    Suite(
        "failover",
        "operators of the tests' own: killed, frozen, cut off, badly answered",
        ("tests/failover",),
        _side_by_side(4, dist="loadfile"),
        runs=_PUPPETS,
        cluster=True,
    ),
    Suite(
        "disruptive",
        "what all share is taken away: operator, Prometheus, a node",
        ("tests/scenarios", "tests/e2e"),
        ("-m", "disruptive"),
        runs=(*_PUPPETS, "dev/demo/"),
        cluster=True,
    ),
    Suite(
        "browser",
        "the live page in a real Chromium; `make test-page`, not part of `make test`",
        ("tests/page",),
        ("-m", "browser"),
        by_name=True,
    ),
    Suite(
        "watched",
        "the live page during a rollout; `make test-page-live`, not part of `make test`",
        ("tests/chromium",),
        ("-m", "browser"),
        runs=(*_PUPPETS, "cli/transit_cli/"),
        cluster=True,
        by_name=True,
    ),
    Suite(
        "gitops",
        "rollouts that a real Argo CD syncs from Git; `make test-gitops`, not part of `make test`",
        ("tests/gitops",),
        _side_by_side(4, dist="worksteal"),
        cluster=True,
        by_name=True,
    ),
    Suite(
        "envoy",
        "rollouts behind a real Envoy Gateway; `make test-envoy`, not part of `make test`",
        ("tests/envoy",),
        _side_by_side(2, dist="worksteal"),
        runs=_PUPPETS,
        cluster=True,
        by_name=True,
    ),
)
