"""Which cluster a command is about: that of a kubeconfig, or inside a cluster its own.

Whatever is wrong with the file ends a command with words, never with a traceback: people write
these files by hand. Neighbour: `connection` is the API server that comes of it.
"""

import os
from typing import Any

import urllib3
import yaml
from kubernetes import config
from kubernetes.client import ApiClient, Configuration
from kubernetes.config.kube_config import KubeConfigLoader, KubeConfigMerger

from ..exits import CommandFailed
from .connection import Cluster
from .suggesting import Given

_LOOK = "kubectl config get-contexts"


def connect(kubeconfig: str | None, context: str | None, namespace: str | None) -> Cluster:
    """Return the cluster that was asked for. Raises: CommandFailed."""
    given = Given(kubeconfig, context)
    file = kubeconfig or os.environ.get("KUBECONFIG") or "~/.kube/config"
    configuration = Configuration()
    configuration.retries = urllib3.Retry(total=0)
    default: str | None = None
    try:
        merged = KubeConfigMerger(file).config
        if merged is None and (kubeconfig or context or not _inside(configuration)):
            raise CommandFailed(f"no cluster: there is no kubeconfig at {file}", _LOOK)
        if merged is not None:
            default = _load(merged, given, configuration)
    except config.ConfigException as error:
        raise CommandFailed(f"no cluster: {error}", given.command(_LOOK)) from error
    except (OSError, yaml.YAMLError, AttributeError, LookupError, TypeError, ValueError) as error:
        text = f"no cluster: {file} is no kubeconfig that can be read: {error}"
        raise CommandFailed(text, f"{_LOOK} --kubeconfig {file}") from error
    return Cluster(ApiClient(configuration), namespace or default or "default", given)


def _load(merged: Any, given: Given, configuration: Configuration) -> str | None:
    """Fill in how the API server is reached; the context's namespace.

    Raises: CommandFailed, ConfigException, and whatever a file that is no kubeconfig leads to.
    """
    contexts = [one["name"] for one in merged.value["contexts"]]
    if given.context is not None and given.context not in contexts:
        text = f"no cluster: there is no context {given.context}; there are: {', '.join(contexts)}"
        raise CommandFailed(text, Given(given.kubeconfig).command(_LOOK))
    loader = KubeConfigLoader(merged, active_context=given.context)
    loader.load_and_set(configuration)
    active = loader.current_context["context"]
    user = merged["users"].get_with_name(active["user"])["user"] if active.get("user") else {}
    gave = "BearerToken" in configuration.api_key or configuration.cert_file
    if "exec" in user and not gave:
        text = f"no cluster: {user['exec']['command']}, which the kubeconfig asks for credentials,"
        raise CommandFailed(f"{text} gave none", given.command("kubectl auth whoami"))
    namespace: str | None = active.get("namespace")
    return namespace


def _inside(configuration: Configuration) -> bool:
    """Take the API server of the pod that this runs in; False outside of any."""
    try:
        config.load_incluster_config(configuration)
    except config.ConfigException:
        return False
    return True
