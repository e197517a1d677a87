"""Tokens, and the journal of look-ups that nobody can change."""

import sqlalchemy as sa
from alembic import op

revision = "0003_access"
down_revision = "0002_ledger"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)

_SQLITE = (
    """CREATE TRIGGER lookup_keeps_rows BEFORE DELETE ON lookup
       BEGIN SELECT RAISE(ABORT, 'lookup is append-only'); END""",
    """CREATE TRIGGER lookup_keeps_values BEFORE UPDATE ON lookup
       BEGIN SELECT RAISE(ABORT, 'lookup is append-only'); END""",
    # INSERT OR REPLACE deletes without a DELETE trigger
    """CREATE TRIGGER lookup_keeps_numbers BEFORE INSERT ON lookup
       WHEN EXISTS (SELECT 1 FROM lookup WHERE id = NEW.id)
       BEGIN SELECT RAISE(ABORT, 'lookup is append-only'); END""",
)
_POSTGRES = (
    """CREATE FUNCTION refuse_lookup_change() RETURNS trigger LANGUAGE plpgsql AS
       $$ BEGIN RAISE EXCEPTION 'lookup is append-only'; END $$""",
    """CREATE TRIGGER lookup_keeps_rows BEFORE UPDATE OR DELETE ON lookup
       FOR EACH ROW EXECUTE FUNCTION refuse_lookup_change()""",
    """CREATE TRIGGER lookup_keeps_table BEFORE TRUNCATE ON lookup
       FOR EACH STATEMENT EXECUTE FUNCTION refuse_lookup_change()""",
)


def upgrade() -> None:
    op.create_table(
        "api_token",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("role", sa.String(32), nullable=False),
        sa.Column("secret_sha256", sa.String(64), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("revoked_at", _TIME),
        sa.PrimaryKeyConstraint("id", name="pk_api_token"),
        sa.UniqueConstraint("secret_sha256", name="uq_api_token_secret_sha256"),
    )
    op.create_table(
        "lookup",
        sa.Column("id", sa.Integer, nullable=False, autoincrement=True),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("token_id", sa.String(36), nullable=False),
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("role", sa.String(32), nullable=False),
        sa.Column("purpose", sa.String(2), nullable=False),
        sa.Column("case_reference", sa.String(64), nullable=False),
        sa.Column("operation", sa.String(64), nullable=False),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("object_ids", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_lookup"),
        sqlite_autoincrement=True,
    )
    statements = _POSTGRES if op.get_bind().dialect.name == "postgresql" else _SQLITE
    for statement in statements:
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("lookup")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION refuse_lookup_change()")
    op.drop_table("api_token")
