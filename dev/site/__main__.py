"""The command line: `python -m dev.site [--into FOLDER]`."""

import argparse
import subprocess
import sys
from pathlib import Path

from dev.generated import REPOSITORY

from . import links, menu, outside, versions

SITE = REPOSITORY / "build" / "site"


def main() -> int:
    """Build the site strictly, then check it; 1 if anything is wrong."""
    parser = argparse.ArgumentParser(prog="python -m dev.site", description=main.__doc__)
    parser.add_argument(
        "--into",
        type=Path,
        metavar="FOLDER",
        help="put it there, too, beside the sites of other versions; latest is the newest",
    )
    into: Path | None = parser.parse_args().into
    zensical = Path(sys.executable).with_name("zensical")
    built = subprocess.run([zensical, "build", "--strict"], cwd=REPOSITORY, check=False)
    if built.returncode:
        return 1
    here = versions.of(REPOSITORY)
    found = [
        *outside.problems(SITE),
        *links.problems(REPOSITORY, SITE),
        *menu.problems(REPOSITORY, SITE),
        *versions.problems(here, SITE),
    ]
    sys.stdout.writelines(f"{problem}\n" for problem in found)
    if found:
        return 1
    if into is not None:
        versions.publish(SITE, into, here.transit)
    return 0


if __name__ == "__main__":
    sys.exit(main())
