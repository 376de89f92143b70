"""The dashboards, as Grafana's own SDK reads them, and their queries, as Prometheus parses them.

That each finds something is seen on the cluster, by tests/e2e/test_dashboards.py.
"""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from .helm import found, render
from .queries import FILES, of_dashboard, panels
from .test_rules import promtool

register_default_plugins()


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.stem)
def test_grafanas_schema_knows_everything_in_it(file: Path) -> None:
    """What a reader of the schema does not know it leaves out: nothing must be missing."""
    written = json.loads(file.read_text())
    read = json.loads(json.dumps(Dashboard.from_json(written), cls=JSONEncoder))
    assert missing(written, read) == []


def missing(written: Any, read: Any, where: str = "") -> list[str]:
    if isinstance(written, dict) and isinstance(read, dict):
        return [
            lost
            for key, value in written.items()
            for lost in (
                missing(value, read[key], f"{where}.{key}") if key in read else [f"{where}.{key}"]
            )
        ]
    if isinstance(written, list) and isinstance(read, list) and len(written) == len(read):
        pairs = enumerate(zip(written, read, strict=True))
        return [lost for n, (a, b) in pairs for lost in missing(a, b, f"{where}[{n}]")]
    return [] if written == read else [f"{where}: {written!r} became {read!r}"]


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.stem)
def test_a_person_can_read_it(file: Path) -> None:
    dashboard = json.loads(file.read_text())
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(set(ids)) == len(ids)
    for panel in panels(file):
        assert panel["title"]
        assert panel["description"].endswith(".")
        assert panel["datasource"]["uid"] == "${datasource}"
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
    cells = [
        (x, y)
        for panel in dashboard["panels"]
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(set(cells)) == len(cells), "no panel lies on another"


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.stem)
def test_prometheus_understands_each_query(file: Path, tmp_path: Path) -> None:
    queries = of_dashboard(file)
    assert not [q for q in queries if "$" in q], "a variable that nobody sets"
    rules = [{"record": f"query_{n}", "expr": query} for n, query in enumerate(queries)]
    path = tmp_path / "rules.yaml"
    path.write_text(yaml.safe_dump({"groups": [{"name": file.stem, "rules": rules}]}))
    promtool("check", "rules", path)


def test_what_links_lead_to_is_there() -> None:
    texts = [file.read_text() for file in FILES]
    uids = {json.loads(text)["uid"] for text in texts}
    linked = {uid for text in texts for uid in re.findall(r'"/d/([^?"]+)', text)}
    assert linked
    assert linked <= uids


def test_the_chart_ships_them_as_they_are() -> None:
    objects = render({"dashboards": {"enabled": True}})
    for file in FILES:
        data = found(objects, "ConfigMap", f"transit-dashboard-{file.stem}")["data"]
        assert json.loads(data[f"transit-{file.name}"]) == json.loads(file.read_text())
