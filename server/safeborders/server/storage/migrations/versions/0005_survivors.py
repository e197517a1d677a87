"""Rounds that were given up, and the headers with which the keys of a masked round came."""

import sqlalchemy as sa
from alembic import op

revision = "0005_survivors"
down_revision = "0005_identity"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("round", sa.Column("is_void", sa.Boolean, nullable=False, server_default=sa.false()))
    op.add_column("aggregation_round", sa.Column("echoes", sa.LargeBinary))


def downgrade() -> None:
    op.drop_column("aggregation_round", "echoes")
    op.drop_column("round", "is_void")
