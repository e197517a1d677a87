"""Tables of the agreement: the papers that a country keeps and the decisions that it took; nothing ever changes."""

from datetime import datetime

from sqlalchemy import LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from safeborders.kit.db import UtcTime
from safeborders.node.storage.base import Base


class PaperRow(Base):
    """A signed document; the newest of its kind counts. Triggers of the migration refuse UPDATE and DELETE."""

    __tablename__ = "agreement_paper"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    kind: Mapped[str] = mapped_column(String(16), index=True)
    content: Mapped[bytes] = mapped_column(LargeBinary)
    kept_at: Mapped[datetime] = mapped_column(UtcTime)


class DecisionRow(Base):
    """One decision; codes and identifiers only. Triggers of the migration refuse UPDATE and DELETE."""

    __tablename__ = "agreement_decision"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    at: Mapped[datetime] = mapped_column(UtcTime, index=True)
    point: Mapped[str] = mapped_column(String(2))
    material: Mapped[str] = mapped_column(String(2))
    sender: Mapped[str] = mapped_column(String(16))
    recipient: Mapped[str] = mapped_column(String(16))
    purpose: Mapped[str] = mapped_column(String(16))
    is_allowed: Mapped[bool]
    clause: Mapped[str] = mapped_column(String(64))
    reason: Mapped[str] = mapped_column(String(32))
    agreement_sha256: Mapped[str] = mapped_column(String(64))
    run: Mapped[str] = mapped_column(String(64))
