"""Who is told what happens. Neighbour: `runtime.notifying` tells them."""

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from .base import ConfigModel, Namespace, SecretFile

# The reasons of transitions, as core.rules.changes has them, and Blind, which is none.
Reason = Literal[
    "Created",
    "Replaced",
    "Healthy",
    "StatusRecovered",
    "RolloutStarted",
    "StepReached",
    "Promoted",
    "Rejected",
    "RolledBack",
    "RollbackStalled",
    "Superseded",
    "Reverted",
    "Paused",
    "Resumed",
    "Retried",
    "ApprovalNeeded",
    "Resolving",
    "RollbackHurried",
    "CommandIgnored",
    "VersionDeprecated",
    "AliasMoved",
    "Blind",
]


_TOLD: tuple[Reason, ...] = ("Promoted", "Rejected", "RolledBack", "Paused", "Blind")


class Receiver(ConfigModel):
    """Who is told what happens. Its URL is a secret, and stands in a file."""

    name: str = Field(
        pattern=r"^[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?$",
        description="In logs and metrics. Under another name it is another receiver, which hears"
        " what happens from then on.",
    )
    kind: Literal["Apprise", "CloudEvents"] = Field(
        default="Apprise",
        description="Apprise: a URL of Apprise, such as slack:// or mailtos://, for people."
        " CloudEvents: an http:// or https:// URL that gets CloudEvents 1.0, for programs.",
    )
    url_file: SecretFile = Field(
        default="", description="A key of the Secret, or an absolute path. Default: the name."
    )
    namespaces: list[Namespace] = Field(
        default_factory=list, description="Of these namespaces only; none: of all."
    )
    reasons: list[Reason] = Field(
        default_factory=lambda: list(_TOLD),
        min_length=1,
        description="What is told: reasons of transitions, and Blind, a rollout that has stood"
        " without measurements for blindAfterSeconds.",
    )


class NotificationsConfig(ConfigModel):
    """Who is told what happens. Without receivers: nobody."""

    secret_name: str = Field(
        default="",
        description="A Secret of the operator's namespace, which the chart mounts; the files of"
        " the receivers are its keys, or absolute paths.",
    )
    environment: str = Field(
        default="", max_length=50, description="What this cluster is called in messages."
    )
    blind_after_seconds: float = Field(
        default=1800.0,
        ge=60,
        allow_inf_nan=False,
        description="How long without measurements is Blind.",
    )
    receivers: list[Receiver] = Field(default_factory=list, max_length=20)

    @model_validator(mode="after")
    def _each_can_be_told_apart_and_found(self) -> Self:
        names = [receiver.name for receiver in self.receivers]
        if len(set(names)) < len(names):
            raise ValueError("two receivers have the same name: rename one")
        for receiver in self.receivers:
            if not self.secret_name and not receiver.url_file.startswith("/"):
                raise ValueError(
                    f"{receiver.name}: set secretName, or give urlFile as an absolute path"
                )
        return self

    def url_file(self, receiver: Receiver) -> Path:
        """Return the file that has a receiver's URL."""
        return Path("/etc/transit/notifications", receiver.url_file or receiver.name)
