"""What the versions of a spec were found to be, and what of that people see."""

from pydantic import Field

from ..base import ApiModel
from .words import Time


class PinnedModel(ApiModel):
    name: str = Field(description="Name of the model in the storage.")
    version: str = Field(description="The version that is served.")
    digest: str | None = Field(
        default=None,
        pattern="^[0-9a-f]{64}$",
        description="What stands for its content: the SHA-256 over the version's checksum.sha256."
        " The server serves that or nothing. Absent of a revision from before there were digests.",
    )


class Pins(ApiModel):
    """What the versions of the spec were found to be, and for which spec (`key`).

    Without models: a person has asked for another look (`resolve`), whatever is known.
    """

    key: str = Field(
        description="Hash of what makes the revision, as written: of another spec they are "
        "forgotten."
    )
    models: list[PinnedModel] = Field(
        description="Each model with its version, an alias resolved, and the digest of its content."
    )


class Followed(ApiModel):
    """The last look at aliases that are followed."""

    key: str = Field(description="Hash of what makes the revision, as written.")
    at: Time = Field(description="When they were looked up last (RFC 3339).")
    problem: str | None = Field(
        default=None, description="Why nothing was found then; absent where it was."
    )


class Versions(ApiModel):
    """What a column of `kubectl get` shows of a revision: `1.1.0`, of several models `3 models`."""

    stable: str | None = Field(default=None, description="What the stable revision serves.")
    candidate: str | None = Field(default=None, description="What the candidate serves.")
