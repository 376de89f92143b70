"""What every part of the resource is made of: camelCase on the wire, immutable in memory."""

from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

Rule = dict[str, str]


def rule(rule: str, message: str) -> dict[str, Any]:
    return {"x-kubernetes-validations": [{"rule": rule, "message": message}]}


class ApiModel(BaseModel):
    """Base of everything in the resource: camelCase on the wire, immutable in memory."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, frozen=True, extra="ignore"
    )

    rules: ClassVar[tuple[Rule, ...]] = ()
