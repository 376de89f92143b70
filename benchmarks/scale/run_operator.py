"""`transit-operator`, unchanged, that also notes when it had looked at N ModelDeployments.

Run by `__main__.py`: `run_operator.py N FILE [--profile] -- ARGUMENTS`. A settled ModelDeployment
is not written, so from outside nobody sees that it was looked at; here each finished look is
counted. The file gets the time (seconds since the epoch) at which all N had one; with --profile,
FILE.prof gets cProfile's figures at the end.
"""

import cProfile
import sys
import time
from pathlib import Path

from transit_operator.core.observed import Readings
from transit_operator.runtime.loop.reconcile import Reconciler
from transit_operator.runtime.main import main
from transit_operator.runtime.observing.cache import Key


def count_looks(expected: int, file: Path) -> None:
    """Have the operator note when it has looked at that many different ModelDeployments."""
    seen: set[Key] = set()

    def note() -> None:
        file.write_text(repr(time.time()))

    reconcile = Reconciler.reconcile

    async def counted(self: Reconciler, key: Key, readings: Readings | None) -> None:
        try:
            await reconcile(self, key, readings)
        finally:
            if len(seen) < expected:
                seen.add(key)
                if len(seen) == expected:
                    note()

    Reconciler.reconcile = counted  # type: ignore[method-assign]


if __name__ == "__main__":
    split = sys.argv.index("--")
    own, arguments = sys.argv[1:split], sys.argv[split + 1 :]
    sys.argv = ["transit-operator", *arguments]
    count_looks(int(own[0]), Path(own[1]))
    if "--profile" in own:
        profile = cProfile.Profile()
        try:
            profile.runcall(main)
        finally:
            profile.dump_stats(f"{own[1]}.prof")
    else:
        main()
