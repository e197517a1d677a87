"""The privacy ledger, its outbox and the activations: append-only."""

import sqlalchemy as sa
from alembic import op

from safeborders.node.storage.ledger_tables import append_only_statements

revision = "0002_ledger"
down_revision = "0001_canonical"
branch_labels = None
depends_on = None


def upgrade() -> None:
    not_refused = sa.text("state <> 'refused'")
    op.create_table(
        "ledger_entry",
        sa.Column("number", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("run", sa.String(64), nullable=False),
        sa.Column("round", sa.Integer, nullable=False),
        sa.Column("plan_sha256", sa.String(64), nullable=False),
        sa.Column("base_model_sha256", sa.String(64), nullable=False),
        sa.Column("events", sa.Text, nullable=False),
        sa.Column("period", sa.String(64), nullable=False),
        sa.Column("at", sa.String(40), nullable=False),
        sa.Column("payload_sha256", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_ledger_entry"),
        sa.CheckConstraint(
            "state IN ('reserved', 'stored', 'released', 'refused')", name=op.f("ck_ledger_entry_state")
        ),
    )
    op.create_index(
        "uq_ledger_entry_run_round_state",
        "ledger_entry",
        ["run", "round", "state"],
        unique=True,
        sqlite_where=not_refused,
        postgresql_where=not_refused,
    )
    op.create_table(
        "outbox",
        sa.Column("run", sa.String(64), nullable=False),
        sa.Column("round", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("payload", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("run", "round", name="pk_outbox"),
    )
    op.create_table(
        "activation",
        sa.Column("sequence", sa.BigInteger, nullable=False, autoincrement=False),
        sa.Column("run", sa.String(64), nullable=False),
        sa.Column("model_sha256", sa.String(64), nullable=False),
        sa.Column("at", sa.String(40), nullable=False),
        sa.PrimaryKeyConstraint("sequence", name="pk_activation"),
    )
    # Literal names: a migration names the tables of its day.
    for table in ("ledger_entry", "outbox", "activation"):
        for statement in append_only_statements(table, dialect=op.get_bind().dialect.name):
            op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("A privacy ledger is never dropped: restore a backup of the database.")
