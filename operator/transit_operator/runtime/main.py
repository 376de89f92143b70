"""The command `transit-operator`."""

import argparse
import asyncio
import logging
import sys
from pathlib import Path

import kopf

from .config import InvalidConfig, load
from .handlers import register
from .operator import Operator

DESCRIPTION = """
Run the Transit operator: it watches ModelDeployments and rolls out their models.

Credentials come from the pod's service account, or else from the kubeconfig that kubectl uses.
"""


def main() -> None:
    """Parse the command line and run until a signal."""
    parser = argparse.ArgumentParser(
        prog="transit-operator",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help="configuration (YAML); default: built-in"
    )
    parser.add_argument(
        "--liveness",
        metavar="URL",
        help="where to answer liveness probes, such as http://0.0.0.0:8080/healthz",
    )
    parser.add_argument("--verbose", action="store_true", help="log more")
    arguments = parser.parse_args()
    logging.basicConfig(
        level=logging.DEBUG if arguments.verbose else logging.INFO,
        format="%(asctime)s %(levelname)-7s %(name)s %(message)s",
    )
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)  # probes, every few seconds
    logging.getLogger("kopf").setLevel(logging.INFO if arguments.verbose else logging.WARNING)
    try:
        config = load(arguments.config)
    except InvalidConfig as error:
        sys.exit(f"transit-operator: {error}")
    registry = kopf.OperatorRegistry()
    register(registry, Operator(config))
    asyncio.run(
        kopf.operator(
            registry=registry,
            clusterwide=not config.namespaces,
            namespaces=config.namespaces,
            standalone=True,
            liveness_endpoint=arguments.liveness,
        )
    )


if __name__ == "__main__":
    main()
