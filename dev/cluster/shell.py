"""Running other programs: into a log file, or for their answer. Failures become `StepFailed`."""

from __future__ import annotations

import os
import shlex
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from .ui import StepFailed


def run(
    argv: Sequence[object],
    log: Path,
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdin: bytes | None = None,
    on_line: Callable[[str], None] | None = None,
) -> None:
    """Run to the end with all output appended to `log`; `on_line` sees each line as it comes."""
    command = [str(part) for part in argv]
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as sink:
        sink.write(f"$ {shlex.join(command)}\n".encode())
        sink.flush()
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE if stdin is not None else subprocess.DEVNULL,
            stdout=subprocess.PIPE if on_line else sink,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(env or {})},
            cwd=cwd,
        )
        if stdin is not None and process.stdin:
            process.stdin.write(stdin)
            process.stdin.close()
        if on_line and process.stdout:
            for raw in process.stdout:
                sink.write(raw)
                sink.flush()
                on_line(raw.decode(errors="replace").rstrip())
        code = process.wait()
    if code != 0:
        raise StepFailed(f"{shlex.join(command)[:300]} ended with exit code {code}", log)


def output(argv: Sequence[object], *, env: Mapping[str, str] | None = None) -> str:
    """The standard output of a short command; a failure carries its standard error."""
    command = [str(part) for part in argv]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        env={**os.environ, **(env or {})},
        check=False,
        stdin=subprocess.DEVNULL,
    )
    if done.returncode != 0:
        tail = (done.stderr.strip() or done.stdout.strip())[-600:]
        raise StepFailed(f"{shlex.join(command)[:300]}: {tail or done.returncode}")
    return done.stdout


def succeeds(argv: Sequence[object]) -> bool:
    """Whether a short command ends well. A missing program is a no."""
    try:
        output(argv)
    except (StepFailed, OSError):
        return False
    return True


def wait_for(
    what: str,
    ready: Callable[[], bool],
    seconds: float,
    *,
    log: Path | None = None,
    meanwhile: Callable[[], None] | None = None,
) -> None:
    """Look until `ready` says yes. Its failures count as not yet; one of `meanwhile` ends it."""
    deadline = time.monotonic() + seconds
    while True:
        reason = ""
        if meanwhile:
            meanwhile()
        try:
            if ready():
                return
        except (StepFailed, OSError) as error:
            reason = f": {error}"
        if time.monotonic() > deadline:
            raise StepFailed(f"{what} was not there after {seconds:.0f} s{reason}", log)
        time.sleep(0.2)
