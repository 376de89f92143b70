"""Kinds of nodes that servers may run on, and the caches on them."""

from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from ..pod_template import PodTemplate
from .base import DIRECTORY, ConfigModel, Quantities


class NodeCache(ConfigModel):
    """Where the pods of a pool keep fetched versions for one another, one place of two."""

    host_path: Annotated[str, Field(pattern=rf"^{DIRECTORY}*$")] = Field(
        default="",
        description="A directory of each node, in which each namespace gets one of its own.",
    )
    claim_name: Annotated[str, Field(pattern=r"^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?)?$")] = Field(
        default="",
        description="A claim of each namespace, which many pods may write to (ReadWriteMany).",
    )
    size: Annotated[str, Field(pattern=r"^[1-9][0-9]*(Mi|Gi|Ti)$")] = Field(
        default="50Gi",
        description="What each of these directories, or the claim, may hold. Who was used least"
        " recently goes.",
    )

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if bool(self.host_path) == bool(self.claim_name):
            raise ValueError("give one of hostPath and claimName")
        return self


class Pool(ConfigModel):
    """A kind of node that servers may run on, named by `spec.server.pool`."""

    node_selector: dict[str, str] = Field(default_factory=dict)
    tolerations: list[dict[str, Any]] = Field(default_factory=list)
    resources: Quantities = Field(default_factory=dict)
    runtime_class_name: str | None = None
    pod_template: PodTemplate = Field(
        default_factory=dict,
        description="Merged over the pods of the pool, after that of `server`.",
    )
    node_cache: NodeCache | None = Field(
        default=None,
        description="A cache of fetched versions that pods share. Default: none.",
    )
