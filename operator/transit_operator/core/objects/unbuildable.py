"""Why no pods can be built of a valid spec: the configuration, or a `podTemplate`.

Neighbour: `template` raises them; what they say stands in the condition `Accepted`.
"""

GRACE_SECONDS = 40  # after the drain delay: for the longest prediction, and what it leaves to do


class Unbuildable(Exception):
    """A spec that the operator's configuration has no answer to; the message names the field."""


class UnknownPool(Unbuildable):
    """`spec.server.pool` names no pool of the operator's configuration."""

    def __init__(self, pool: str, known: list[str]) -> None:
        super().__init__(
            f"spec.server.pool: no pool is named {pool!r}; the operator's configuration has"
            f" {', '.join(sorted(known)) or 'none'}"
        )


class ForbiddenPath(Unbuildable):
    """`spec.storage.uri` names a directory of the node that the operator doesn't allow."""

    def __init__(self, uri: str, roots: list[str]) -> None:
        super().__init__(
            f"spec.storage.uri: {uri} is not below a directory that the operator's configuration"
            f" allows (fileRoots: {', '.join(roots) or 'none'})"
        )


class NoSigningKeys(Unbuildable):
    """`spec.storage.verify` asks for signatures, and nobody's key is known."""

    def __init__(self) -> None:
        super().__init__(
            "spec.storage.verify: Signature needs a public key, and the operator's"
            " configuration has none (signing.keys)"
        )


class NowhereToLog(Unbuildable):
    """`spec.server.predictionLog` asks for a log, and there is no store for it."""

    def __init__(self) -> None:
        super().__init__(
            "spec.server.predictionLog: the operator's configuration names no store for it"
            " (predictionLog.uri)"
        )


class CutOff(Unbuildable):
    """A `podTemplate` ends pods while their servers still take requests."""

    def __init__(self, grace: int, drain: int) -> None:
        super().__init__(
            f"podTemplate.spec.terminationGracePeriodSeconds: {grace} s are no more than the"
            f" {drain} s for which a server that is told to end still answers"
            " (config.server.drainDelaySeconds), so requests would be cut off at each step; leave"
            f" it out ({GRACE_SECONDS + drain}), or give more"
        )
