"""The tables: the guide's `model_registry`, `deployment_history` and `prediction_logs`, and what an
audit asks beyond.

Neighbours: `migrations` makes them, and a test compares the two; `writing`, `reading`, `versions`
and `predictions` use them.
"""

from datetime import UTC, datetime
from enum import StrEnum

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Dialect,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeDecorator


class Status(StrEnum):
    """What may be done with a version: anything; better something else; nothing new."""

    ACTIVE = "active"
    DEPRECATED = "deprecated"
    ARCHIVED = "archived"


class Moment(TypeDecorator[datetime]):
    """A moment in UTC. SQLite keeps no time zone, so it is put back on reading."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None or value.tzinfo is not None:
            return value
        return value.replace(tzinfo=UTC)


Document = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
# SQLite counts up an INTEGER only.
Counted = BigInteger().with_variant(Integer(), "sqlite")

metadata = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "fk": "%(table_name)s_%(column_0_name)s_fkey",
        "ck": "%(table_name)s_%(constraint_name)s_check",
        "ix": "%(table_name)s_%(column_0_N_name)s_idx",
    }
)

model_registry = Table(
    "model_registry",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("model_name", String(100), nullable=False),
    Column("version", String(100), nullable=False),
    Column("storage_path", Text, nullable=False),
    Column("digest", String(64)),
    Column("metadata", Document, nullable=False),
    Column("status", String(20), nullable=False),
    Column("status_by", Text),
    Column("status_reason", Text),
    Column("created_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
    UniqueConstraint("model_name", "version"),
    CheckConstraint("status IN ('active', 'deprecated', 'archived')", name="status"),
)

deployment_history = Table(
    "deployment_history",
    metadata,
    Column("id", Counted, primary_key=True),
    # What the row is known by: the same thing told twice is one row for each of its models.
    Column("event_id", String(64), nullable=False),
    Column("model_name", String(100), nullable=False),  # "" where the models are not known
    Column("model_id", Integer, ForeignKey("model_registry.id")),
    Column("environment", String(50), nullable=False),
    Column("namespace", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("event", String(50), nullable=False),
    Column("revision", Text),
    Column("version", String(100)),
    Column("digest", String(64)),
    Column("from_version", String(100)),
    Column("from_digest", String(64)),
    Column("started_at", Moment),
    Column("deployed_at", Moment, nullable=False),
    Column("deployed_by", Text, nullable=False),
    Column("rollback_at", Moment),
    Column("notes", Text),
    Column("evidence", Document, nullable=False),
    UniqueConstraint("event_id", "model_name"),
    Index(None, "model_name", "deployed_at"),
    Index(None, "environment", "namespace", "name", "deployed_at"),
)

# By days, so that old ones go at once. In SQLite they stay empty.
prediction_logs = Table(
    "prediction_logs",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("model_id", Integer, ForeignKey("model_registry.id")),
    Column("request_id", String(128), nullable=False, index=True),
    Column("input_features", Document, nullable=False),
    Column("prediction", Document, nullable=False),
    Column("latency_ms", Double, nullable=False),
    Column("timestamp", Moment, primary_key=True),
    # Of all rows of one request; what feedback is joined by, with the place of the row.
    Column("prediction_id", String(32), nullable=False, index=True),
    Column("row_index", Integer, nullable=False),
    Column("model_name", String(100), nullable=False),
    Column("version", String(100), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("namespace", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("revision", Text, nullable=False),
    Column("outcome", String(20), nullable=False),
    postgresql_partition_by="RANGE (timestamp)",
)

prediction_feedback = Table(
    "prediction_feedback",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("timestamp", Moment, primary_key=True),
    Column("prediction_id", String(32), nullable=False, index=True),
    Column("row_index", Integer, nullable=False),
    Column("model_name", String(100), nullable=False),
    Column("version", Text, nullable=False),  # an ensemble's has those of all its models
    Column("namespace", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("revision", Text, nullable=False),
    Column("predicted", Document, nullable=False),
    Column("label", Document, nullable=False),
    Column("correct", Boolean, nullable=False),
    postgresql_partition_by="RANGE (timestamp)",
)

# What was loaded, so that it is once.
prediction_files = Table(
    "prediction_files",
    metadata,
    Column("file", Text, primary_key=True),
    Column("day", Date, nullable=False),
    Column("loaded_at", Moment, nullable=False),
)
