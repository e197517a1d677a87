"""Rounds of secure aggregation: a round's update is masked once."""

import sqlalchemy as sa
from alembic import op

revision = "0010_aggregation"
down_revision = "0009_agreement"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "aggregation_session",
        sa.Column("context_sha256", sa.String(64), nullable=False),
        sa.Column("run", sa.String(64), nullable=False),
        sa.Column("round", sa.Integer, nullable=False),
        sa.Column("is_masked", sa.Boolean, nullable=False),
        sa.Column("content", sa.Text),
        sa.PrimaryKeyConstraint("context_sha256", name="pk_aggregation_session"),
    )
    op.create_index(
        "uq_aggregation_session_masked_once",
        "aggregation_session",
        ["run", "round"],
        unique=True,
        sqlite_where=sa.text("is_masked"),
        postgresql_where=sa.text("is_masked"),
    )


def downgrade() -> None:
    op.drop_table("aggregation_session")
