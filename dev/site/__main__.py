"""The command line: `python -m dev.site`."""

import subprocess
import sys
from pathlib import Path

from dev.generated import REPOSITORY

from . import links, outside

SITE = REPOSITORY / "build" / "site"


def main() -> int:
    """Build the site strictly, then check it; 1 if anything is wrong."""
    zensical = Path(sys.executable).with_name("zensical")
    built = subprocess.run([zensical, "build", "--strict"], cwd=REPOSITORY, check=False)
    if built.returncode:
        return 1
    found = [*outside.problems(SITE), *links.problems(REPOSITORY, SITE)]
    sys.stdout.writelines(f"{problem}\n" for problem in found)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
