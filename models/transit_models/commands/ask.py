"""`transit-models answers`.

Neighbour: `packing.answers` does it, and stands alone.
"""

from transit_models.commands.common import Add
from transit_models.packing import answers


def add(command: Add) -> None:
    """Add it."""
    answers.add_arguments(
        command("answers", answers.run, "Write what the model's own library says to probe rows.")
    )
