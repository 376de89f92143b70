"""The command `transit-operator`."""

import argparse
import asyncio
import sys
from pathlib import Path

import kopf

from .config import InvalidConfig, load
from .logs import LEVELS, write_logs
from .loop.handlers import register
from .operator import Address, LeaseName, Operator

DESCRIPTION = """
Run the Transit operator: it watches ModelDeployments and rolls out their models.

Credentials come from the pod's service account, or else from the kubeconfig that kubectl uses.
Several operators may run if they share a Lease: one of them leads and works, the others stand by.
Without --lease this one works at once, and no other may run for the same namespaces.
"""

EPILOG = """
examples:
  transit-operator --config operator.yaml --listen 127.0.0.1:8080
  curl -s localhost:8080/metrics | grep transit_modeldeployment_phase

  # stop the installed operators, or stand by for them:
  kubectl -n transit-system scale deployment/transit-operator --replicas=0
  transit-operator --lease transit-system/transit-operator
"""


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line; the documentation is made of it, too."""
    made = argparse.ArgumentParser(
        prog="transit-operator",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument(
        "--config", type=Path, metavar="FILE", help="configuration (YAML); default: built-in"
    )
    made.add_argument(
        "--lease",
        type=lease_name,
        metavar="NAMESPACE/NAME",
        help="the Lease that decides which of several operators works; it is made if missing",
    )
    made.add_argument(
        "--listen",
        type=_address,
        metavar="[HOST]:PORT",
        help="where to answer /healthz, /readyz and /metrics; default: nowhere",
    )
    made.add_argument(
        "--log-level",
        choices=LEVELS,
        default="info",
        help="what is logged, as JSON lines on stderr; default: %(default)s",
    )
    return made


def main() -> None:
    """Parse the command line and run until a signal."""
    arguments = parser().parse_args()
    write_logs(arguments.log_level)
    try:
        config = load(arguments.config)
    except InvalidConfig as error:
        sys.exit(f"transit-operator: {error}")
    registry = kopf.OperatorRegistry()
    register(registry, Operator(config, arguments.lease, arguments.listen))
    asyncio.run(
        kopf.operator(
            registry=registry,
            clusterwide=not config.namespaces,
            namespaces=config.namespaces,
            standalone=True,
        )
    )


def lease_name(text: str) -> LeaseName:
    """Read NAMESPACE/NAME of a command line. Raises: ArgumentTypeError."""
    namespace, slash, name = text.partition("/")
    if not (namespace and slash and name) or "/" in name:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not NAMESPACE/NAME, such as transit-system/transit-operator"
        )
    return LeaseName(namespace, name)


def _address(text: str) -> Address:
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdigit() or not 0 < int(port) < 65536:
        raise argparse.ArgumentTypeError(f"{text!r} is not [HOST]:PORT, such as :8080")
    return Address(host.strip("[]"), int(port))


if __name__ == "__main__":
    main()
