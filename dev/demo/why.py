"""The demo's last rollback, as the command line explains it: `transit why`.

Neighbours: `cli/transit_cli` is the program, run here as a person would run it.
"""

import os
import subprocess
import sys

from .kube import Kube
from .stage import NAME, NAMESPACE


def print_why(cluster: Kube) -> None:
    """Print the answer; where there is none, what the program says instead."""
    environment = dict(os.environ)
    if cluster.kubectl.kubeconfig is not None:
        environment["KUBECONFIG"] = str(cluster.kubectl.kubeconfig)
    arguments = ["why", NAME, "-n", NAMESPACE]
    print(f"\n$ transit {' '.join(arguments)}", flush=True)
    command = [sys.executable, "-m", "transit_cli", *arguments]
    subprocess.run(command, env=environment, check=False)
    print(flush=True)
