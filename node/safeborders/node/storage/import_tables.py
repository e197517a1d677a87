"""Tables of the imports: one row for each, and what rows were before an import replaced them."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from safeborders.kit.db import UtcTime
from safeborders.node.storage.base import Base
from safeborders.node.storage.tables import SourceReportRow

_ID = String(36)


class ImportRunRow(Base):
    """One import of one file, as people count them.

    Attributes:
        number: What ``import undo`` takes.
        report_id: The report that its rows point at; a file that was undone and imported again keeps its report.
        file_sha256: Of the file alone; the report's hash takes in the mapping too.
        state: ``applied`` or ``undone``.
        kept_good: Whether the operator decided to take in the good rows of a file with bad ones.
        with_history: Whether replaced rows were kept; only imports from before history was are without.
        issuer, format: Who wrote the file, in which format.
        rows_new, rows_changed, rows_unchanged, rejects: How many; entities count once.
    """

    __tablename__ = "import_run"
    __table_args__ = (
        CheckConstraint("state IN ('applied', 'undone')", name="state"),
        {"sqlite_autoincrement": True},
    )

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    report_id: Mapped[str] = mapped_column(_ID, ForeignKey(SourceReportRow.id), index=True)
    name: Mapped[str] = mapped_column(String(200))
    format: Mapped[str] = mapped_column(String(24))
    file_sha256: Mapped[str] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(16))
    kept_good: Mapped[bool]
    with_history: Mapped[bool]
    applied_at: Mapped[datetime] = mapped_column(UtcTime)
    undone_at: Mapped[datetime | None] = mapped_column(UtcTime)
    rows_new: Mapped[int]
    rows_changed: Mapped[int]
    rows_unchanged: Mapped[int]
    rejects: Mapped[int]


class ImportHistoryRow(Base):
    """A row as it was before an import replaced it; personal data, erased with its person.

    Attributes:
        run: The import that replaced it.
        row_table: Where it stood.
        row_id: Its key there; of an indicator the case and the code, with a slash between.
        first_id, second_id: The entities that it was about, so that whoever erases one finds it.
        previous_report_id: The report that had written it; NULL for the part of an entity that only its kind has.
        content: All its columns, as a JSON object.
    """

    __tablename__ = "import_history"
    __table_args__ = (
        Index("ix_import_history_row_id", "row_id"),
        Index("ix_import_history_first_id", "first_id"),
        Index("ix_import_history_second_id", "second_id"),
        Index("ix_import_history_previous_report_id", "previous_report_id"),
    )

    run: Mapped[int] = mapped_column(ForeignKey(ImportRunRow.number, ondelete="CASCADE"), primary_key=True)
    row_table: Mapped[str] = mapped_column(String(24), primary_key=True)
    row_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    first_id: Mapped[str] = mapped_column(_ID)
    second_id: Mapped[str | None] = mapped_column(_ID)
    previous_report_id: Mapped[str | None] = mapped_column(_ID)
    content: Mapped[str] = mapped_column(Text)
