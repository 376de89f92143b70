"""What the parts share: a strict model, names, directories and quantities."""

from typing import Annotated

from pydantic import ConfigDict, Field
from pydantic.alias_generators import to_camel

from ..base import ApiModel


class ConfigModel(ApiModel):
    """Base of every part: a key that nobody knows is refused, for it does not do what it says."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, frozen=True, extra="forbid"
    )


Quantities = dict[str, dict[str, str | int]]  # requests and limits → resource → quantity


# A directory, without "..", "." or "//", and not the root, which would be everything.
DIRECTORY = r"(/([^/.][^/]*|\.[^/.][^/]*|\.\.[^/]+))"


FileRoot = Annotated[str, Field(pattern=rf"^{DIRECTORY}+$")]


# A key of the Secret that the chart mounts, or the absolute path of another file; empty: none.
SecretFile = Annotated[str, Field(pattern=r"^((/.+)?[-._a-zA-Z0-9]+)?$")]


# A name, no pattern: nothing is looked up of which namespaces there are.
Namespace = Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")]
