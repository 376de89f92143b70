"""The operator's own parts around the registry: who is looked at when something is retired."""

import asyncio
from pathlib import Path

import pytest

from tests.postgres import Postgres
from tests.registry.looks import until, written
from tests.registry.test_recording import upgrade
from tests.unit.cluster import NothingWrong
from tests.unit.told import Told
from transit_operator.api import names
from transit_operator.api.config.operator import OperatorConfig
from transit_operator.runtime.loop.queue import WorkQueue
from transit_operator.runtime.observing.cache import Cache
from transit_operator.runtime.observing.observe import Observer
from transit_operator.runtime.operator import Operator
from transit_operator.runtime.recording.recording import Recording
from transit_operator.runtime.telling.metrics import Metrics
from transit_registry import versions
from transit_registry.connecting import open_engine
from transit_registry.tables import Status

pytestmark = pytest.mark.timeout(120)


def known(cache: Cache, name: str, model: str) -> None:
    """Put a ModelDeployment of one model into the cache."""
    meta = {"namespace": "ml", "name": name, "uid": name, "resourceVersion": "1"}
    spec = {"models": [{"name": model, "version": "latest"}]}
    cache.put({"kind": names.KIND, "metadata": meta, "spec": spec})


async def test_who_has_a_retired_model_is_looked_at(postgres: Postgres, tmp_path: Path) -> None:
    upgrade(postgres)
    (tmp_path / "url").write_text(postgres.url)
    cache, queue = Cache(), WorkQueue()
    known(cache, "kepler", "forest")
    known(cache, "other", "boosted")
    observer = Observer(cache, NothingWrong())
    recording = Recording(tmp_path / "url", "dev", queue, cache, observer, Metrics())
    engine = open_engine(postgres.url)
    with engine.begin() as connection:
        versions.add(connection, "forest", "1.0.0", "s3://models/forest/v1.0.0", "a" * 64, {})
        versions.set_status(connection, "forest", "1.0.0", Status.ARCHIVED, None)
    engine.dispose()
    task = asyncio.create_task(recording.run())
    try:
        await until(lambda: len(queue))
        assert await queue.get() == ("ml", "kepler")
        assert not len(queue)
        assert observer.retired[("forest", "1.0.0")].archived
        world = Told(recording.outbox)
        world.settle()
        assert len(recording.outbox)
        await written(recording.outbox)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_the_configuration_turns_it_on(postgres: Postgres, tmp_path: Path) -> None:
    upgrade(postgres)
    (tmp_path / "url").write_text(postgres.url)
    off = Operator(OperatorConfig())
    observer = Observer(off.cache, NothingWrong())
    off._tell(observer)
    assert not off._tasks
    assert off.facts().unrecorded is None
    config = OperatorConfig.model_validate({"registry": {"urlFile": str(tmp_path / "url")}})
    on = Operator(config)
    on._tell(observer)
    try:
        assert [task.get_name() for task in on._tasks] == ["registry"]
        assert on.facts().unrecorded == 0
    finally:
        await on.stop()
        await off.stop()


def test_the_secret_is_found_where_the_chart_mounts_it() -> None:
    config = OperatorConfig.model_validate({"registry": {"secretName": "database"}})
    assert config.registry.address == Path("/etc/transit/registry/url")
    assert OperatorConfig().registry.address is None
