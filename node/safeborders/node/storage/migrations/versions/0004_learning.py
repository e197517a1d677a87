"""Hypotheses of the country's own model about links and cases."""

import sqlalchemy as sa
from alembic import op

revision = "0004_learning"
down_revision = "0003_access"
branch_labels = None
depends_on = None


def _origin() -> tuple[sa.Column, ...]:
    return (
        sa.Column("run", sa.String(64), nullable=False),
        sa.Column("model_sha256", sa.String(64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    )


def upgrade() -> None:
    op.create_table(
        "suggested_link",
        sa.Column("first_id", sa.String(36), nullable=False),
        sa.Column("second_id", sa.String(36), nullable=False),
        sa.Column("score", sa.Float, nullable=False),
        sa.Column("reasons", sa.JSON, nullable=False),
        *_origin(),
        sa.PrimaryKeyConstraint("first_id", "second_id", name="pk_suggested_link"),
        sa.CheckConstraint("first_id < second_id", name=op.f("ck_suggested_link_ordered")),
    )
    op.create_index("ix_suggested_link_second_id", "suggested_link", ["second_id"])
    op.create_index("ix_suggested_link_score", "suggested_link", ["score"])
    op.create_table(
        "case_type_hypothesis",
        sa.Column("case_id", sa.String(36), nullable=False),
        sa.Column("case_type", sa.String(8), nullable=False),
        sa.Column("probability", sa.Float, nullable=False),
        sa.Column("probabilities", sa.JSON, nullable=False),
        *_origin(),
        sa.PrimaryKeyConstraint("case_id", name="pk_case_type_hypothesis"),
    )
    op.create_index("ix_case_type_hypothesis_case_type", "case_type_hypothesis", ["case_type"])


def downgrade() -> None:
    op.drop_table("case_type_hypothesis")
    op.drop_table("suggested_link")
