"""Who was erased on request, as markers that tell a known identifier again and list nobody.

The ledger's own entries have a salt each, so looking a million imported persons up in them would take hours; a marker
has the salt of this database, and one look is one hash. Neither holds an identifier.
"""

import hashlib
from collections.abc import Iterable

from sqlalchemy import CheckConstraint, Connection, String, insert, select
from sqlalchemy.orm import Mapped, mapped_column

from safeborders.node.storage.base import Base, plain_table


class ErasureSaltRow(Base):
    """The salt of all markers of this database; one row, made with the table."""

    __tablename__ = "erasure_salt"
    __table_args__ = (CheckConstraint("id = 1", name="single"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    salt: Mapped[str] = mapped_column(String(64))


class ErasedSubjectRow(Base):
    """One person who was erased on request: SHA-256 of salt and identifier. Rows may be added, and nothing else."""

    __tablename__ = "erased_subject"

    marker: Mapped[str] = mapped_column(String(64), primary_key=True)


_SALT = plain_table(ErasureSaltRow)
_MARKER = plain_table(ErasedSubjectRow)


class ErasedSubjects:
    """Tells whether an identifier is that of somebody who was erased on request.

    Args:
        connection: The markers are read once, now.
    """

    def __init__(self, connection: Connection) -> None:
        self._salt = str(connection.execute(select(_SALT.c.salt)).scalar_one())
        self._markers = frozenset(connection.execute(select(_MARKER.c.marker)).scalars())
        self._known: dict[str, bool] = {}

    def __bool__(self) -> bool:
        """Whether anybody was erased on request at all."""
        return bool(self._markers)

    def __contains__(self, identifier: str) -> bool:
        """Whether this person was erased on request."""
        found = self._known.get(identifier)
        if found is None:
            found = self._known[identifier] = _marker(self._salt, identifier) in self._markers
        return found

    def forget_answers(self) -> None:
        """Drop what was remembered, so that a large file does not fill the memory."""
        self._known.clear()


def mark_erased(connection: Connection, persons: Iterable[str]) -> None:
    """Remember that these persons were erased on request; the transaction is the caller's."""
    salt = str(connection.execute(select(_SALT.c.salt)).scalar_one())
    for marker in sorted({_marker(salt, person) for person in persons}):
        if connection.execute(select(_MARKER.c.marker).where(_MARKER.c.marker == marker)).first() is None:
            connection.execute(insert(_MARKER), [{"marker": marker}])


def _marker(salt: str, identifier: str) -> str:
    return hashlib.sha256(f"{salt}:{identifier}".encode()).hexdigest()
