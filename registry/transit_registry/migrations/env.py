"""What Alembic runs to migrate: in the transaction that `migrating` has begun."""

from alembic import context

from transit_registry.tables import metadata

given = context.config.attributes
context.configure(
    connection=given["connection"],
    target_metadata=metadata,
    version_table=given["version_table"],
)
context.run_migrations()
