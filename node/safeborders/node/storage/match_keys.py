"""Stored match keys follow the rules that are installed: re-made when the version of the normaliser changes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import cast

from sqlalchemy import Connection, Table, bindparam, insert, select, update

from safeborders.models.domain.countries import Country
from safeborders.models.domain.entities import EntityKind
from safeborders.models.domain.normalise.version import NORMALISER
from safeborders.models.domain.selectors import match_key
from safeborders.node.storage.entities import ENTITY_CLASSES, EntityRow
from safeborders.node.storage.resolution_tables import NormaliserRow

_ENTITY = cast("Table", EntityRow.__table__)
_VERSION = cast("Table", NormaliserRow.__table__)
_ROWS_AT_ONCE = 5000


def stored_version(connection: Connection) -> str | None:
    """Return under which rules the stored keys were made; None before the first :func:`reindex`."""
    return connection.execute(select(_VERSION.c.version)).scalar()


@dataclass(frozen=True)
class Naming:
    """What keys are made of.

    Attributes:
        country: Whose numbers these are.
        named_by: The column that entities of each kind are looked up by.
    """

    country: Country
    named_by: Mapping[EntityKind, str]


def reindex_if_changed(connection: Connection, naming: Naming, *, tell: Callable[[int], None]) -> int:
    """Make all keys anew where other rules than the installed ones made them; return how many changed."""
    return 0 if stored_version(connection) == NORMALISER else reindex(connection, naming, tell=tell)


def reindex(connection: Connection, naming: Naming, *, tell: Callable[[int], None]) -> int:
    """Make all match keys anew inside the caller's transaction and return how many changed.

    Args:
        connection: Its transaction is the caller's to keep or to drop.
        naming: What keys are made of.
        tell: Told from time to time how many entities are done.
    """
    done = changed = 0
    for kind, name in naming.named_by.items():
        own = cast("Table", ENTITY_CLASSES[kind].__table__)
        last = ""
        while rows := _next_rows(connection, own, name, last=last):
            new = [_renewed(row, kind=kind, country=naming.country) for row in rows]
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
