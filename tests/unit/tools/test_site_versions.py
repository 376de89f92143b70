"""The documentation's sites of several versions, side by side in one folder."""

import json
from pathlib import Path

from dev.site import versions

REPOSITORY = Path(__file__).parents[3]


def site(folder: Path, **pages: str) -> Path:
    folder.mkdir()
    for name, text in pages.items():
        (folder / f"{name}.html").write_text(text)
    return folder


def listed(folder: Path) -> dict[str, list[str]]:
    found = json.loads((folder / "versions.json").read_text())
    return {one["version"]: one["aliases"] for one in found}


def test_the_newest_release_is_the_latest_in_whatever_order_they_come(tmp_path: Path) -> None:
    into = tmp_path / "all"
    for version in ("0.9.0", "0.10.0", "0.2.0", "1.0.0-rc.1"):
        versions.publish(site(tmp_path / version, index=version), into, version)
    assert list(listed(into)) == ["1.0.0-rc.1", "0.10.0", "0.9.0", "0.2.0"]
    assert listed(into)["0.10.0"] == ["latest"]
    assert sum(map(len, listed(into).values())) == 1
    assert (into / "latest" / "index.html").read_text() == "0.10.0"
    assert (into / "1.0.0-rc.1" / "index.html").read_text() == "1.0.0-rc.1"
    assert "url=latest/" in (into / "index.html").read_text()


def test_a_version_takes_the_place_of_its_own_earlier_site(tmp_path: Path) -> None:
    into = tmp_path / "all"
    versions.publish(site(tmp_path / "old", index="old", gone="old"), into, "0.1.0")
    versions.publish(site(tmp_path / "new", index="new"), into, "0.1.0")
    for folder in (into / "0.1.0", into / "latest"):
        assert [page.name for page in folder.iterdir()] == ["index.html"]
        assert (folder / "index.html").read_text() == "new"
    assert listed(into) == {"0.1.0": ["latest"]}


def test_a_page_that_does_not_say_its_versions_is_named(tmp_path: Path) -> None:
    here = versions.of(REPOSITORY)
    pages = site(tmp_path / "site", index=f"<p>{here.text}</p>", other="Transit 0.0.1")
    (problem,) = versions.problems(here, pages)
    assert problem.startswith("other.html does not say")
    assert here.api.startswith("transit.dev/v1")
