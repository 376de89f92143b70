"""What the endpoints have to know of the life of the process: `draining` changes it."""


class Lifecycle:
    """Starting, ready, draining, or failed."""

    def __init__(self) -> None:
        self.draining = False
        self.failure: Exception | None = None
