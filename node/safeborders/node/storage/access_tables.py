"""Tables of access control: tokens, and the append-only journal of look-ups."""

from datetime import datetime

from sqlalchemy import JSON, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from safeborders.kit.db import UtcTime
from safeborders.node.storage.base import Base


class TokenRow(Base):
    """A bearer token; the secret is 256 random bits, so that its plain SHA-256 cannot be guessed back."""

    __tablename__ = "api_token"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    name: Mapped[str] = mapped_column(String(128))
    role: Mapped[str] = mapped_column(String(32))
    secret_sha256: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime] = mapped_column(UtcTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcTime)


class LookupRow(Base):
    """One look-up; triggers of the migration refuse UPDATE and DELETE.

    Attributes:
        waited_as: What it was called while it waited beside the database (``access_waiting``); it enters once.
    """

    __tablename__ = "lookup"
    __table_args__ = (Index("uq_lookup_waited_as", "waited_as", unique=True),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    at: Mapped[datetime] = mapped_column(UtcTime)
    token_id: Mapped[str] = mapped_column(String(36))
    name: Mapped[str] = mapped_column(String(128))
    role: Mapped[str] = mapped_column(String(32))
    purpose: Mapped[str] = mapped_column(String(2))
    case_reference: Mapped[str] = mapped_column(String(64))
    operation: Mapped[str] = mapped_column(String(64))
    outcome: Mapped[str] = mapped_column(String(16))
    object_ids: Mapped[list[str]] = mapped_column(JSON)
    reason: Mapped[str | None] = mapped_column(String(400))
    waited_as: Mapped[str | None] = mapped_column(String(36))
