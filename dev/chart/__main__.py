"""The command line: `python -m dev.chart [--check]`. A module beside it for each generated file."""

import argparse
import difflib
import sys
from collections.abc import Sequence
from pathlib import Path

from . import crd, dashboards, schema, table, values

REPOSITORY = Path(__file__).resolve().parents[2]
CHART = Path("charts/transit")


def generated() -> dict[Path, str]:
    """Return every generated file, by its path in the repository."""
    found = values.read(REPOSITORY / CHART / "values.yaml")
    return {
        Path("crds/modeldeployments.transit.dev.yaml"): crd.text(),
        CHART / "templates" / "crd.yaml": crd.template(),
        CHART / "values.schema.json": schema.text(found),
        Path("docs/chart-values.md"): table.text(found),
        **{
            CHART / "dashboards" / f"{name}.json": text for name, text in dashboards.texts().items()
        },
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Write what differs, or with --check only show it; 1 if something did."""
    parser = argparse.ArgumentParser(prog="python -m dev.chart", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, show what differs")
    check = parser.parse_args(arguments).check
    stale = 0
    for path, text in generated().items():
        file = REPOSITORY / path
        before = file.read_text() if file.exists() else ""
        if before == text:
            continue
        stale = 1
        if check:
            lines = difflib.unified_diff(
                before.splitlines(), text.splitlines(), str(path), "generated", lineterm="", n=1
            )
            sys.stdout.write("\n".join(lines) + "\n")
        else:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
    if check and stale:
        sys.stdout.write("generated files differ from their sources: run make crds\n")
    return stale if check else 0


if __name__ == "__main__":
    sys.exit(main())
