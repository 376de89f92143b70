"""Phase, message and conditions: what `kubectl get` and `kubectl describe` say.

Everything here follows from the rollout, its plan and the observed state, so that it can be said
again at any time without a change. No rule reads what is said here.
"""

from ...api.spec import ModelDeploymentSpec
from ...api.status import Condition, ModelDeploymentStatus, Phase, Versions
from ..observed import Observed, Problem
from ..plan.plan import Plan
from ..plan.steps import steps_of
from ..signals.evidence import capped
from ..state import Rollout, to_status
from .conditions import Words, accepted, condition, conditions, words_of
from .kstatus import of_problem
from .phase import message_of, phase_of
from .text import versions_text


def describe(
    o: Observed, spec: ModelDeploymentSpec, rollout: Rollout, plan: Plan
) -> ModelDeploymentStatus:
    """Return the status to write, with everything that is said about it brought up to date."""
    phase = phase_of(o, spec, rollout, plan)
    said = o.problem.message if o.problem else message_of(o, spec, rollout, plan, phase)
    stable, candidate = rollout.stable, rollout.candidate
    versions = Versions(
        stable=versions_text(stable.models) if stable else None,
        candidate=versions_text(candidate.models) if candidate else None,
    )
    message = capped(said)
    return to_status(rollout).model_copy(
        update={
            "resource_uid": o.uid,
            "observed_generation": o.generation,
            "phase": phase,
            "message": message,
            "step": f"{candidate.step}/{len(steps_of(spec, candidate))}" if candidate else None,
            "versions": versions,
            "weight": o.share(candidate.revision) if candidate else None,
            "conditions": conditions(o, spec, rollout, plan, phase, message),
        }
    )


def describe_unaccepted(o: Observed, rollout: Rollout) -> ModelDeploymentStatus:
    """Return the status where the spec can't be acted upon: all else stays as it was."""
    problem = o.problem or Problem("NotUnderstood", "the spec could not be understood")
    before = rollout.rest.conditions
    said_of_spec: Words = ("Accepted", accepted(problem), problem.reason, problem.message)
    said = [
        condition(o, before, *words) for words in (said_of_spec, *words_of(of_problem(problem)))
    ]
    others: list[Condition] = [c for c in before if c.type not in {s.type for s in said}]
    return to_status(rollout).model_copy(
        update={
            "resource_uid": o.uid,
            "observed_generation": o.generation,
            "phase": rollout.rest.phase or Phase.PENDING,
            "message": capped(problem.message),
            "conditions": [*said, *others],
        }
    )
