"""Who we are to the Kubernetes API, and the way there: service account or kubeconfig, proxy."""

from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from kubernetes.aio.client import Configuration
from kubernetes.aio.config import ConfigException, load_incluster_config, load_kube_config


async def load_credentials(configuration: Configuration) -> None:
    """Fill in address, credentials and proxy. Raises: ConfigException.

    The credentials are those of the pod's service account, or else of kubectl's kubeconfig.
    """
    try:
        load_incluster_config(configuration)
    except ConfigException:
        await load_kube_config(client_configuration=configuration)
    if not configuration.proxy:
        configuration.proxy = _proxy(configuration.host)
    # Else aiohttp looks the proxy and a netrc up for each request, both in a thread: two hand-overs
    # of the interpreter before a request is sent, which take long when there is much to do.
    configuration.client_session_kwargs = {"trust_env": False}


def _proxy(url: str) -> str | None:
    """Return the proxy that the environment names for a URL. One that speaks TLS is not used."""
    parts = urlsplit(url)
    if not parts.hostname or proxy_bypass(parts.hostname):
        return None
    found = getproxies().get(parts.scheme)
    return None if found is None or found.startswith("https:") else found
