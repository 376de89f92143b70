"""`python -m transit_registry upgrade ADDRESS-FILE`: what `transit-models registry upgrade` does,
where only the operator's image is at hand."""

import sys
from pathlib import Path

from .connecting import open_engine
from .errors import RegistryError
from .migrating import newest, upgrade


def main() -> int:
    """Run the command; returns its exit code."""
    if len(sys.argv) != 3 or sys.argv[1] != "upgrade":
        print("usage: python -m transit_registry upgrade FILE-WITH-THE-ADDRESS", file=sys.stderr)
        return 2
    try:
        before = upgrade(open_engine(Path(sys.argv[2]).read_text()))
    except (OSError, RegistryError) as error:
        print(f"transit_registry upgrade: {error}", file=sys.stderr)
        return 1
    print(f"the registry is at {newest()}; it was at {before or 'nothing'}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
