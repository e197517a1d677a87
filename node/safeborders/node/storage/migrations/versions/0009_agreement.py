"""The papers of the agreement, and the decisions taken under it, that nobody can change."""

import sqlalchemy as sa
from alembic import op

revision = "0009_agreement"
down_revision = "0008_audit"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_TABLES = ("agreement_paper", "agreement_decision")


def _sqlite(table: str) -> tuple[str, ...]:
    refuse = f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
    return (
        f"CREATE TRIGGER {table}_keeps_rows BEFORE DELETE ON {table} {refuse}",
        f"CREATE TRIGGER {table}_keeps_values BEFORE UPDATE ON {table} {refuse}",
        # INSERT OR REPLACE deletes without a DELETE trigger
        f"CREATE TRIGGER {table}_keeps_numbers BEFORE INSERT ON {table} "
        f"WHEN EXISTS (SELECT 1 FROM {table} WHERE id = NEW.id) {refuse}",
    )


def _postgres(table: str) -> tuple[str, ...]:
    return (
        f"CREATE FUNCTION refuse_{table}_change() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{table} is append-only'; END $$",
        f"CREATE TRIGGER {table}_keeps_rows BEFORE UPDATE OR DELETE ON {table} "
        f"FOR EACH ROW EXECUTE FUNCTION refuse_{table}_change()",
        f"CREATE TRIGGER {table}_keeps_table BEFORE TRUNCATE ON {table} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION refuse_{table}_change()",
    )


def upgrade() -> None:
    op.create_table(
        "agreement_paper",
        sa.Column("id", sa.Integer, nullable=False, autoincrement=True),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.Column("kept_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_agreement_paper"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_agreement_paper_kind", "agreement_paper", ["kind"])
    op.create_table(
        "agreement_decision",
        sa.Column("id", sa.Integer, nullable=False, autoincrement=True),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("point", sa.String(2), nullable=False),
        sa.Column("material", sa.String(2), nullable=False),
        sa.Column("sender", sa.String(16), nullable=False),
        sa.Column("recipient", sa.String(16), nullable=False),
        sa.Column("purpose", sa.String(16), nullable=False),
        sa.Column("is_allowed", sa.Boolean, nullable=False),
        sa.Column("clause", sa.String(64), nullable=False),
        sa.Column("reason", sa.String(32), nullable=False),
        sa.Column("agreement_sha256", sa.String(64), nullable=False),
        sa.Column("run", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_agreement_decision"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_agreement_decision_at", "agreement_decision", ["at"])
    statements = _postgres if op.get_bind().dialect.name == "postgresql" else _sqlite
    for table in _TABLES:
        for statement in statements(table):
            op.execute(statement)


def downgrade() -> None:
    for table in reversed(_TABLES):
        op.drop_table(table)
        if op.get_bind().dialect.name == "postgresql":
            op.execute(f"DROP FUNCTION refuse_{table}_change()")
