"""What stands before the page in a cluster, where it doesn't take an API server to see it.

All else of it: tests/page/test_in_cluster.py.
"""

import httpx
import pytest
from kubernetes.client import ApiClient

from transit_cli.cluster.connection import Cluster
from transit_cli.cluster.watching import Away, Everything
from transit_cli.dashboard.app import create
from transit_cli.dashboard.data.fleet import Fleet, Watch
from transit_cli.dashboard.data.sources import Sources
from transit_cli.dashboard.incluster import gate
from transit_cli.dashboard.incluster.gate import Gate
from transit_cli.dashboard.incluster.visitors import SignIn, Visitors
from transit_cli.dashboard.pages import Pages


@pytest.fixture
def fleet() -> Fleet:
    return Fleet()


@pytest.fixture
def browser(fleet: Fleet) -> httpx.AsyncClient:
    """Asks a page of nothing, whose cluster isn't there."""
    cluster, pages = Cluster(ApiClient(), "default"), Pages()
    sources = Sources(cluster, lambda: pytest.fail("nothing is asked of Prometheus"))
    app = create(fleet, Watch(fleet, cluster), sources, pages, "here")
    visitors = Visitors(cluster, SignIn.OFF, [])
    before = Gate(app, {"page.example"}, visitors, pages, fleet)
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(before), base_url="http://page.example", timeout=30
    )


async def test_a_page_that_is_kept_open_comes_back(
    fleet: Fleet, browser: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that who it is is looked at again, and no session outlives its token by much."""
    monkeypatch.setattr(gate, "STREAM_SECONDS", 0.5)
    fleet.take(Everything(()))
    answer = await browser.get("/list/events")
    assert answer.status_code == 200
    assert "There is no ModelDeployment" in answer.text


async def test_it_is_ready_once_it_knows_what_there_is(
    fleet: Fleet, browser: httpx.AsyncClient
) -> None:
    assert (await browser.get("/readyz")).status_code == 503
    fleet.take(Away("you may not do that"))
    assert "you may not do that" in (await browser.get("/readyz")).text
    fleet.take(Everything(()))
    assert (await browser.get("/readyz")).status_code == 200
    assert (await browser.get("/healthz")).status_code == 200
