"""The guide's log of predictions, and the labels that came later; in PostgreSQL by days."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0002"
down_revision = "0001"

_document = sa.JSON().with_variant(JSONB(), "postgresql")
_moment = sa.DateTime(timezone=True)
_BY_DAY = "RANGE (timestamp)"


def upgrade() -> None:
    op.create_table(
        "prediction_logs",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), nullable=False),
        sa.Column("model_id", sa.Integer),
        sa.Column("request_id", sa.String(128), nullable=False),
        sa.Column("input_features", _document, nullable=False),
        sa.Column("prediction", _document, nullable=False),
        sa.Column("latency_ms", sa.Double, nullable=False),
        sa.Column("timestamp", _moment, nullable=False),
        sa.Column("prediction_id", sa.String(32), nullable=False),
        sa.Column("row_index", sa.Integer, nullable=False),
        sa.Column("model_name", sa.String(100), nullable=False),
        sa.Column("version", sa.String(100), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("namespace", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("revision", sa.Text, nullable=False),
        sa.Column("outcome", sa.String(20), nullable=False),
        sa.PrimaryKeyConstraint("id", "timestamp", name="prediction_logs_pkey"),
        sa.ForeignKeyConstraint(
            ["model_id"], ["model_registry.id"], name="prediction_logs_model_id_fkey"
        ),
        postgresql_partition_by=_BY_DAY,
    )
    op.create_index("prediction_logs_prediction_id_idx", "prediction_logs", ["prediction_id"])
    op.create_index("prediction_logs_request_id_idx", "prediction_logs", ["request_id"])
    op.create_table(
        "prediction_feedback",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), nullable=False),
        sa.Column("timestamp", _moment, nullable=False),
        sa.Column("prediction_id", sa.String(32), nullable=False),
        sa.Column("row_index", sa.Integer, nullable=False),
        sa.Column("model_name", sa.String(100), nullable=False),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("namespace", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("revision", sa.Text, nullable=False),
        sa.Column("predicted", _document, nullable=False),
        sa.Column("label", _document, nullable=False),
        sa.Column("correct", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("id", "timestamp", name="prediction_feedback_pkey"),
        postgresql_partition_by=_BY_DAY,
    )
    op.create_index(
        "prediction_feedback_prediction_id_idx", "prediction_feedback", ["prediction_id"]
    )
    op.create_table(
        "prediction_files",
        sa.Column("file", sa.Text, nullable=False),
        sa.Column("day", sa.Date, nullable=False),
        sa.Column("loaded_at", _moment, nullable=False),
        sa.PrimaryKeyConstraint("file", name="prediction_files_pkey"),
    )


def downgrade() -> None:
    op.drop_table("prediction_files")
    op.drop_table("prediction_feedback")
    op.drop_table("prediction_logs")
