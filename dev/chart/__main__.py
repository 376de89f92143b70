"""The command line: `python -m dev.chart [--check]`. A module beside it for each generated file."""

import sys
from pathlib import Path

from dev.generated import REPOSITORY, run

from . import crd, dashboards, schema, table, values

CHART = Path("charts/transit")


def generated() -> dict[Path, str]:
    """Return every generated file, by its path in the repository."""
    found = values.read(REPOSITORY / CHART / "values.yaml")
    return {
        Path("crds/modeldeployments.transit.dev.yaml"): crd.text(),
        CHART / "templates" / "crd.yaml": crd.template(),
        CHART / "values.schema.json": schema.text(found),
        Path("docs/reference/chart-values.md"): table.text(found),
        **{
            CHART / "dashboards" / f"{name}.json": text for name, text in dashboards.texts().items()
        },
    }


if __name__ == "__main__":
    sys.exit(run("dev.chart", "crds", generated()))
