"""Sockets to listen on."""

import contextlib
import resource
import socket

_BACKLOG = 2048


def listen(host: str, port: int) -> socket.socket:
    """At `host`, or at all addresses of IPv4 and IPv6 where it is empty. Raises `OSError`."""
    if host:
        family, *_, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        return socket.create_server((str(address[0]), port), family=family, backlog=_BACKLOG)
    if socket.has_dualstack_ipv6():
        with contextlib.suppress(OSError):  # there is no IPv6 in this network, or it is turned off
            return socket.create_server(
                ("", port), family=socket.AF_INET6, backlog=_BACKLOG, dualstack_ipv6=True
            )
    return socket.create_server(("", port), backlog=_BACKLOG)


def allow_connections(wanted: int) -> int:
    """As many of `wanted` as the system's limit of open files leaves room for, raised if it may
    be.
    """
    besides = 256  # models, logs, the store
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted + besides:
        soft = wanted + besides if hard == resource.RLIM_INFINITY else min(wanted + besides, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return max(1, min(wanted, soft - besides)) if soft != resource.RLIM_INFINITY else wanted
