"""The cache as `serving.remembering` asks it: an answer to these rows, and keep this one.

Neighbours: `entries` names and seals, `rounds` brings. What is an answer, and counts as one, is
said in `serving`.
"""

import logging
import time
from pathlib import Path
from typing import Final, Protocol

from transit_models.schema import Inputs, Outputs
from transit_server.answer_cache.entries import Content, Entries, Program
from transit_server.answer_cache.rounds import Rounds, Unanswered
from transit_server.formats.base import Rows, Scores
from transit_server.observability.answer_cache_series import AnswerCacheSeries, LookUps
from transit_server.runtime.deadlines import Deadlines
from transit_server.settings import AnswerCacheSettings

log = logging.getLogger(__name__)

SHORTEST_KEY: Final = 32


class Model(Protocol):
    """What is known of a model that answers."""

    @property
    def name(self) -> str: ...
    @property
    def version(self) -> str: ...
    @property
    def digest(self) -> str: ...
    @property
    def engine(self) -> str: ...
    @property
    def inputs(self) -> Inputs: ...
    @property
    def outputs(self) -> Outputs: ...


class AnswerCache:
    """Of all models of this server. For the event loop only."""

    def __init__(
        self,
        settings: AnswerCacheSettings,
        key: bytes,
        program: Program,
        deadlines: Deadlines,
        series: AnswerCacheSeries,
    ) -> None:
        self._settings = settings
        self._key = key
        self._program = program
        self._series = series
        self._rounds = Rounds(settings.secret, settings.ttl, settings.wait, deadlines, series)
        self._models: dict[Model, tuple[Entries, LookUps]] = {}

    async def run(self) -> None:
        """Keep the connection; never ends by itself."""
        await self._rounds.run()

    async def look_up(self, model: Model, rows: Rows) -> tuple[str, Scores | None]:
        """The name of the answer to `rows`, for `keep`, and the answer if it is there. The name is
        empty where there is nothing to be kept.
        """
        entries, seen = self._of(model)
        if not self._rounds.answers:
            seen.skipped()
            return "", None
        name = entries.name(rows)
        if name is None:
            seen.unfit()
            return "", None
        began = time.perf_counter()
        try:
            entry = await self._rounds.look_up(name)
        except Unanswered as error:
            seen.unanswered(error.late)
            return "", None
        finally:
            seen.waited(time.perf_counter() - began)
        if entry is None:
            seen.missed()
            return name, None
        scores = entries.opened(name, entry, len(rows), time.time())
        if scores is None:
            seen.refused()
        else:
            seen.hit()
        return name, scores

    def keep(self, model: Model, name: str, scores: Scores) -> None:
        """Keep an answer under its name, unless it is too large."""
        entries, _ = self._of(model)
        entry = entries.sealed(name, scores, time.time() + self._settings.ttl)
        if entry is None or len(entry) > self._settings.largest:
            self._series.dropped()
        else:
            self._rounds.keep(name, entry)

    def _of(self, model: Model) -> tuple[Entries, LookUps]:
        found = self._models.get(model)
        if found is None:
            content = Content(
                *(model.name, model.version, model.digest, model.engine),
                *(model.inputs, model.outputs),
            )
            found = (
                Entries(self._key, self._program, content),
                self._series.of(model.name, model.version),
            )
            self._models[model] = found
        return found


def key_in(path: Path | None) -> bytes | None:
    """The key that all servers of a ModelDeployment have; None without it, which is told.

    Like feedback, the cache is off then: a lost Secret must not keep a server from predicting.
    """
    try:
        key = b"" if path is None else path.read_bytes()
    except OSError as error:
        log.warning("answers are not shared: %s: %s", path, type(error).__name__)
        return None
    if len(key) < SHORTEST_KEY:
        log.warning("answers are not shared: %s has no key of %d bytes", path, SHORTEST_KEY)
        return None
    return key
