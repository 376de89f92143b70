"""The objects of each revision: made, scaled, taken away.

A revision's pod template is kept in a ControllerRevision and never built twice
(docs/decisions/0002-template-is-kept.md). Where that record is gone the live Deployment still has
it. Neighbours: `execute` calls this after the traffic.
"""

import secrets
from collections.abc import Set
from typing import Any

from ...adapters.kubernetes import Refused
from ...api import names
from ...api.config.operator import OperatorConfig
from ...api.names import revision_object_name
from ...api.spec import Autoscaling, ModelDeploymentSpec
from ...core.decision import Decision
from ...core.objects import build as objects
from ...core.objects.build import Object, Owner
from ...core.objects.feedback import KEY_BYTES, feedback_secret, secret_name
from ...core.objects.revision import storage_of
from ...core.objects.scaling import autoscaler, scaled_object
from ...core.objects.template import pod_template
from ...core.objects.unbuildable import Unbuildable
from ...core.observed import Wanted
from ..observing.observe import Snapshot
from ..observing.records import ANNOTATION_REJECTED, marked, models_run
from .writes import Attempts, Writer

_SCALERS = (autoscaler.KIND, scaled_object.KIND)
_PER_REVISION = ("Deployment", "Service", "PodDisruptionBudget", *_SCALERS)


async def write_records(
    attempts: Attempts, writer: Writer, snapshot: Snapshot, decision: Decision
) -> None:
    """Note on each record why its revision was rejected."""
    for record in marked(snapshot.owner, snapshot.live, decision.rejected):
        await attempts.make(writer.apply(record))


async def write_revision(
    attempts: Attempts,
    writer: Writer,
    snapshot: Snapshot,
    spec: ModelDeploymentSpec,
    config: OperatorConfig,
    revision: str,
    decision: Decision,
    *,
    only_up: bool,
) -> None:
    """Bring one revision to what is asked for. `only_up`: it has traffic that was to be moved."""
    owner, replicas = snapshot.owner, decision.replicas[revision]
    name = revision_object_name(owner.name, revision)
    await attempts.make(writer.apply(objects.revision_service(owner, revision)))
    await attempts.make(_write_deployment(writer, snapshot, spec, config, revision))
    if config.server.disruption_budgets:
        await attempts.make(writer.apply(objects.disruption_budget(owner, revision)))
    else:
        await attempts.make(writer.delete("PodDisruptionBudget", name))
    if spec.autoscaling is None:
        for kind in _SCALERS:
            await attempts.make(writer.delete(kind, name))
        await attempts.make(writer.scale(name, replicas, only_up=only_up))
    else:
        bounds = replicas, decision.limits[revision]
        if not only_up:
            await attempts.make(
                _write_scaler(writer, owner, revision, spec.autoscaling, bounds, config)
            )
        # Only up to its autoscaler's least: down is the autoscaler's affair.
        await attempts.make(writer.scale(name, replicas, only_up=True))


async def _write_scaler(
    writer: Writer,
    owner: Owner,
    revision: str,
    wanted: Autoscaling,
    bounds: tuple[int, int],
    config: OperatorConfig,
) -> None:
    """Write what scales a revision, the other form of it first away: two would fight."""
    if wanted.class_ == "HPA":
        made, other = autoscaler.autoscaler(owner, revision, wanted, *bounds), scaled_object.KIND
    elif config.keda.enabled:
        made = scaled_object.scaled_object(owner, revision, wanted, bounds, config)
        other = autoscaler.KIND
    else:
        raise Refused(
            "spec.autoscaling.class: KEDA is not turned on in this cluster: ask for keda.enabled in"
            " the operator's configuration, or use class HPA"
        )
    await writer.delete(other, made["metadata"]["name"])
    await writer.apply(made)


async def remove(
    attempts: Attempts, writer: Writer, snapshot: Snapshot, decision: Decision, held: Set[str]
) -> None:
    """Delete the objects of revisions that no longer have a part to play, but not of `held`."""
    staying = set(decision.replicas) | decision.keep | held
    status = decision.status
    remembered = staying | {
        r.revision
        for r in (status.stable, status.candidate, status.previous, status.rejected)
        if r is not None
    }
    for (kind, name), obj in list(snapshot.live.items()):
        revision = (obj["metadata"].get("labels") or {}).get(names.LABEL_REVISION)
        if revision is None:
            continue
        if kind in _PER_REVISION and revision not in staying:
            await attempts.make(writer.delete(kind, name))
        if kind == "ControllerRevision" and revision not in remembered:
            await attempts.make(writer.delete(kind, name))


async def _write_deployment(
    writer: Writer,
    snapshot: Snapshot,
    spec: ModelDeploymentSpec,
    config: OperatorConfig,
    revision: str,
) -> None:
    record = _record(writer, snapshot, spec, config, revision)
    await writer.apply(record)
    if writer.live("Deployment", revision_object_name(snapshot.owner.name, revision)) is None:
        # Before its first pod: what is mounted later comes a minute late.
        key = secrets.token_bytes(KEY_BYTES)
        await writer.create_secret(feedback_secret(snapshot.owner, key))
    template: dict[str, Any] = record["data"]["template"]
    await writer.apply(objects.deployment(snapshot.owner, revision, template))


def _record(
    writer: Writer,
    snapshot: Snapshot,
    spec: ModelDeploymentSpec,
    config: OperatorConfig,
    revision: str,
) -> Object:
    """Return the record of a revision: as kept, else as its Deployment runs, else as wanted.

    Raises:
        Refused: it is gone, and with it what could be said of it.
    """
    owner = snapshot.owner
    name = revision_object_name(owner.name, revision)
    kept, running = writer.live("ControllerRevision", name), writer.live("Deployment", name)
    if kept is not None:
        record = objects.controller_revision(owner, revision, kept["data"])
        mark = (kept["metadata"].get("annotations") or {}).get(ANNOTATION_REJECTED)
        if mark is not None:
            record["metadata"]["annotations"] = {ANNOTATION_REJECTED: mark}
        return record
    if running is not None:
        template = running["spec"]["template"]
        return objects.controller_revision(
            owner, revision, {"models": models_run(template), "template": template}
        )
    target = snapshot.observed.wanted
    if target is None or target.revision != revision:
        raise Refused(
            f"ControllerRevision {name} and its Deployment are gone, so revision {revision} can't"
            " be built again from another spec; ask for its models and settings in the spec again,"
            " or change spec.models to roll out another one"
        )
    return objects.controller_revision(owner, revision, _resolved(snapshot, spec, config, target))


def _resolved(
    snapshot: Snapshot, spec: ModelDeploymentSpec, config: OperatorConfig, target: Wanted
) -> dict[str, Any]:
    owner = snapshot.owner
    try:
        secret = secret_name(owner.name, owner.uid)
        template = pod_template(owner.namespace, owner.name, target, spec, config, secret)
    except Unbuildable as error:
        raise Refused(str(error)) from error
    return {
        "models": [model.model_dump(exclude_none=True) for model in target.models],
        "storage": storage_of(spec),
        "template": template,
    }
