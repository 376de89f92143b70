"""The status of a ModelDeployment: what users read, and all that the operator must remember.

After a crash the operator knows only this and the cluster, so every value a decision depends on
(held seconds, failure counts, kept baselines) is here. `model_deployment` has the whole.
"""

from .evidence import Baseline, Evidence, ModelBaseline
from .model_deployment import HISTORY_LENGTH, Condition, ModelDeploymentStatus, Transition, Weight
from .reading import read_status
from .revisions import CandidateStatus, CheckStatus, Former, Rejected, Retreat, StableStatus
from .versions import Followed, PinnedModel, Pins, Versions
from .words import Phase, RejectReason, Time, Verdict

__all__ = [
    "HISTORY_LENGTH",
    "Baseline",
    "CandidateStatus",
    "CheckStatus",
    "Condition",
    "Evidence",
    "Followed",
    "Former",
    "ModelBaseline",
    "ModelDeploymentStatus",
    "Phase",
    "PinnedModel",
    "Pins",
    "RejectReason",
    "Rejected",
    "Retreat",
    "StableStatus",
    "Time",
    "Transition",
    "Verdict",
    "Versions",
    "Weight",
    "read_status",
]
