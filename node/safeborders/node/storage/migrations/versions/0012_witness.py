"""What witnesses co-signed of this node's checkpoints."""

import sqlalchemy as sa
from alembic import op

from safeborders.kit.append_only import append_only_statements

revision = "0012_witness"
down_revision = "0011_erased_subjects"
branch_labels = None
depends_on = None

_TAKEN = "EXISTS (SELECT 1 FROM audit_cosignature WHERE size = NEW.size AND witness = NEW.witness)"


def upgrade() -> None:
    op.create_table(
        "audit_cosignature",
        sa.Column("size", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("witness", sa.String(255), nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("signature", sa.String(128), nullable=False),
        sa.PrimaryKeyConstraint("size", "witness", name="pk_audit_cosignature"),
    )
    for statement in append_only_statements("audit_cosignature", dialect=op.get_bind().dialect.name, taken=_TAKEN):
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("An audit log is never dropped: restore a backup of the database.")
