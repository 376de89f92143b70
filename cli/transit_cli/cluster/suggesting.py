"""Commands that are suggested: they reach the cluster that the command before them reached.

A suggestion is pasted into a shell whose kubeconfig has another context, and a `retry` that goes
to another cluster is worse than none. Neighbours: `rollout.status.named` names the namespace;
`kubeconfig` knows what was given.
"""

import shlex
from dataclasses import dataclass

_CONTEXT_OF_HELM = "--kube-context"


@dataclass(frozen=True)
class Given:
    """The options by which a cluster was chosen, as far as they were given."""

    kubeconfig: str | None = None
    context: str | None = None

    def command(self, text: str) -> str:
        """Return a command of transit, kubectl or helm with the same options."""
        context = _CONTEXT_OF_HELM if text.startswith("helm ") else "--context"
        options = ("--kubeconfig", self.kubeconfig), (context, self.context)
        return " ".join([text, *(f"{key} {shlex.quote(value)}" for key, value in options if value)])
