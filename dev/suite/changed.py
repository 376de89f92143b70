"""Which tests a change can reach: by what a test file imports, and by what its suite runs.

A test reaches a module that it, or something it imports, imports. What runs in processes and pods
of its own is imported by nobody, so a change there reaches every test of the suites that run it
(`Suite.runs`). What belongs to no package (chart, CRD, Dockerfiles, this machine's cluster) is in
those lists, too. Another file, as a page of the docs, reaches the tests that name it, and data
beside tests the suite in whose folder it is.
Neighbours: `suites` has the table; nothing here runs a test.
"""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from .suites import SUITES, Suite

REPOSITORY = Path(__file__).resolve().parents[2]
# where `import transit_operator` and the like are found; the rest is below the root
SOURCES = ("operator", "server", "models", "registry", "cli", ".")
# a change of these reaches everything: what is installed, how tests are run
EVERYTHING = ("pyproject.toml", "requirements/dev.txt", "tests/conftest.py", "dev/cluster/")


def changed_files(base: str) -> list[str]:
    """Return what differs from a commit, uncommitted and new files included."""
    tracked = _git("diff", "--name-only", base)
    return sorted({*tracked, *_git("ls-files", "--others", "--exclude-standard")})


def reached(changes: Iterable[str]) -> dict[Suite, tuple[str, ...]]:
    """Return suite → the test files to run; an empty tuple means the whole suite."""
    changes = list(changes)
    data = [change for change in changes if not change.endswith(".py")]
    found: dict[Suite, tuple[str, ...]] = {}
    for suite in (one for one in SUITES if not one.by_name):
        beside = any(change.startswith(tuple(f"{f}/" for f in suite.folders)) for change in data)
        if beside or any(change.startswith((*EVERYTHING, *suite.runs)) for change in changes):
            found[suite] = ()
        elif files := tuple(_reaching(suite, set(changes))):
            found[suite] = files
    return found


def _reaching(suite: Suite, changes: set[str]) -> list[str]:
    """Return the test files that import or name something that changed, or changed themselves."""
    tests = [
        file.relative_to(REPOSITORY)
        for folder in suite.folders
        for file in sorted((REPOSITORY / folder).rglob("test_*.py"))
    ]
    named = [Path(change).name for change in changes if not change.endswith(".py")]
    return [
        str(test)
        for test in tests
        if changes & {str(file) for file in _closure(test)}
        or any(name in (REPOSITORY / test).read_text() for name in named)
    ]


def _closure(file: Path) -> set[Path]:
    """Return a file and all of the project that it imports, directly or not."""
    seen: set[Path] = set()
    waiting = [file, *_conftests(file)]
    while waiting:
        one = waiting.pop()
        if one not in seen:
            seen.add(one)
            waiting += _imports(one)
    return seen


def _conftests(file: Path) -> list[Path]:
    """Return the conftest.py of the folders above a test, which pytest imports for it."""
    above = [folder / "conftest.py" for folder in file.parents]
    return [one for one in above if (REPOSITORY / one).is_file()]


@cache
def _imports(file: Path) -> tuple[Path, ...]:
    """Return the files of the project that a file names in its import statements."""
    found: list[Path] = []
    package = list(file.parent.parts)
    for source in SOURCES:
        if source != "." and package[:1] == [source]:
            package = package[1:]
    for node in ast.walk(ast.parse((REPOSITORY / file).read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            near = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*near, *([node.module] if node.module else [])])
            names = [module, *(f"{module}.{alias.name}" for alias in node.names)]
        else:
            continue
        found += [place for name in names for place in _places(name)]
    return tuple(found)


def _places(module: str) -> list[Path]:
    """Return the files that importing a module runs: itself and the packages above it."""
    parts = module.split(".")
    found = []
    for length in range(1, len(parts) + 1):
        stem = Path(*parts[:length])
        for source in SOURCES:
            for place in (source / stem / "__init__.py", Path(source) / stem.with_suffix(".py")):
                if (REPOSITORY / place).is_file():
                    found.append(Path(place))
    return found


def _git(*arguments: str) -> list[str]:
    command = ["git", "-C", str(REPOSITORY), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()
