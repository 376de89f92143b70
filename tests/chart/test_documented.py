"""YAML in the docs: each example is taken by what it is for.

A whole object by its schema, a ModelDeployment (or what the page shows of one) by `transit lint`,
values of the chart by Helm, a part of Prometheus' configuration by promtool.
"""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from dev.cluster.paths import REPOSITORY
from dev.cluster.programs import gobuild
from tests.support import model_deployment
from transit_cli.lint.documents import documents
from transit_cli.lint.lint import errors
from transit_cli.lint.schema import bundled
from transit_operator.api.config.operator import OperatorConfig

from .conforming import complaints
from .helm import config, joined, render

PAGES = (
    "README.md",
    "docs/start.md",
    "docs/guides/answer-cache.md",
    "docs/guides/autoscaling.md",
    "docs/guides/dashboard.md",
    "docs/guides/gateways.md",
    "docs/guides/gpu-pool.md",
    "docs/guides/models.md",
    "docs/guides/moving/argo-rollouts.md",
    "docs/guides/moving/flagger.md",
    "docs/guides/moving/kserve.md",
    "docs/guides/node-cache.md",
    "docs/guides/notifications.md",
    "docs/guides/operations.md",
    "docs/guides/prediction-log.md",
    "docs/guides/quiet-services.md",
    "docs/reference/resource.md",
    "docs/reference/server.md",
)
_BLOCK = re.compile(r"^( *)```yaml\n(.*?)^\1```$", re.M | re.S)
VALUES = {"config", "networkPolicy"}  # of the chart
WITHOUT_SCHEMA = {"eventing.knative.dev"}  # others' kinds that are only known to be YAML


class Example(NamedTuple):
    """One document of a block, and where it begins."""

    where: str
    content: Any


def examples(page: Path) -> Iterator[Example]:
    """Yield every YAML document of a page."""
    text = page.read_text()
    for block in _BLOCK.finditer(text):
        line = text.count("\n", 0, block.start()) + 1
        indented = re.compile(rf"^{block[1]}", re.M)
        for content in yaml.safe_load_all(indented.sub("", block[2])):
            yield Example(f"{page.name}:{line}", content)


EXAMPLES = [one for page in PAGES for one in examples(REPOSITORY / page)]


def wrong(content: Any, folder: Path) -> list[str]:
    """Return what is wrong with an example; raises where it is refused as a whole."""
    match content:
        case {"kind": "ModelDeployment"}:
            return linted(content)
        case {"apiVersion": str(of)} if of.partition("/")[0] in WITHOUT_SCHEMA:
            return []
        case {"kind": _}:
            return complaints([content], folder)
        case {"spec": spec}:
            return linted(joined(base(), {"spec": spec}))
        case [{"name": _, "value": _}, *_]:
            return linted(joined(base(), {"spec": {"server": {"env": content}}}))
        case {"relabel_configs": _}:
            return scraped(content, folder)
        case {"rules": [{"seriesQuery": _, "metricsQuery": _}]}:
            return []  # of prometheus-adapter: test_in_flight plays it to PromQL
        case dict() if content.keys() <= VALUES:
            OperatorConfig.model_validate(config(render(content)))
            return []
    return ["nobody knows what this is an example of: say it in tests/chart/test_documented.py"]


def base() -> dict[str, Any]:
    """A whole ModelDeployment, for a page that shows a part of one."""
    found: dict[str, Any] = yaml.safe_load(model_deployment("kepler", "ml"))
    return found


def linted(resource: dict[str, Any]) -> list[str]:
    (document,) = documents(yaml.safe_dump(resource))
    return [f"{one.path}: {one.message}" for one in errors(document, bundled(), "example")]


def scraped(content: dict[str, Any], folder: Path) -> list[str]:
    """As part of the job that scrapes pods."""
    file = folder / "prometheus.yaml"
    file.write_text(yaml.safe_dump({"scrape_configs": [{"job_name": "pods", **content}]}))
    command = [str(gobuild.PROGRAMS["promtool"].path), "check", "config", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return [done.stderr] if done.returncode else []


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.where)
def test_an_example_is_taken_as_it_stands(example: Example, tmp_path: Path) -> None:
    assert wrong(example.content, tmp_path) == []


def test_no_page_is_left_out() -> None:
    pages = {REPOSITORY / "README.md", *(REPOSITORY / "docs").rglob("*.md")}
    found = {str(page.relative_to(REPOSITORY)) for page in pages if list(examples(page))}
    assert found == set(PAGES)
