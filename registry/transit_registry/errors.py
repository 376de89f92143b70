"""What can be wrong with a registry. Each message tells what to do."""

UPGRADE = "transit-models registry upgrade"


class RegistryError(Exception):
    """Base of everything the registry raises on purpose."""


class InvalidAddress(RegistryError):
    """An address that can be no registry. Trying again is of no use."""


class RegistryUnavailable(RegistryError):
    """The database does not answer, or refuses us. Worth trying again later."""


class SchemaOutdated(RegistryError):
    """The database has not the tables of this release."""


class NotRegistered(RegistryError):
    """The registry has no such model or version."""


class MalformedFile(RegistryError):
    """A file of the log of predictions that is none."""
