"""All tables of the coordinator. None of them can hold a person (domain.md, L22-1; a test reads this schema).

Every column is a country code, a time, a hash, a public key, a figure that does not depend on records, or a figure that
left a country already noised.
"""

from datetime import datetime

from sqlalchemy import BigInteger, Double, ForeignKey, ForeignKeyConstraint, LargeBinary, String, Text, false
from sqlalchemy.orm import Mapped, mapped_column

from safeborders.kit.db import UtcTime
from safeborders.kit.transparency.sql_log import define_tables
from safeborders.server.storage.base import Base

AUDIT = define_tables(Base.metadata)
"""The coordinator's audit log; what ``audit_record`` holds is an AuditEvent, which no name and no text fits into."""

_COUNTRY = String(5)
_RUN = String(64)
_HASH = String(64)


class NodeContactRow(Base):
    """When a country was last heard of, and the newest message sequence it was heard with."""

    __tablename__ = "node_contact"

    country: Mapped[str] = mapped_column(_COUNTRY, primary_key=True)
    seen_at: Mapped[datetime | None] = mapped_column(UtcTime)
    sequence: Mapped[int | None] = mapped_column(BigInteger)


class RosterRow(Base):
    """A country in the federation: its keys, and the budget that it declares."""

    __tablename__ = "roster"

    country: Mapped[str] = mapped_column(_COUNTRY, primary_key=True)
    state: Mapped[str] = mapped_column(String(16))
    signing_key: Mapped[str] = mapped_column(_HASH, unique=True)
    flower_key: Mapped[str] = mapped_column(Text)
    flower_node_id: Mapped[str | None] = mapped_column(String(20))
    epsilon_cap: Mapped[float | None] = mapped_column(Double)
    changed_at: Mapped[datetime] = mapped_column(UtcTime)


class MemberCertificateRow(Base):
    """A TLS certificate that the authority issued to a country; the edge knows no other."""

    __tablename__ = "member_certificate"

    sha256: Mapped[str] = mapped_column(_HASH, primary_key=True)
    country: Mapped[str] = mapped_column(_COUNTRY, index=True)
    serial: Mapped[str] = mapped_column(String(40))
    starts_at: Mapped[datetime] = mapped_column(UtcTime)
    ends_at: Mapped[datetime] = mapped_column(UtcTime)
    recorded_at: Mapped[datetime] = mapped_column(UtcTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcTime)


class RevokedKeyRow(Base):
    """A signing key that may never come back."""

    __tablename__ = "revoked_key"

    signing_key: Mapped[str] = mapped_column(_HASH, primary_key=True)
    country: Mapped[str] = mapped_column(_COUNTRY)
    revoked_at: Mapped[datetime] = mapped_column(UtcTime)


class RunRow(Base):
    """A run and its plan, which never changes."""

    __tablename__ = "run"

    run: Mapped[str] = mapped_column(_RUN, primary_key=True)
    plan: Mapped[str] = mapped_column(Text)
    plan_sha256: Mapped[str] = mapped_column(_HASH)
    state: Mapped[str] = mapped_column(String(16))
    started_at: Mapped[datetime] = mapped_column(UtcTime)
    changed_at: Mapped[datetime] = mapped_column(UtcTime)


class ModelVersionRow(Base):
    """A model with its lineage."""

    __tablename__ = "model_version"

    run: Mapped[str] = mapped_column(_RUN, ForeignKey("run.run"), primary_key=True)
    round: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    sha256: Mapped[str] = mapped_column(_HASH, index=True)
    parent_sha256: Mapped[str] = mapped_column(_HASH)
    parameters: Mapped[bytes] = mapped_column(LargeBinary)
    optimiser_state: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(UtcTime)


class RoundRow(Base):
    """A finished round; a void one was given up: nothing was learnt, and its model is the one of before."""

    __tablename__ = "round"

    run: Mapped[str] = mapped_column(_RUN, ForeignKey("run.run"), primary_key=True)
    round: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    started_at: Mapped[datetime] = mapped_column(UtcTime)
    ended_at: Mapped[datetime] = mapped_column(UtcTime)
    is_void: Mapped[bool] = mapped_column(server_default=false())


class ReplyRow(Base):
    """What became of one country's part in a round."""

    __tablename__ = "reply"
    __table_args__ = (ForeignKeyConstraint(["run", "round"], ["round.run", "round.round"]),)

    run: Mapped[str] = mapped_column(_RUN, primary_key=True)
    round: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    country: Mapped[str] = mapped_column(_COUNTRY, primary_key=True)
    state: Mapped[str] = mapped_column(String(16))
    code: Mapped[str] = mapped_column(String(64))
    seconds: Mapped[float] = mapped_column(Double)
    payload_bytes: Mapped[int] = mapped_column(BigInteger)


class TaskStatisticsRow(Base):
    """Estimates over all accepted countries of a round, read from noised coordinates."""

    __tablename__ = "task_statistics"
    __table_args__ = (ForeignKeyConstraint(["run", "round"], ["round.run", "round.round"]),)

    run: Mapped[str] = mapped_column(_RUN, primary_key=True)
    round: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    task: Mapped[str] = mapped_column(String(32), primary_key=True)
    loss: Mapped[float] = mapped_column(Double)
    accuracy: Mapped[float] = mapped_column(Double)
    update_norm: Mapped[float] = mapped_column(Double)


class AggregationRoundRow(Base):
    """What was decided in a masked round: ephemeral public keys with their headers, and hashes of masked updates."""

    __tablename__ = "aggregation_round"

    run: Mapped[str] = mapped_column(_RUN, ForeignKey("run.run"), primary_key=True)
    round: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    adverts: Mapped[bytes] = mapped_column(LargeBinary)
    survivors: Mapped[bytes | None] = mapped_column(LargeBinary)
    echoes: Mapped[bytes | None] = mapped_column(LargeBinary)


class WatchedLogRow(Base):
    """The newest checkpoint of a member's log with its co-signatures: a size, hashes and signatures."""

    __tablename__ = "watched_log"

    origin: Mapped[str] = mapped_column(String(255), primary_key=True)
    note: Mapped[str] = mapped_column(Text)
    seen_at: Mapped[datetime] = mapped_column(UtcTime)


class WitnessMemoryRow(Base):
    """The size from which a log must prove its history to a witness, and whether the witness refuses it as forked."""

    __tablename__ = "witness_memory"

    origin: Mapped[str] = mapped_column(String(255), primary_key=True)
    witness: Mapped[str] = mapped_column(String(255), primary_key=True)
    size: Mapped[int]
    is_forked: Mapped[bool]
