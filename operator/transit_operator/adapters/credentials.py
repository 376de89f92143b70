"""Who we are to the Kubernetes API: the pod's service account, or else kubectl's kubeconfig."""

from kubernetes.aio.client import Configuration
from kubernetes.aio.config import ConfigException, load_incluster_config, load_kube_config


async def load_credentials(configuration: Configuration) -> None:
    """Fill in address and credentials. Raises: ConfigException."""
    try:
        load_incluster_config(configuration)
    except ConfigException:
        await load_kube_config(client_configuration=configuration)
