"""The end of a run for people and for programs: the table, the numbers, what to try next."""

import json
import shutil
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .incidents import RULE, Tally
from .progress import Progress, plain
from .scenarios import Result
from .stage import NAME, NAMESPACE
from .timeline import Event, Timeline, short

NEXT = f"""\
What to try next
  eval "$(python3 -m dev.cluster env)"                  kubectl and helm for this cluster
  export PATH=$PWD/.venv/bin:$PATH                      transit, the command line
  transit status {NAME} -n {NAMESPACE}                         what serves, and what happened
  transit why {NAME} -n {NAMESPACE} -r 1.2.0 --html why.html   why it was rolled back, as a page too
  transit retry {NAME} -n {NAMESPACE}                          or abort, pause, resume, rollback
  transit set version {NAME} 1.0.0 -n {NAMESPACE}              ask for another version
  transit status {NAME} -n {NAMESPACE} --watch                 follow it
  .venv/bin/python -m dev.demo --scenario errors        one scenario again
  make cluster-down                                     take everything away"""


def total(results: Sequence[Result]) -> Tally:
    """All scenarios together."""
    summed = Tally()
    for result in results:
        summed.add(result.tally)
    return summed


def write_json(
    path: Path, progress: Progress, timeline: Timeline, results: Sequence[Result], **more: Any
) -> None:
    """Write the same as is printed."""
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


def print_timeline(progress: Progress, timeline: Timeline) -> None:
    """The table: time, event, version and revision, weight, evidence; a blank line a scenario."""
    width = min(max(shutil.get_terminal_size((150, 40)).columns, 100), 200)
    head = f"{'time':>7}  {'event':<14} {'version':<20} {'revision':<10} {'weight':>6}  "
    print(f"\n{head}message and evidence\n{'-' * width}")
    last = ""
    for event in timeline.events():
        if event.scenario != last and last:
            print()
        last = event.scenario
        weight = "" if event.weight is None else f"{event.weight} %"
        lead = (
            f"{progress.clock(event.at):>7}  {event.event:<14} {event.version or '':<20}"
            f" {event.revision or '':<10} {weight:>6}  "
        )
        for line in _lines(event, width - len(lead)):
            print(f"{lead}{line}")
            lead = " " * len(lead)


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


def _lines(event: Event, width: int) -> list[str]:
    texts = [event.message]
    texts += [text for text in short(event.evidence) if text and text not in event.message]
    return [line for text in texts for line in textwrap.wrap(plain(text), max(width, 40))[:3]]
