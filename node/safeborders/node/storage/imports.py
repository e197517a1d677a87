"""Takes imported rows into the tables in bulk; a row whose key is known replaces the older one."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import cast

from sqlalchemy import Connection, Table, insert, select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from safeborders.kit.ids import stable_id
from safeborders.models.domain.entities import EntityKind
from safeborders.node.storage.entities import ENTITY_CLASSES, EntityRow
from safeborders.node.storage.tables import LabelRow, LinkRow, MoIndicatorRow, PersonStatusRow, SourceReportRow

_TABLES: Mapping[str, Table] = {
    "entity": cast("Table", EntityRow.__table__),
    **{kind.value: cast("Table", row.__table__) for kind, row in ENTITY_CLASSES.items()},
    "link": cast("Table", LinkRow.__table__),
    "mo_indicator": cast("Table", MoIndicatorRow.__table__),
    "person_status": cast("Table", PersonStatusRow.__table__),
    "label": cast("Table", LabelRow.__table__),
}
_REPORTS = cast("Table", SourceReportRow.__table__)

ORDER: tuple[str, ...] = tuple(_TABLES)
"""Tables in an order in which no row refers to a later one."""


class ImportTables:
    """Writes the rows of one file inside the caller's transaction.

    Args:
        connection: Its transaction is the caller's to keep or to drop.
        fresh: Whether the database held no entity before, so that no row can replace another.
    """

    def __init__(self, connection: Connection, *, fresh: bool) -> None:
        self._connection = connection
        self._fresh = fresh

    def put(self, rows: Mapping[str, Sequence[Mapping[str, object]]]) -> None:
        """Write ``rows``, by the names in ``ORDER``."""
        for name in ORDER:
            if rows.get(name):
                self._put(_TABLES[name], rows[name])

    def _put(self, table: Table, rows: Sequence[Mapping[str, object]]) -> None:
        if self._fresh:
            self._connection.execute(insert(table), rows)
            return
        dialect_insert = postgresql_insert if self._connection.dialect.name == "postgresql" else sqlite_insert
        statement = dialect_insert(table)
        keys = [column.name for column in table.primary_key]
        values: dict[str, object] = {
            column.name: statement.excluded[column.name] for column in table.columns if column.name not in keys
        }
        if "rev" in values:
            values["rev"] = table.c.rev + 1
        if values:
            self._connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=values), rows)
        else:
            self._connection.execute(statement.on_conflict_do_nothing(), rows)


def is_imported(connection: Connection, *, sha256: str) -> bool:
    """Return whether a file with this hash was taken in before."""
    return connection.execute(select(_REPORTS.c.id).where(_REPORTS.c.sha256 == sha256)).first() is not None


def add_report(connection: Connection, *, name: str, issuer: str, sha256: str, received_at: datetime) -> str:
    """Write down that a file was received and return the report's identifier; its counts follow."""
    report_id = stable_id("report", sha256)
    row = {"id": report_id, "name": name, "issuer": issuer, "sha256": sha256, "received_at": received_at}
    connection.execute(insert(_REPORTS), [{**row, "rows": 0, "denied": 0}])
    return report_id


def complete_report(connection: Connection, *, report_id: str, rows: int, denied: int) -> None:
    """Write down how many rows a file had and how many properties were dropped unread."""
    connection.execute(update(_REPORTS).where(_REPORTS.c.id == report_id).values(rows=rows, denied=denied))


def kinds_of_entities(connection: Connection) -> dict[str, EntityKind]:
    """Return the kind of every entity, by identifier."""
    table = _TABLES["entity"]
    return {row.id: row.kind for row in connection.execute(select(table.c.id, table.c.kind))}
