"""An operator with named namespaces: what it asks for, and that it may be there before its CRD."""

import re

from tests.failover.candidates import Pool
from tests.support import eventually, model_deployment

# what everybody with an account may ask: which groups and kinds there are
DISCOVERY = re.compile(r"/(api|apis|version)(/[a-z0-9.]+)?(/v[a-z0-9]+)?(\?.*)?")
SPEC = {"replicas": 1, "server": {"image": "transit.invalid/none:1"}}


def status(pool: Pool) -> bool:
    found = pool.kube.find("-n", pool.namespace, "mdep", "m") or {}
    return "status" in found


def test_it_asks_for_nothing_in_the_cluster_as_a_whole(pool: Pool) -> None:
    pool.kube.apply(model_deployment("m", pool.namespace, **SPEC))
    operator = pool.add()
    eventually("it works", lambda: status(pool))
    eventually("it watches", lambda: any("watch=true" in r.path for r in operator.proxy.requests))
    mine = f"/namespaces/{pool.namespace}/"
    asked = {r.path for r in operator.proxy.requests if mine not in r.path}
    assert [path for path in asked if not DISCOVERY.fullmatch(path)] == []


def test_it_waits_for_its_crd_and_then_hears_of_each_change(pool: Pool) -> None:
    """Not only at the next list, which is five minutes away."""
    operator = pool.start(hidden="transit.dev")
    eventually("it says what it waits for", lambda: operator.says("know ModelDeployments"), 60)
    operator.proxy.hidden = ""
    operator.until_up()
    watches = f"/apis/transit.dev/v1alpha1/namespaces/{pool.namespace}/modeldeployments?watch=true"
    eventually("it watches", lambda: any(watches in r.path for r in operator.proxy.requests), 60)
    pool.kube.apply(model_deployment("m", pool.namespace, **SPEC))
    eventually("it looks at a new one", lambda: status(pool), 20)
