"""All ModelDeployments as they are now, kept by watches, and who waits for a change of them.

Everything here happens in the event loop; a watch is a thread that hands over what comes.
Neighbours: `cluster.watching` is the watch, `listing` and `detail` are who waits.
"""

import asyncio
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from ...cluster.connection import Cluster, Object
from ...cluster.watching import Away, Changed, Deleted, Everything, News, watch_all
from ...rollout.status.reading import read
from ...rollout.status.shown import Shown

Key = tuple[str, str]  # namespace, name


@dataclass(frozen=True, eq=False)
class Entry:
    """One ModelDeployment, as it came and as it is shown in the list."""

    mdep: Object
    shown: Shown

    @property
    def key(self) -> Key:
        """Its namespace and name."""
        return self.shown.namespace, self.shown.name

    @property
    def id(self) -> str:
        """A name for elements of the page: those of Kubernetes may have dots."""
        return f"m-{self.mdep['metadata']['uid']}"


@dataclass(eq=False)
class Waiting:
    """One open page: what has changed since it looked last, of one of them or of all."""

    only: Key | None = None
    changed: set[Key] = field(default_factory=set)
    woken: asyncio.Event = field(default_factory=asyncio.Event)

    async def some(self, most: float) -> set[Key]:
        """Return what has changed; nothing, if nothing did for so many seconds."""
        try:
            await asyncio.wait_for(self.woken.wait(), most)
        except TimeoutError:
            return set()
        self.woken.clear()
        found, self.changed = self.changed, set()
        return found


class Fleet:
    """What there is. `problem` says why it may be old; `complete` is set once all were listed.

    `version` rises with each change, so that a page knows whether it has missed one. `parts` is how
    many watches feed it.
    """

    def __init__(self, parts: int = 1) -> None:
        self.entries: dict[Key, Entry] = {}
        self.version = 0
        self.ended = False
        self.complete = asyncio.Event()
        self._parts = parts
        self._problems: dict[str, str] = {}  # of each part that has been heard of
        self._listed: set[str] = set()
        self._waiting: set[Waiting] = set()

    @property
    def problem(self) -> str:
        """Return why what there is may be old."""
        return next((text for text in self._problems.values() if text), "")

    def get(self, namespace: str, name: str) -> Entry | None:
        """Return one, if it is there."""
        return self.entries.get((namespace, name))

    def ordered(self) -> list[Entry]:
        """Return all, by namespace and name."""
        return [self.entries[key] for key in sorted(self.entries)]

    @contextmanager
    def waiting(self, only: Key | None = None) -> Iterator[Waiting]:
        """Be told of every change, or of those of one ModelDeployment."""
        one = Waiting(only)
        self._waiting.add(one)
        try:
            yield one
        finally:
            self._waiting.discard(one)

    def take(self, news: News, part: str = "") -> None:
        """Take what a watch has brought: that of the namespace `part`, or of all ("")."""
        before = self.problem
        self._problems[part] = news.why if isinstance(news, Away) else ""
        told: set[Key] = set()
        match news:
            case Everything(items):
                told = self._replace(items, part)
                self._listed.add(part)
                if len(self._listed) == self._parts:
                    self.complete.set()
            case Changed(item):
                told = {self._put(item)}
            case Deleted(item):
                told = {_key(item)}
                self.entries.pop(_key(item), None)
        if told:
            self.version += 1
        for one in self._waiting:
            mine = told if one.only is None else told & {one.only}
            if mine or before != self.problem:
                one.changed |= mine
                one.woken.set()

    def end(self) -> None:
        """Let everybody go who waits: nothing more comes."""
        self.ended = True
        for one in self._waiting:
            one.woken.set()

    def _replace(self, items: tuple[Object, ...], part: str) -> set[Key]:
        before = {key: one for key, one in self.entries.items() if part in ("", key[0])}
        self.entries = {key: one for key, one in self.entries.items() if key not in before}
        listed = {self._put(item) for item in items}
        return {
            key
            for key in {*before, *listed}
            if before.get(key) is None
            or (now := self.entries.get(key)) is None
            or before[key].mdep["metadata"] != now.mdep["metadata"]
        }

    def _put(self, item: Object) -> Key:
        item["metadata"].pop("managedFields", None)
        key = _key(item)
        self.entries[key] = Entry(item, read(item))
        return key


def _key(item: Object) -> Key:
    return item["metadata"]["namespace"], item["metadata"]["name"]


class Watch:
    """Feeds a fleet until `stop`: a thread for each namespace, or one for all where none is named.

    A fleet has as many parts as there are threads.
    """

    def __init__(self, fleet: Fleet, cluster: Cluster, namespaces: Sequence[str] = ()) -> None:
        self._fleet = fleet
        self._parts = {one: cluster.within(one) for one in namespaces} or {"": cluster}
        self._stopped = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        """Begin; called in the event loop that the fleet lives in."""
        self._loop = asyncio.get_running_loop()
        for part, cluster in self._parts.items():
            what = (self._loop, part, cluster)
            threading.Thread(target=self._run, args=what, name="watch", daemon=True).start()

    def stop(self) -> None:
        """Take nothing more, and let those go who wait. From any thread or signal handler."""
        self._stopped.set()
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._fleet.end)

    def _run(self, loop: asyncio.AbstractEventLoop, part: str, cluster: Cluster) -> None:
        for news in watch_all(cluster, everywhere=not part, stopped=self._stopped):
            if self._stopped.is_set():
                return
            loop.call_soon_threadsafe(self._fleet.take, news, part)
