"""From a reference to a model that answers: fetch, verify, deserialise, compile, prove, warm up.

In that order and no other: nothing of a version is deserialised before every byte of it has been
verified. It runs on a thread of its own while the server answers `/health/live` already.
"""

import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from transit_models import (
    ModelStoreError,
    Storage,
    StorageUnavailable,
    VerifiedVersion,
    fetch_verified,
    open_storage,
)
from transit_models.errors import NotAModel
from transit_models.schema import Inputs
from transit_models.signing import Keys
from transit_models.versions import is_version, plain
from transit_server import formats
from transit_server.errors import LoadFailed
from transit_server.formats.allowed import refuse_forbidden
from transit_server.formats.base import Rows
from transit_server.observability.metrics import Metrics
from transit_server.runtime.cpus import available_cpus
from transit_server.runtime.termination_log import TerminationLog
from transit_server.serving.one_model.batching import Batcher, Limits
from transit_server.serving.one_model.breaker import Breaker
from transit_server.serving.one_model.predictor import Predictor
from transit_server.serving.registry import Registry, ServedModel, labels_of
from transit_server.serving.starting.checking import check, warm_up
from transit_server.serving.starting.dependencies import differences
from transit_server.serving.starting.node_cache import tell_of_the_node_cache
from transit_server.settings import ENSEMBLE, ModelRef, Settings

log = logging.getLogger(__name__)

Replay = Callable[[Inputs, Predictor, Rows], None]


