"""Look-ups that wait beside the database while an import writes to it, and enter its journal right after.

SQLite has one writer, and an import is one transaction. So that investigators need not wait for its end, their
look-ups are made durable in a small encrypted file of their own first, under the same key, and then answered
(docs/decisions/0151). Each enters the journal and the audit log once, in the order in which they were made.
"""

import json
import threading
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import SQLAlchemyError

from safeborders.kit.canonical import canonical_json
from safeborders.kit.db import is_busy, open_encrypted, with_patience
from safeborders.kit.errors import SafeBordersError
from safeborders.kit.ids import uuid7
from safeborders.kit.logs import get_log
from safeborders.models.domain.audit import Operation
from safeborders.models.domain.governance import Purpose
from safeborders.node.access.callers import Caller, Justification, Role
from safeborders.node.access.errors import EventNotRecorded
from safeborders.node.access.journal import Lookup, Outcome
from safeborders.node.storage.access import SqlLookupJournal, add_lookup, lookup_not_recorded

_PATIENCE_MILLISECONDS = 250
_TRY_AGAIN_SECONDS = 1.0
_SCHEMA = "CREATE TABLE IF NOT EXISTS waiting (number INTEGER PRIMARY KEY, id TEXT UNIQUE, content TEXT NOT NULL)"
_KNOWN = text("SELECT 1 FROM lookup WHERE waited_as = :id")
_log = get_log("lookups")


class WaitingLookups:
    """The file; it is made when the first look-up must wait.

    Args:
        path: Where; its folder must exist.
        key_hex: The country's database key.
    """

    def __init__(self, path: Path, *, key_hex: str) -> None:
        self._path = path
        self._key_hex = key_hex
        self._opened: Engine | None = None
        self._opening = threading.Lock()

    def keep(self, lookup: Lookup) -> None:
        """Make ``lookup`` durable. Raises SQLAlchemyError or SafeBordersError if that is impossible."""
        with self._engine().begin() as connection:
            values = {"id": uuid7(), "content": canonical_json(_to_json(lookup)).decode()}
            connection.execute(text("INSERT INTO waiting (id, content) VALUES (:id, :content)"), values)

    def list_waiting(self) -> Sequence[tuple[str, Lookup]]:
        """Return what waits, with its name, in the order in which it came."""
        if self._opened is None and not self._path.exists():
            return []
        with self._engine().begin() as connection:
            rows = connection.execute(text("SELECT id, content FROM waiting ORDER BY number")).all()
        return [(row.id, _from_json(json.loads(row.content))) for row in rows]

    def drop(self, names: Sequence[str]) -> None:
        """Forget what is in the journal now."""
        with self._engine().begin() as connection:
            for name in names:
                connection.execute(text("DELETE FROM waiting WHERE id = :id"), {"id": name})

    def close(self) -> None:
        """Close the file."""
        if self._opened is not None:
            self._opened.dispose()
            self._opened = None

    def _engine(self) -> Engine:
        with self._opening:
            if self._opened is None:
                engine = open_encrypted(self._path, key_hex=self._key_hex)
                with engine.begin() as connection:
                    connection.execute(text(_SCHEMA))
                self._opened = engine
            return self._opened


class PatientLookupJournal(SqlLookupJournal):
    """A journal whose look-ups wait beside the database while somebody writes to it for long.

    Args:
        engine: Of the country's SQLCipher database.
        waiting: Where they wait.
    """

    def __init__(self, engine: Engine, *, waiting: WaitingLookups) -> None:
        super().__init__(engine)
        self._brief = with_patience(engine, milliseconds=_PATIENCE_MILLISECONDS)
        self._waiting = waiting
        self._entering = threading.Lock()
        self._some_wait = threading.Event()
        self._watch: threading.Thread | None = None

    def record(self, lookup: Lookup) -> None:
        """Make ``lookup`` durable, in the journal or beside it, or raise LookupNotRecorded."""
        try:
            with self._brief.begin() as connection:
                add_lookup(connection, lookup)
        except SQLAlchemyError as error:
            if not is_busy(error):
                raise lookup_not_recorded() from error
            self._let_wait(lookup)
        except EventNotRecorded as error:
            raise lookup_not_recorded() from error

    def enter_waiting(self) -> bool:
        """Bring what waits into the journal; False if somebody still writes to the database."""
        with self._entering:
            waiting = self._waiting.list_waiting()
            if not waiting:
                return True
            try:
                with self._brief.begin() as connection:
                    _enter(connection, waiting)
            except SQLAlchemyError as error:
                if is_busy(error):
                    return False
                raise
            self._waiting.drop([name for name, _ in waiting])
            return True

    def _let_wait(self, lookup: Lookup) -> None:
        try:
            self._waiting.keep(lookup)
        except (SQLAlchemyError, SafeBordersError) as error:
            raise lookup_not_recorded() from error
        self._some_wait.set()
        with self._entering:
            if self._watch is None:
                self._watch = threading.Thread(target=self._enter_soon, name="waiting-lookups", daemon=True)
                self._watch.start()

    def _enter_soon(self) -> None:
        while True:
            self._some_wait.wait()
            self._some_wait.clear()
            try:
                while not self.enter_waiting():
                    time.sleep(_TRY_AGAIN_SECONDS)
            except (SQLAlchemyError, SafeBordersError):  # they are safe where they are; the next opening tries again
                _log.warning("lookups_wait")


def _enter(connection: Connection, waiting: Sequence[tuple[str, Lookup]]) -> None:
    for name, lookup in waiting:
        if connection.execute(_KNOWN, {"id": name}).first() is None:
            add_lookup(connection, lookup, waited_as=name)


def _to_json(lookup: Lookup) -> dict[str, object]:
    who = lookup.justification
    return {
        "token": who.caller.token,
        "name": who.caller.name,
        "role": who.caller.role.value,
        "purpose": who.purpose.value,
        "case": who.case_reference,
        "at": lookup.at.isoformat(),
        "operation": lookup.operation,
        "outcome": lookup.outcome.value,
        "objects": list(lookup.object_ids),
        "reason": lookup.reason,
        "audited": None if lookup.audited is None else lookup.audited.value,
        "recipients": list(lookup.recipients),
    }


def _from_json(read: dict[str, str]) -> Lookup:
    caller = Caller(token=read["token"], name=read["name"], role=Role(read["role"]))
    return Lookup(
        justification=Justification(caller, Purpose(int(read["purpose"])), read["case"]),
        at=datetime.fromisoformat(read["at"]),
        operation=read["operation"],
        outcome=Outcome(read["outcome"]),
        object_ids=tuple(read["objects"]),
        reason=read["reason"],
        audited=None if read["audited"] is None else Operation(read["audited"]),
        recipients=tuple(read["recipients"]),
    )
