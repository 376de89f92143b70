"""Parts of a spec, each in its place: what a table says is the part that is wrong or odd."""

from typing import Any

Wrong = dict[str, tuple[dict[str, Any], list[str]]]  # name → changes of a spec, what is said
Right = dict[str, dict[str, Any]]


def rollout(**changes: Any) -> dict[str, Any]:
    return {"rollout": changes}


def analysis(**changes: Any) -> dict[str, Any]:
    return rollout(analysis=changes)


def server(**changes: Any) -> dict[str, Any]:
    return {"server": changes}


def pods(**changes: Any) -> dict[str, Any]:
    return server(podTemplate={"spec": changes})


def labels(**changes: Any) -> dict[str, Any]:
    return server(podTemplate={"metadata": {"labels": changes}})


def variable(**changes: Any) -> dict[str, Any]:
    return server(env=[{"name": "A", **changes}])


def gateway(**changes: Any) -> dict[str, Any]:
    whole = {"parentRefs": [{"name": "public"}]} | changes
    return {"traffic": {"router": "gateway", "gateway": whole}}
