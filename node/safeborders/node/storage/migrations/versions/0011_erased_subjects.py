"""Persons who were erased on request: a marker each, so that a file does not bring them back."""

import secrets

import sqlalchemy as sa
from alembic import op

from safeborders.kit.append_only import append_only_statements

revision = "0011_erased_subjects"
down_revision = "0011_consent"
branch_labels = None
depends_on = None

_TAKEN = "EXISTS (SELECT 1 FROM erased_subject WHERE marker = NEW.marker)"


def upgrade() -> None:
    salt = op.create_table(
        "erasure_salt",
        sa.Column("id", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("salt", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_erasure_salt"),
        sa.CheckConstraint("id = 1", name="ck_erasure_salt_single"),
    )
    op.bulk_insert(salt, [{"id": 1, "salt": secrets.token_hex(32)}])
    op.create_table(
        "erased_subject",
        sa.Column("marker", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("marker", name="pk_erased_subject"),
    )
    for statement in append_only_statements("erased_subject", dialect=op.get_bind().dialect.name, taken=_TAKEN):
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("Who was erased must stay erased: restore a backup of the database.")