class Loader:
    """Loads the models of `settings` into `registry`."""

    def __init__(
        self, settings: Settings, registry: Registry, metrics: Metrics, replay: Replay
    ) -> None:
        """`replay` sends golden rows as requests; raises `UnsupportedModel`."""
        self._replay = replay
        self._keys: Keys | None = None
        self._settings = settings
        self._registry = registry
        self._metrics = metrics
        self._relaxing: list[Callable[[], None]] = []

    def load_all(self) -> None:
        """Raises `LoadFailed` for the first model that can't be served."""
        first = self._settings.models[0]
        for ref in self._settings.models:
            if is_version(ref.version):  # an alias has series once it is known what it means
                self._registry.counts_for(
                    ref.name, self._metrics.model(ref.name, plain(ref.version))
                )
        tell_of_the_node_cache(self._settings, self._metrics)
        try:
            storage = open_storage(self._settings.storage_uri)
            if self._settings.signing_keys is not None:
                self._keys = Keys(self._settings.signing_keys)
        except ModelStoreError as error:
            raise LoadFailed(first.name, first.version, str(error)) from error
        loaded = self._load_side_by_side(storage)
        for relax in self._relaxing:  # TensorFlow's is for the process: not before all are proven
            relax()
        models, challengers = (
            loaded[: len(self._settings.models)],
            loaded[len(self._settings.models) :],
        )
        if self._settings.default == ENSEMBLE:
            for model in models:
                if not model.probabilities:
                    cause = "an ensemble is of classes with probabilities, and this has none"
                    raise LoadFailed(model.name, model.version, cause)
                _same_kind(model, models[0], f"an ensemble needs {{}} as {models[0].name} has")
        for challenger in challengers:
            control = next(model for model in models if model.name == challenger.name)
            if challenger.version == control.version:
                cause = "an experiment needs two versions, and both are this one"
                raise LoadFailed(challenger.name, challenger.version, cause)
            _same_kind(challenger, control, f"an experiment needs {{}} as {control.version} has")
        for model in models:
            self._registry.add(model)
            _tell_whether_ready(model)
        for challenger in challengers:
            self._registry.add_challenger(challenger)
            _tell_whether_ready(challenger)

    def _load_side_by_side(self, storage: Storage) -> list[ServedModel]:
        """All models, as many at once as there are cores; in their order."""
        refs = self._settings.refs
        termination_log = TerminationLog(self._settings.termination_log)
        missing = [f"{ref.name} {ref.version}" for ref in refs]

        def load(ref: ModelRef) -> ServedModel:
            model = self._load(storage, ref)
            missing.remove(f"{ref.name} {ref.version}")
            warn()
            return model

        def warn() -> None:
            names = ", ".join(list(missing))
            termination_log.in_case(f"the process died while it loaded model {names}")

        warn()
        pool = ThreadPoolExecutor(min(len(refs), available_cpus()))
        try:
            models = list(pool.map(load, refs))
        finally:
            pool.shutdown(wait=False, cancel_futures=True)  # one failure is enough
        termination_log.forget()
        return models

    def _load(self, storage: Storage, ref: ModelRef) -> ServedModel:
        start = time.perf_counter()
        try:
            version = self._verified(storage, ref)
            model = self._served(ref, version, start)
        except (formats.UnsupportedModel, NotAModel) as error:
            raise LoadFailed(ref.name, ref.version, str(error)) from error
        except MemoryError:
            raise LoadFailed(ref.name, ref.version, "out of memory") from None
        except BaseException as error:  # a pickle may raise anything, SystemExit too
            cause = str(error).strip().replace("\n", " ") or "no message"
            raise LoadFailed(ref.name, ref.version, f"{type(error).__name__}: {cause}") from error
        log.info(
            "model %s %s is ready after %.2f s: %s on the %s %s",
            *(model.name, model.version, model.load_seconds),
            *(model.engine, model.device.kind.upper(), model.note),
        )
        if model.device.kind == "cpu" and model.device.note:
            log.warning("model %s runs on the CPU: %s", model.id, model.device.note)
        return model

    def _verified(self, storage: Storage, ref: ModelRef) -> VerifiedVersion:
        """Fetched and verified; a storage that can't be reached is tried again for a while."""
        give_up = time.monotonic() + self._settings.load_timeout
        pause = 0.5
        while True:
            try:
                version = ref.version
                if not is_version(version):  # else a copy in the cache will do, without the store
                    version = storage.resolve(ref.name, version)
                return fetch_verified(
                    *(storage, ref.name, version, self._settings.cache_dir),
                    *(ref.digest, self._keys),
                )
            except StorageUnavailable as error:
                if is_version(ref.version):
                    self._metrics.model(ref.name, plain(ref.version)).store_failed()
                if time.monotonic() + pause > give_up:
                    raise
                log.warning("%s %s: %s; again in %g s", ref.name, ref.version, error, pause)
            time.sleep(pause)
            pause = min(2 * pause, 8.0)

    def _served(self, ref: ModelRef, version: VerifiedVersion, start: float) -> ServedModel:
        settings = self._settings
        refuse_forbidden(version, settings.formats)
        version = formats.described(version)
        metadata = version.metadata
        metrics = self._metrics.model(ref.name, metadata.version)
        metrics.requests.has_classes(labels_of(metadata.signature.outputs))
        if ref in settings.models:
            self._registry.counts_for(ref.name, metrics)
        differ = differences(metadata.dependencies)
        if differ and settings.dependencies == "Refuse":
            raise formats.UnsupportedModel(f"TRANSIT_DEPENDENCIES is Refuse, and {differ[0]}")
        threads = ref.intra_op_threads or settings.intra_op_threads
        loaded = formats.load(version, settings.cache_dir, threads)
        differ += tuple(
            text
            for text in differences(loaded.says.written_by, "its file was written by")
            if text not in differ
        )
        if differ and settings.dependencies == "Refuse":
            raise formats.UnsupportedModel(f"TRANSIT_DEPENDENCIES is Refuse, and {differ[0]}")
        metrics.differs(len(differ))
        for text in differ:
            log.warning("model %s %s: %s", ref.name, metadata.version, text)
        if not labels_of(metadata.signature.outputs):
            metrics.requests.has_classes(labels_of(loaded.outputs))
        predictor = Predictor(
            loaded.prepare,
            loaded.predict,
            loaded.width,
            probabilities=loaded.probabilities,
        )
        name = f"{ref.name} {metadata.version}"
        if loaded.golden is not None:
            self._replay(loaded.inputs, predictor, loaded.golden)
        checked = check(
            name,
            predictor,
            loaded.probes,
            settings.batch_max_size,
            made_up=version.probe is None,
        )
        if settings.tensor_float_32 and loaded.relax is not None:
            rest = (predictor, loaded.probes, checked.max_rows)
            self._relaxing.append(partial(_relax, name, loaded.relax, *rest))
        limits = Limits(
            checked.max_rows,
            settings.batch_max_wait,
            settings.max_queue,
            settings.request_timeout,
        )
        seconds = time.perf_counter() - start
        metrics.loaded(seconds)
        metrics.serves(version.digest)
        batcher = Batcher(ref.name, predictor, limits)
        metrics.queue_is(lambda: batcher.queued)
        return ServedModel(
            name=ref.name,
            version=metadata.version,
            digest=version.digest,
            signed_by=version.signed_by,
            inputs=loaded.inputs,
            outputs=loaded.outputs,
            metadata=metadata.plain(),
            engine=loaded.engine,
            note="; ".join(part for part in (loaded.note, checked.note) if part),
            device=loaded.device,
            load_seconds=seconds,
            batcher=batcher,
            metrics=metrics,
            breaker=Breaker(
                name,
                settings.breaker_failures,
                settings.breaker_open_for,
                metrics.circuit_is,
            ),
            probes=loaded.probes[: checked.max_rows],
            widths=loaded.widths,
            dependencies=differ,
        )


def _relax(
    name: str, relax: Callable[[], None], predict: Predictor, probes: Rows, max_rows: int
) -> None:
    relax()
    warm_up(predict, probes, max_rows)  # what runs now is other code
    log.info("model %s is proven, and answers with TensorFloat-32 from now on", name)


def _tell_whether_ready(model: ServedModel) -> None:
    model.metrics.ready_is(lambda: model.unready_because is None)


def _same_kind(model: ServedModel, other: ServedModel, needs: str) -> None:
    """Raises `LoadFailed` when two models that must answer for each other differ."""
    if model.kind != other.kind:
        raise LoadFailed(model.name, model.version, needs.format("the same classes and features"))
