"""The end of a run: the numbers for people, all of it for programs, and what to try next."""

import json
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .play.scenarios import Result
from .play.stage import NAME, NAMESPACE
from .seen.incidents import RULE, Tally
from .seen.timeline import Timeline
from .terminal.progress import Progress

NEXT = f"""\
What to try next, in this folder
  eval "$(python3 -m dev.cluster env)"          kubectl and helm for this cluster
  export PATH=$PWD/.venv/bin:$PATH              transit, the command line (or: pipx install ./cli)
  transit status {NAME} -n {NAMESPACE}                 what serves, and what happened
  transit why {NAME} -n {NAMESPACE} -r 1.2.0           why another one was rolled back (--html FILE)
  transit replay {NAME} -n {NAMESPACE} --sweep errorRate.max=0.05:0.50:4
                                                what other thresholds would have decided
  transit dashboard                             all of it in the browser
  .venv/bin/python -m dev.demo --scenario crash one scenario again, with its traffic
  make cluster-down                             take everything away"""


def total(results: Sequence[Result]) -> Tally:
    """All scenarios together."""
    summed = Tally()
    for result in results:
        summed.add(result.tally)
    return summed


def write_json(
    path: Path, progress: Progress, timeline: Timeline, results: Sequence[Result], **more: Any
) -> None:
    """Write what is printed, and every event with its evidence."""
    document = {
        **more,
        "startedAt": progress.started,
        "failedRequestsRule": RULE,
        "total": total(results).as_json(),
        "scenarios": [result.as_json() for result in results],
        "timeline": [event.as_json(progress.started) for event in timeline.events()],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def print_summary(results: Sequence[Result]) -> None:
    """A line a scenario, then the sums."""
    head = f"{'scenario':<9}{'version':<9}{'ended':<11}{'s':>6}{'requests':>10}"
    print(f"\n{head}{'failed: its own':>17}{'(answered + gateway)':>22}{'others':>8}   to weight 0")
    for result in results:
        tally, told = result.tally, _told(result.measured)
        print(
            f"{result.scenario.name:<9}{result.scenario.version:<9}{result.scenario.ends:<11}"
            f"{result.seconds:>6.1f}{tally.requests:>10}{tally.own:>17}"
            f"{f'({tally.answered} + {tally.gateway})':>22}{len(tally.others):>8}   {told}"
        )
    summed = total(results)
    print(
        f"{'all':<9}{'':<20}{sum(r.seconds for r in results):>6.1f}{summed.requests:>10}"
        f"{summed.own:>17}{f'({summed.answered} + {summed.gateway})':>22}{len(summed.others):>8}\n"
    )
    print(textwrap.fill(RULE, 118))
    for answer in summed.others[:10]:
        print(f"  not expected: {answer}")


def _told(measured: dict[str, float]) -> str:
    names = {
        "fromTraffic": "{:.1f} s after its first traffic",
        "fromFirstFailure": "{:.1f} s after its first failed answer",
        "fromEnoughEvidence": "{:.1f} s after enough evidence of errors",
        "lastFailureAfter": "last failure {:.1f} s later",
    }
    return ", ".join(names[name].format(value) for name, value in measured.items())
