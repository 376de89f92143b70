"""Tell the past: the history of a model, and who serves which version now."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, func, select

from .tables import deployment_history

_C = deployment_history.c
# By these a revision becomes what serves.
SERVES = ("Promoted", "Healthy", "StatusRecovered")

Row = Mapping[str, Any]


def history(connection: Connection, name: str, limit: int) -> list[Row]:
    """What happened to a model, everywhere, the latest last; at most `limit` of the latest."""
    latest = (
        select(deployment_history)
        .where(_C.model_name == name)
        .order_by(_C.deployed_at.desc(), _C.id.desc())
        .limit(limit)
    )
    return [dict(row._mapping) for row in reversed(connection.execute(latest).all())]


def serving(connection: Connection) -> list[Row]:
    """Who serves which version, as far as the history tells: the last word of each place."""
    place = (_C.environment, _C.namespace, _C.name)
    number = func.row_number().over(
        partition_by=(*place, _C.model_name), order_by=(_C.deployed_at.desc(), _C.id.desc())
    )
    newest = func.max(_C.deployed_at).over(partition_by=place)
    words = (
        select(
            *place,
            _C.model_name,
            _C.version,
            _C.deployed_at,
            number.label("nth"),
            newest.label("newest"),
        )
        .where(_C.event.in_(SERVES), _C.model_name != "")
        .subquery()
    )
    # A model that the latest revision of its place has no more serves there no more.
    now = select(words).where(words.c.nth == 1, words.c.deployed_at == words.c.newest)
    ordered = now.order_by(words.c.environment, words.c.namespace, words.c.name)
    return [dict(row._mapping) for row in connection.execute(ordered)]
