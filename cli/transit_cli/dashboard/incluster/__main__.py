"""The program of the image: its options, which the chart sets, and how it is put together.

Neighbours: `gate`, `signing`; `..serve` runs it. Outside a cluster a kubeconfig is used, as by the
command line.
"""

import socket
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence

from ...cluster import modeldeployments
from ...cluster.kubeconfig import connect
from ...cluster.prometheus import DEFAULT_URL, direct
from ...exits import CommandFailed, Exit
from ..app import create
from ..data.fleet import Fleet, Watch
from ..data.sources import Sources
from ..pages import Pages
from ..serve import run
from .gate import Gate
from .signing import add_signing
from .visitors import SignIn, Visitors


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until a signal ends it; else say why it can't."""
    options = _options(arguments)
    try:
        _serve(options)
    except CommandFailed as failure:
        print(failure, file=sys.stderr)
        return failure.code
    return Exit.DONE


def _options(arguments: Sequence[str] | None) -> Namespace:
    parser = ArgumentParser(description="The live page of all ModelDeployments, in a cluster.")
    parser.add_argument("--port", type=int, default=8080, help="default 8080")
    parser.add_argument(
        "--host",
        action="append",
        default=[],
        metavar="NAME",
        help="a name that browsers reach it by, without a port; localhost is one always",
    )
    parser.add_argument(
        "--namespace",
        action="append",
        default=[],
        metavar="NAME",
        help="a namespace to show; without one, all of them",
    )
    parser.add_argument("--prometheus", default=DEFAULT_URL, metavar="URL")
    parser.add_argument("--namespace-label", default="namespace", metavar="LABEL")
    parser.add_argument("--sign-in", type=SignIn, choices=list(SignIn), default=SignIn.OPTIONAL)
    return parser.parse_args(arguments)


def _serve(options: Namespace) -> None:
    cluster = connect(None, None, None)
    namespaces = sorted(set(options.namespace))
    for one in namespaces or [None]:
        there = cluster.within(one) if one is not None else cluster
        modeldeployments.peek(there, everywhere=one is None)
    listening = _listen(options.port)
    fleet = Fleet(len(namespaces) or 1)
    watch = Watch(fleet, cluster, namespaces)
    sources = Sources(cluster, lambda: direct(options.prometheus, options.namespace_label))
    pages = Pages()
    visitors = Visitors(cluster, options.sign_in, namespaces)
    about = f"in {', '.join(namespaces)}" if namespaces else "in all namespaces"
    app = create(fleet, watch, sources, pages, about)
    add_signing(app, pages, visitors)
    gate = Gate(app, {name.lower() for name in options.host}, visitors, pages, fleet)
    print(f"serving the page at port {listening.getsockname()[1]}", flush=True)
    run(gate, watch, listening)


def _listen(port: int) -> socket.socket:
    both = socket.has_dualstack_ipv6()
    family = socket.AF_INET6 if both else socket.AF_INET
    try:
        return socket.create_server(("", port), family=family, dualstack_ipv6=both)
    except OSError as error:
        raise CommandFailed(f"port {port} can't be had: {error}") from error


if __name__ == "__main__":
    sys.exit(main())
