"""Stored match keys follow the rules that are installed: re-made when the version of the normaliser changes."""

from collections.abc import Callable
from typing import cast

from sqlalchemy import Connection, Table, bindparam, insert, select, update

from safeborders.models.domain.countries import Country
from safeborders.models.domain.entities import EntityKind
from safeborders.models.domain.normalise.version import NORMALISER
from safeborders.models.domain.selectors import match_key
from safeborders.node.ingest.fields import NAMED_BY
from safeborders.node.storage.entities import ENTITY_CLASSES, EntityRow
from safeborders.node.storage.resolution_tables import NormaliserRow

_ENTITY = cast("Table", EntityRow.__table__)
_VERSION = cast("Table", NormaliserRow.__table__)
_ROWS_AT_ONCE = 5000


def stored_version(connection: Connection) -> str | None:
    """Return under which rules the stored keys were made; None before the first :func:`reindex`."""
    return connection.execute(select(_VERSION.c.version)).scalar()


def reindex(connection: Connection, *, country: Country, tell: Callable[[int], None]) -> int:
    """Make all match keys anew inside the caller's transaction and return how many changed.

    Args:
        connection: Its transaction is the caller's to keep or to drop.
        country: Whose numbers these are.
        tell: Told from time to time how many entities are done.
    """
    done = changed = 0
    for kind, name in NAMED_BY.items():
        own = cast("Table", ENTITY_CLASSES[kind].__table__)
        last = ""
        while rows := _next_rows(connection, own, name, last=last):
            new = [_renewed(row, kind=kind, country=country) for row in rows]
            stale = [one for one, row in zip(new, rows, strict=True) if one["new_key"] != row[1]]
            if stale:
                statement = update(_ENTITY).where(_ENTITY.c.id == bindparam("entity_id"))
                connection.execute(statement.values(match_key=bindparam("new_key")), stale)
            done, changed, last = done + len(rows), changed + len(stale), rows[-1][0]
            tell(done)
    connection.execute(_VERSION.delete())
    connection.execute(insert(_VERSION), [{"id": 1, "version": NORMALISER}])
    return changed


def _next_rows(connection: Connection, own: Table, name: str, *, last: str) -> list[tuple[str, str | None, str | None]]:
    wanted = (
        select(own.c.id, _ENTITY.c.match_key, own.c[name])
        .join(_ENTITY, _ENTITY.c.id == own.c.id)
        .where(own.c.id > last)
        .order_by(own.c.id)
        .limit(_ROWS_AT_ONCE)
    )
    return list(connection.execute(wanted))


def _renewed(row: tuple[str, str | None, str | None], *, kind: EntityKind, country: Country) -> dict[str, str | None]:
    identifier, _, value = row
    return {"entity_id": identifier, "new_key": (match_key(kind, value, country=country) or None) if value else None}
