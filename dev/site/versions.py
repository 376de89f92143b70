"""Which versions the pages are about, and a folder that has the sites of several of them.

Every page says the versions in its footer (`copyright` in zensical.toml). The folder is as the
theme's list of versions expects it: a site in a folder for each, `versions.json` beside them, and
`latest`, a copy of the newest, to which the folder's own page leads. Any host of files will do.
"""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from packaging.version import Version

LATEST = "latest"
LIST = "versions.json"
START = f"""\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta http-equiv="refresh" content="0; url={LATEST}/">
<title>Transit</title>
<p><a href="{LATEST}/">Transit's documentation</a>
"""


@dataclass(frozen=True)
class Versions:
    """What a checkout is: the programs, the chart, and the API that its CRD serves."""

    transit: str
    chart: str
    api: str

    @property
    def text(self) -> str:
        """As it stands on each page."""
        return f"Transit {self.transit}, chart {self.chart}, {self.api}"


def of(repository: Path) -> Versions:
    """Return the versions of a checkout."""
    chart = _yaml(repository / "charts" / "transit" / "Chart.yaml")
    crd = _yaml(repository / "crds" / "modeldeployments.transit.dev.yaml")["spec"]
    (served,) = [one["name"] for one in crd["versions"] if one["served"]]
    return Versions(chart["appVersion"], chart["version"], f"{crd['group']}/{served}")


def problems(versions: Versions, site: Path) -> Iterator[str]:
    """Yield each page that does not say these versions."""
    for page in sorted(site.rglob("*.html")):
        if versions.text not in page.read_text():
            name = page.relative_to(site)
            yield f'{name} does not say "{versions.text}": set copyright in zensical.toml'


def publish(site: Path, into: Path, version: str) -> None:
    """Put a site among those of other versions, in place of an earlier one of its own."""
    into.mkdir(parents=True, exist_ok=True)
    _replace(site, into / version)
    found = sorted((Version(one.name), one.name) for one in into.iterdir() if _is_site(one))
    names = [name for _, name in reversed(found)]
    released = [name for number, name in reversed(found) if not number.is_prerelease]
    newest = (released or names)[0]
    _replace(into / newest, into / LATEST)
    listed = [
        {"version": name, "title": name, "aliases": [LATEST] if name == newest else []}
        for name in names
    ]
    (into / LIST).write_text(json.dumps(listed, indent=2) + "\n")
    (into / "index.html").write_text(START)


def _is_site(folder: Path) -> bool:
    return folder.is_dir() and folder.name != LATEST and not folder.name.startswith(".")


def _replace(source: Path, target: Path) -> None:
    """Copy a folder in place of another; one that was interrupted is begun anew."""
    part = target.with_name(f".{target.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    shutil.copytree(source, part)
    if target.exists():
        shutil.rmtree(target)
    part.rename(target)


def _yaml(file: Path) -> Any:
    return yaml.safe_load(file.read_text())
