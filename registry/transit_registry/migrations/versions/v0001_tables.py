"""The guide's registry of versions and history of deployments."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None

_document = sa.JSON().with_variant(JSONB(), "postgresql")
_moment = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "model_registry",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("model_name", sa.String(100), nullable=False),
        sa.Column("version", sa.String(100), nullable=False),
        sa.Column("storage_path", sa.Text, nullable=False),
        sa.Column("digest", sa.String(64)),
        sa.Column("metadata", _document, nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("status_by", sa.Text),
        sa.Column("status_reason", sa.Text),
        sa.Column("created_at", _moment, nullable=False),
        sa.Column("updated_at", _moment, nullable=False),
        sa.PrimaryKeyConstraint("id", name="model_registry_pkey"),
        sa.UniqueConstraint("model_name", "version", name="model_registry_model_name_version_key"),
        sa.CheckConstraint(
            "status IN ('active', 'deprecated', 'archived')",
            name=op.f("model_registry_status_check"),
        ),
    )
    op.create_table(
        "deployment_history",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("event_id", sa.String(64), nullable=False),
        sa.Column("model_name", sa.String(100), nullable=False),
        sa.Column("model_id", sa.Integer),
        sa.Column("environment", sa.String(50), nullable=False),
        sa.Column("namespace", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("event", sa.String(50), nullable=False),
        sa.Column("revision", sa.Text),
        sa.Column("version", sa.String(100)),
        sa.Column("digest", sa.String(64)),
        sa.Column("from_version", sa.String(100)),
        sa.Column("from_digest", sa.String(64)),
        sa.Column("started_at", _moment),
        sa.Column("deployed_at", _moment, nullable=False),
        sa.Column("deployed_by", sa.Text, nullable=False),
        sa.Column("rollback_at", _moment),
        sa.Column("notes", sa.Text),
        sa.Column("evidence", _document, nullable=False),
        sa.PrimaryKeyConstraint("id", name="deployment_history_pkey"),
        sa.UniqueConstraint(
            "event_id", "model_name", name="deployment_history_event_id_model_name_key"
        ),
        sa.ForeignKeyConstraint(
            ["model_id"], ["model_registry.id"], name="deployment_history_model_id_fkey"
        ),
    )
    op.create_index(
        "deployment_history_model_name_deployed_at_idx",
        "deployment_history",
        ["model_name", "deployed_at"],
    )
    op.create_index(
        "deployment_history_environment_namespace_name_deployed_at_idx",
        "deployment_history",
        ["environment", "namespace", "name", "deployed_at"],
    )


def downgrade() -> None:
    op.drop_table("deployment_history")
    op.drop_table("model_registry")
