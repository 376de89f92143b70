"""How the node's cache did, which an init container fetched through, as metrics and in the log.

Neighbours: `transit_models.storage.node_cache` did it; `loading` calls this before it loads.
"""

import logging

from transit_models.storage.node_cache.report import read_report
from transit_server.observability.metrics import Metrics
from transit_server.settings import Settings

log = logging.getLogger(__name__)


def tell_of_the_node_cache(settings: Settings, metrics: Metrics) -> None:
    """Nothing of it matters to what is loaded: every byte is verified again."""
    served = {(ref.name, ref.version.removeprefix("v")) for ref in settings.models}
    try:
        told = read_report(settings.cache_dir)
    except (OSError, ValueError) as error:
        log.warning("what the node's cache did is not known: %s", error)
        return
    for one in told:
        if (one.name, one.version) not in served:
            continue
        metrics.model(one.name, one.version).brought(one.result, one.seconds)
        if one.problem:
            log.warning("the node's cache, %s %s: %s", one.name, one.version, one.problem)
