"""Is this installation of use? The chart's `helm test` runs it, as the operator and with its image.

It asks what the operator asks: the kinds that it watches, the Lease, Prometheus. It changes
nothing. Neighbours: the adapters; `main` is the operator itself.
"""

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from kubernetes.aio.client import ApiClient, Configuration

from ..adapters.asking import QueryFailed
from ..adapters.credentials import load_credentials
from ..adapters.kubernetes import Kubernetes, KubernetesError, NotFound
from ..adapters.prometheus import Prometheus
from ..api import names
from ..api.config.operator import OperatorConfig
from .config import InvalidConfig, load
from .leading.lease import DURATION, RETRY
from .leading.lease import KIND as LEASE
from .main import lease_name
from .operator import UNKNOWN, LeaseName, watched

SCRAPED_SECONDS = 60.0  # in which a Prometheus finds pods that have just come up
PAUSE = 1.0


class Level(StrEnum):
    OK = "ok"
    NOTE = "note"  # it works, but perhaps not as it was meant
    FAIL = "FAIL"


class Finding(NamedTuple):
    """What one look has found, in words that say what to do."""

    level: Level
    text: str


async def findings(config: OperatorConfig, lease: LeaseName) -> AsyncIterator[Finding]:
    """Look at everything, one after the other."""
    configuration = Configuration()
    await load_credentials(configuration)
    prometheus = Prometheus(config.prometheus)
    try:
        async with ApiClient(configuration) as client:
            api = Kubernetes(client)
            for namespace in config.namespaces or [""]:
                for kind in watched(config):
                    yield await _listed(api, kind, namespace)
            yield await _led(api, lease)
        answers = await _answers(prometheus)
        yield answers
        if answers.level is Level.OK:
            yield await _scraped(prometheus, config, lease)
    finally:
        prometheus.close()


async def _listed(api: Kubernetes, kind: str, namespace: str) -> Finding:
    """A kind that there is gives at least one page, if an empty one."""
    where = f"in {namespace}" if namespace else "in all namespaces"
    selector = "" if kind == names.KIND else names.LABEL_MODEL_DEPLOYMENT
    try:
        async for _ in api.pages(kind, namespace, selector):
            return Finding(Level.OK, f"{kind}s {where} can be listed")
    except KubernetesError as error:
        return Finding(Level.FAIL, f"{error}; give the operator this right (rbac.create)")
    if kind == names.KIND:
        return Finding(Level.FAIL, UNKNOWN)
    return Finding(
        Level.NOTE, f"the API server doesn't know {kind}s: what needs them can't be used"
    )


async def _led(api: Kubernetes, lease: LeaseName) -> Finding:
    """A leader renews its Lease every few seconds; no clock but the API server's is compared."""
    name = "/".join(lease)
    seen: set[str] = set()
    problem = f"nobody holds the Lease {name}"
    for _ in range(int(2 * DURATION / RETRY)):
        try:
            spec = (await api.get(LEASE, *lease)).get("spec") or {}
        except NotFound:
            spec = {}
        except KubernetesError as error:
            return Finding(Level.FAIL, f"{error}; give the operator this right (rbac.create)")
        if holder := spec.get("holderIdentity"):
            seen.add(f"{holder} {spec.get('renewTime')}")
            problem = f"{holder} holds the Lease {name}, but does not renew it"
            if len(seen) > 1:
                return Finding(Level.OK, f"{holder} leads by the Lease {name}")
        await asyncio.sleep(RETRY)
    return Finding(Level.FAIL, f"{problem}: look at the operator's pods and their logs")


async def _answers(prometheus: Prometheus) -> Finding:
    try:
        await prometheus.query("vector(1)")
    except QueryFailed as error:
        return Finding(Level.FAIL, f"{error.problem.message}: see config.prometheus")
    return Finding(Level.OK, "Prometheus answers")


async def _scraped(prometheus: Prometheus, config: OperatorConfig, lease: LeaseName) -> Finding:
    """What scrapes the operator most likely scrapes the model servers, too."""
    label = config.prometheus.namespace_label
    query = f'transit_leader{{lease="{"/".join(lease)}"}}'
    text = (
        "Prometheus has no series of the operators yet. If it scrapes no model servers either,"
        " rollouts wait for ever: see docs/guides/operations.md#prometheus"
    )
    for _ in range(int(SCRAPED_SECONDS / PAUSE)):
        try:
            samples = await prometheus.query(query)
        except QueryFailed as error:
            return Finding(Level.FAIL, error.problem.message)
        if samples and label and not all(labels.get(label) for labels, _ in samples):
            text = (
                f"Prometheus has series of the operators without the label {label!r}: those of"
                " model servers would not be believed (config.prometheus.namespaceLabel)"
            )
        elif samples:
            return Finding(Level.OK, "Prometheus scrapes the operators and says their namespace")
        await asyncio.sleep(PAUSE)
    return Finding(Level.NOTE, text)


async def _look(config: OperatorConfig, lease: LeaseName) -> bool:
    """Print what is found; whether nothing failed."""
    well = True
    async for level, text in findings(config, lease):
        print(f"{level:5} {text}", flush=True)
        well = well and level is not Level.FAIL
    return well


def main() -> None:
    """Look, and end with 1 if something failed."""
    parser = argparse.ArgumentParser(prog="transit-installation", description=__doc__)
    parser.add_argument("--config", type=Path, required=True, metavar="FILE")
    parser.add_argument("--lease", type=lease_name, required=True, metavar="NAMESPACE/NAME")
    arguments = parser.parse_args()
    try:
        config = load(arguments.config)
    except InvalidConfig as error:
        sys.exit(f"FAIL  {error}")
    sys.exit(not asyncio.run(_look(config, arguments.lease)))


if __name__ == "__main__":
    main()
