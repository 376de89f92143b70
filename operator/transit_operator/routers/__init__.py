"""How planned weights become Kubernetes objects, and how the real weights are read back.

Pure: a router builds and reads objects; `runtime` applies them. `for_spec` picks the router.
"""

from ..api.spec import ModelDeploymentSpec
from .base import Router
from .gateway import GatewayRouter
from .replicas import ReplicasRouter

__all__ = ["Router", "for_spec"]


def for_spec(spec: ModelDeploymentSpec) -> Router:
    """Return the router that a spec asks for."""
    if spec.traffic.router == "gateway" and spec.traffic.gateway is not None:
        return GatewayRouter(spec.traffic.gateway, spec.traffic.candidate_header)
    return ReplicasRouter()
