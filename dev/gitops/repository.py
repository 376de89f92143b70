"""A Git repository on the cluster, for Argo CD to read: each commit is a whole tree.

Commits are streams for `git fast-import` in the pod of the Git server (dev.cluster argocd): no
clone, no port-forward. Neighbour: `application.py` has Argo CD sync it.
"""

import time
from collections.abc import Mapping

from dev.client.kube import Kube

NAMESPACE = "argocd"
_SERVER = "deployment/git"
_AUTHOR = "Transit <transit@example.com>"


class Repository:
    """A repository with one branch, `main`. Made anew: an earlier one of its name is gone."""

    def __init__(self, kube: Kube, name: str) -> None:
        self.url = f"git://git.{NAMESPACE}.svc/{name}.git"
        self._kube = kube
        self._folder = f"/srv/git/{name}.git"
        self._run("rm", "-rf", self._folder)
        self._run("git", "init", "--quiet", "--bare", "--initial-branch=main", self._folder)
        self._commit({"README.md": "What Argo CD syncs.\n"}, "Begin", first=True)

    def commit(self, files: Mapping[str, str], message: str) -> str:
        """Have `main` hold just these files (path → text); the commit. Raises `StepFailed`."""
        return self._commit(files, message)

    def _commit(self, files: Mapping[str, str], message: str, *, first: bool = False) -> str:
        lines = [
            "commit refs/heads/main",
            f"committer {_AUTHOR} {int(time.time())} +0000",
            _data(message),
            *([] if first else ["from refs/heads/main^0"]),
            "deleteall",
            *(f"M 100644 inline {path}\n{_data(text)}" for path, text in files.items()),
            "done",
        ]
        git = ("git", "-C", self._folder)
        self._run(*git, "fast-import", "--quiet", "--done", stdin="\n".join(lines) + "\n")
        return self._run(*git, "rev-parse", "main").strip()

    def _run(self, *command: str, stdin: str | None = None) -> str:
        flags = ["-i"] if stdin is not None else []
        where = ("-n", NAMESPACE, "exec", *flags, _SERVER, "--")
        return self._kube(*where, *command, stdin=stdin)


def _data(text: str) -> str:
    return f"data {len(text.encode())}\n{text}"
