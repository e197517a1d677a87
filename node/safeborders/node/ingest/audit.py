"""The one place where a collection of data (an import, or its undoing) is put on record."""

from safeborders.kit.logs import get_log
from safeborders.models.domain.countries import Country

_log = get_log("import")


def record_collection(state: str, *, number: int | None, sha256: str, country: Country) -> None:
    """Put on record that the file with this hash was ``applied`` or ``undone`` (LED article 25: collection).

    The row of ``import_run`` was committed with the rows themselves; this is the event for whoever reads the log.
    """
    _log.info("collection", state=state, sequence=number, sha256=sha256, country=country.value)
