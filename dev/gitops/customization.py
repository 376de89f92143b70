"""The ConfigMap by which an Argo CD knows ModelDeployments, made of `deploy/argocd`.

`python -m dev.gitops.customization` prints it (`make argocd` writes it). The files it is made of
are in the form that argo-cd itself takes (`resource_customizations/GROUP/KIND`), for the day on
which it has them. Neighbour: `dev.cluster.addons` installs the ConfigMap as a user would.
"""

from __future__ import annotations

from pathlib import Path

HERE = Path(__file__).resolve().parents[2] / "deploy" / "argocd"
FOLDER = HERE / "resource_customizations" / "transit.dev" / "ModelDeployment"
CONFIGMAP = HERE / "argocd-cm.yaml"
KEY = "transit.dev_ModelDeployment"
HEAD = """\
# Made by `make argocd` of the files in resource_customizations: change those.
# It adds two keys to the ConfigMap that Argo CD reads its settings from, and leaves the others:
#   kubectl apply --server-side -n argocd -f deploy/argocd/argocd-cm.yaml
apiVersion: v1
kind: ConfigMap
metadata:
  name: argocd-cm
  labels:
    app.kubernetes.io/part-of: argocd
data:
"""


def verbs() -> list[str]:
    """Return the names of the actions."""
    return sorted(file.parent.name for file in FOLDER.glob("actions/*/action.lua"))


def configmap() -> str:
    """Return the ConfigMap."""
    health = _block("health.lua", 4)
    actions = [f"    discovery.lua: |\n{_block('actions/discovery.lua', 6)}    definitions:\n"]
    for verb in verbs():
        lua = _block(f"actions/{verb}/action.lua", 10)
        actions.append(f"      - name: {verb}\n        action.lua: |\n{lua}")
    return (
        f"{HEAD}"
        f"  resource.customizations.health.{KEY}: |\n{health}"
        f"  resource.customizations.actions.{KEY}: |\n{''.join(actions)}"
    )


def _block(file: str, indent: int) -> str:
    """Return a file as the lines of a YAML block."""
    lines = (FOLDER / file).read_text().splitlines()
    return "".join(f"{' ' * indent}{line}\n" if line else "\n" for line in lines)


if __name__ == "__main__":
    print(configmap(), end="")
