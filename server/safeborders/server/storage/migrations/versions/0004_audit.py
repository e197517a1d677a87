"""The coordinator's audit log, and what it knows of the countries' logs: sizes, hashes, signatures."""

import sqlalchemy as sa
from alembic import op

from safeborders.kit.append_only import append_only_statements
from safeborders.kit.db import UtcTime

revision = "0004_audit"
down_revision = "0003_aggregation"
branch_labels = None
depends_on = None

_TAKEN = {
    "audit_leaf": "NEW.number IS NOT (SELECT coalesce(max(number), 0) + 1 FROM audit_leaf)",
    "audit_checkpoint": "EXISTS (SELECT 1 FROM audit_checkpoint WHERE size = NEW.size)",
    "audit_cosignature": "EXISTS (SELECT 1 FROM audit_cosignature WHERE size = NEW.size AND witness = NEW.witness)",
}


def upgrade() -> None:
    op.create_table(
        "audit_leaf",
        sa.Column("number", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("leaf", sa.String(64), nullable=False),
        sa.Column("chain", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_audit_leaf"),
    )
    op.create_table(
        "audit_record",
        sa.Column("number", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_audit_record"),
    )
    op.create_table(
        "audit_checkpoint",
        sa.Column("size", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("size", name="pk_audit_checkpoint"),
    )
    op.create_table(
        "audit_seen",
        sa.Column("origin", sa.String(255), nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("root", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("origin", name="pk_audit_seen"),
    )
    op.create_table(
        "audit_cosignature",
        sa.Column("size", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("witness", sa.String(255), nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("signature", sa.String(128), nullable=False),
        sa.PrimaryKeyConstraint("size", "witness", name="pk_audit_cosignature"),
    )
    op.create_table(
        "watched_log",
        sa.Column("origin", sa.String(255), nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("seen_at", UtcTime, nullable=False),
        sa.PrimaryKeyConstraint("origin", name="pk_watched_log"),
    )
    op.create_table(
        "witness_memory",
        sa.Column("origin", sa.String(255), nullable=False),
        sa.Column("witness", sa.String(255), nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("is_forked", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("origin", "witness", name="pk_witness_memory"),
    )
    for table, taken in _TAKEN.items():
        for statement in append_only_statements(table, dialect=op.get_bind().dialect.name, taken=taken):
            op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("An audit log is never dropped: restore a backup of the database.")
