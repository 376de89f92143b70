"""`transit lint`: what the API server would refuse in a file, and advice, before it is applied.

Offline it needs nothing: the schema and its CEL rules come with this program. With `--cluster` the
advice goes by the real traffic and the real Gateways.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from ..cluster.connection import Cluster
from ..cluster.prometheus import Unreachable, find
from ..cluster.traffic import gateways_of, known
from ..exits import CommandFailed, Exit
from ..lint.advice import Known
from ..lint.documents import Document, NotYaml, documents
from ..lint.finding import Finding
from ..lint.gateways import refusals
from ..lint.lint import advised, errors, name_of, said
from ..lint.schema import Schema, bundled
from ..rollout.status.signals import counted
from ..screens.console import print_data, stderr, stdout
from .options import Context, Format, Kubeconfig, Namespace, Output, Prometheus, cluster, limit

_STYLES = {"error": "bold red", "advice": "yellow"}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("lint")(lint)


def lint(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE…", help="YAML or JSON; - for stdin.", show_default=False),
    ],
    namespace: Namespace = None,
    ask: Annotated[
        bool,
        typer.Option("--cluster/--offline", help="Advise by the real traffic and Gateways."),
    ] = False,
    rate: Annotated[
        float | None,
        typer.Option(
            "--rate", metavar="NUMBER", help="Requests a second, for advice.", show_default=False
        ),
    ] = None,
    scrape_interval: Annotated[
        str | None,
        typer.Option(
            "--scrape-interval",
            metavar="DURATION",
            help="How often Prometheus scrapes, for advice.",
            show_default=False,
        ),
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Advice is an error, too.")] = False,
    prometheus: Prometheus = None,
    output: Output = Format.TEXT,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
) -> int:
    """Check files before they are applied: the API server's rules, and advice.

    Exit code 1 where the API server would refuse something.
    """
    there = cluster(kubeconfig, context, namespace) if ask else None
    given = Known(
        rate, None, limit(scrape_interval, "--scrape-interval") if scrape_interval else None
    )
    schema, found, count = bundled(), [], 0
    for file in files:
        for document in _read(file):
            count += 1
            mine = errors(document, schema, str(file))
            if not mine:
                spoken = _Advisor(there, prometheus, given).advise(document, schema, str(file))
                mine = list(spoken)
            found += mine
    _print(found, count, output)
    bad = [one for one in found if strict or one.level == "error"]
    return Exit.REFUSED if bad else Exit.DONE


def _read(file: Path) -> Iterator[Document]:
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
        yield from documents(text)
    except OSError as error:
        raise CommandFailed(f"{file} can't be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise CommandFailed(f"{file} can't be read: it is not UTF-8") from error
    except NotYaml as error:
        raise CommandFailed(f"{file} is no YAML: {error}", code=Exit.REFUSED) from error


class _Advisor:
    """Advises by the file, and by the cluster where there is one."""

    def __init__(self, there: Cluster | None, prometheus: str | None, given: Known) -> None:
        self._cluster = there
        self._prometheus = prometheus
        self._given = given

    def advise(self, document: Document, schema: Schema, file: str) -> Iterator[Finding]:
        """Yield advice on a document without errors. Raises: CommandFailed."""
        there = self._cluster
        if there is None:
            yield from advised(document, schema, file, self._given)
            return
        spec = document.value["spec"]
        namespace = document.value["metadata"].get("namespace") or there.namespace
        yield from advised(document, schema, file, self._traffic(there, namespace, document))
        gateways, labels = gateways_of(there, spec, namespace)
        for number, why in refusals(spec, namespace, labels, gateways):
            path = ("spec", "traffic", "gateway", "parentRefs", number)
            yield said(document, file, path, why)

    def _traffic(self, there: Cluster, namespace: str, document: Document) -> Known:
        try:
            asked = known(find(there, self._prometheus), namespace, name_of(document))
        except Unreachable as error:
            stderr().print(f"advice goes by the file alone: {error}")
            return self._given
        return Known(
            rate=self._given.rate if self._given.rate is not None else asked.rate,
            error_rate=asked.error_rate,
            scrape_seconds=self._given.scrape_seconds or asked.scrape_seconds,
        )


def _print(found: list[Finding], count: int, output: Format) -> None:
    if output is not Format.TEXT:
        print_data([one.model_dump(mode="json", by_alias=True) for one in found], output)
        return
    console = stdout()
    for one in found:
        where = f"{one.file}:{one.line}" if one.line is not None else one.file
        said_of = f"{one.path}: " if one.path else ""
        console.print(
            Text.assemble(
                (f"{where}: ", "dim"), (one.level, _STYLES[one.level]), f": {said_of}{one.message}"
            ),
            soft_wrap=True,
        )
    if not count:
        stderr().print("there is no ModelDeployment in it")
    elif not found:
        console.print(f"{counted(count, 'ModelDeployment')}, nothing found")
