"""Connections to servers over HTTP: whom they trust, how long they wait, what is tried again.

No redirect is followed here: who asks knows whom it may say what. Neighbours: `oci.client` and
`mlflow.client` ask over them; obstore, which asks for objects, has its own.
"""

import ssl
import urllib.request
from typing import Any

import urllib3
from urllib3.exceptions import HTTPError, MaxRetryError, SSLError

from transit_models.errors import StorageUnavailable
from transit_models.storage.objects.secret import Told

WAIT = urllib3.Timeout(connect=5, read=20)

_POOL = 16  # connections to a host: those of all pieces of all files
_SAID = 300


def connections(told: Told, scheme: str, host: str) -> urllib3.PoolManager:
    """Those to `host`, through a proxy if the variables name one. Waits are bounded, and what may
    work the next time is tried again. Raises `StorageUnavailable` for an authority of no use.
    """
    context = ssl.create_default_context()
    if authority := told.authority:
        try:
            context.load_verify_locations(cadata=authority)
        except (ssl.SSLError, ValueError) as error:
            raise StorageUnavailable(f"ca.crt can't be used: {error}") from error
    options: dict[str, Any] = {
        "maxsize": _POOL,
        "ssl_context": context,
        "retries": urllib3.Retry(
            total=3,
            redirect=0,
            status_forcelist=(429, 500, 502, 503, 504),
            backoff_factor=0.2,
            backoff_max=5,
            retry_after_max=10,
            raise_on_status=False,
        ),
    }
    proxy = urllib.request.getproxies().get(scheme)
    if not proxy or urllib.request.proxy_bypass(host):
        return urllib3.PoolManager(**options)
    return urllib3.ProxyManager(proxy, **options)


def unreachable(uri: str, error: HTTPError, plain_http: str) -> StorageUnavailable:
    """Why there is no answer; `plain_http` is the variable that does without TLS."""
    reason: Any = error.reason if isinstance(error, MaxRetryError) else error
    text = str(reason)[:_SAID]
    if isinstance(reason, SSLError):
        return StorageUnavailable(
            f"{uri} is not trusted: {text} (an authority of your own is the key ca.crt of "
            "storage.secretName, or a file that SSL_CERT_FILE names; a server without TLS "
            f'needs {plain_http}: "true")'
        )
    return StorageUnavailable(f"{uri} cannot be reached: {text}")
