"""The one place where a collection of data (an import, or its undoing) is put on record."""

from datetime import datetime

from safeborders.kit.logs import get_log
from safeborders.models.domain.audit import AuditEvent, Operation
from safeborders.models.domain.countries import Country
from safeborders.node.storage.audit import record_event
from safeborders.node.storage.import_runs import ImportRun, Transaction

_log = get_log("import")


def record_collection(connection: Transaction, run: ImportRun, *, action: str, actor: str, at: datetime) -> None:
    """Put on record that a file was taken in or taken back (LED article 25: collection), with the rows themselves.

    Args:
        connection: The import's own transaction.
        run: The import.
        action: ``import.apply`` or ``import.undo``.
        actor: Who did it.
        at: When.

    Raises:
        EventNotRecorded: If it cannot be written; the import must then not happen.
    """
    facts: dict[str, str | int] = {"import": run.number, "file_sha256": run.file_sha256}
    event = AuditEvent(Operation.COLLECTION, action=action, actor=actor, objects=(run.report_id,), facts=facts)
    record_event(connection, event, at=at)


def tell_collection(state: str, *, number: int | None, sha256: str, country: Country) -> None:
    """Tell whoever reads the program's log that a file was ``applied`` or ``undone``; it is committed by then."""
    _log.info("collection", state=state, sequence=number, sha256=sha256, country=country.value)
