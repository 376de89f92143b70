"""What browsers need: the page of the document from this server alone, and CORS where it is set."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server.running import RunningServer

PAGE = "https://app.example.com"
ROW = {"features": [1.0] * 784}
PREFLIGHT = {
    "Origin": PAGE,
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "content-type,x-api-key,x-user-id",
}


def test_the_page_comes_from_this_server_alone(trees: RunningServer) -> None:
    page = trees.client.get("/docs")
    assert page.status_code == 200
    wanted = re.findall(r'(?:src|href)="([^"]*)"', page.text)
    assert len(wanted) == 3
    for name in wanted:
        answer = trees.client.get(f"/{name}")
        assert answer.status_code == 200, name
        assert answer.content
    assert "url: 'openapi.json'" in page.text
    assert not re.findall(r"https?://", page.text)
    assert trees.client.get("/docs/core.py").status_code == 404


def test_the_document_is_that_of_the_models_that_are_ready(store: Path, tmp_path: Path) -> None:
    with RunningServer(store, tmp_path, {"random_forest": "1.0.0"}) as server:
        server.until_alive()
        early = server.client.get("/openapi.json").json()
        server.until_ready()
        later = server.client.get("/openapi.json")
        assert later.content == server.client.get("/openapi.json").content
        row = later.json()["paths"]["/api/v1/predict"]["post"]["requestBody"]["content"]
        assert row["application/json"]["schema"]["properties"]["features"]["minItems"] == 784
        assert set(early["paths"]) == set(later.json()["paths"])


@pytest.fixture(scope="module")
def open_to_pages(store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    experiment = '{"model": "xgboost", "version": "1.1.0", "share": 0.5, "header": "X-User-ID"}'
    with RunningServer(
        store,
        tmp_path_factory.mktemp("cors"),
        {"xgboost": "1.0.0"},
        cors_origins=f"https://other.example.com, {PAGE}",
        api_keys="web=0123456789abcdef",
        experiment=experiment,
    ) as server:
        yield server.until_ready()


def test_a_page_of_an_allowed_origin_may_ask(open_to_pages: RunningServer) -> None:
    asked = open_to_pages.client.options("/api/v1/predict", headers=PREFLIGHT)
    assert asked.status_code == 200
    assert asked.headers["access-control-allow-origin"] == PAGE
    headers = {"Origin": PAGE, "X-API-Key": "0123456789abcdef"}
    answer = open_to_pages.client.post("/api/v1/predict", json=ROW, headers=headers)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == PAGE
    assert "X-Request-ID" in answer.headers["access-control-expose-headers"]
    refused = open_to_pages.client.post("/api/v1/predict", json=ROW, headers={"Origin": PAGE})
    assert refused.status_code == 401
    assert refused.headers["access-control-allow-origin"] == PAGE, "the page can read why"


def test_other_pages_may_not(open_to_pages: RunningServer, trees: RunningServer) -> None:
    elsewhere = {**PREFLIGHT, "Origin": "https://evil.example.com"}
    for server, headers in ((open_to_pages, elsewhere), (trees, PREFLIGHT)):
        asked = server.client.options("/api/v1/predict", headers=headers)
        assert "access-control-allow-origin" not in asked.headers
        assert asked.status_code in (400, 405)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": PAGE, "Sec-Fetch-Site": "cross-site"}, 403),
        ({"Origin": PAGE, "Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": PAGE}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://[::1"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Origin": PAGE, "Sec-Fetch-Site": "same-origin"}, 200),  # by a proxy of another name
        ({"Origin": PAGE, "Host": "app.example.com"}, 200),
        ({}, 200),
    ],
)
def test_no_other_page_has_anything_predicted(
    headers: dict[str, str], status: int, trees: RunningServer
) -> None:
    """A browser sends such a request without asking first; only the answer is kept from the page.
    Where nobody needs a key it would count for what a rollout is judged by.
    """
    simple = {"Content-Type": "text/plain"} | headers
    before = counted(trees)
    for path in ("/api/v1/predict/batch", "/v2/models/xgboost/infer", "/api/v1/predict"):
        answer = trees.client.post(path, content=json.dumps(ROW), headers=simple)
        assert (answer.status_code == 403) == (status == 403), answer.text
    assert answer.status_code == status
    assert (counted(trees) == before) == (status == 403)


def counted(server: RunningServer) -> float:
    """All that a rollout is judged by."""
    found = server.metrics().items()
    return sum(value for (name, _), value in found if name == "predictions_total")
