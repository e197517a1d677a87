"""Hypotheses of the parts of suspects in their cases, and what people decided on them."""

import sqlalchemy as sa
from alembic import op

revision = "0015_role_hypotheses"
down_revision = "0014_imports_speed"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "role_hypothesis",
        sa.Column("person_id", sa.String(36), nullable=False),
        sa.Column("case_id", sa.String(36), nullable=False),
        sa.Column("role", sa.String(24), nullable=False),
        sa.Column("probability", sa.Float, nullable=False),
        sa.Column("probabilities", sa.JSON, nullable=False),
        sa.Column("reasons", sa.JSON, nullable=False),
        sa.Column("run", sa.String(64), nullable=False),
        sa.Column("model_sha256", sa.String(64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("person_id", "case_id", name="pk_role_hypothesis"),
    )
    op.create_index("ix_role_hypothesis_case_id", "role_hypothesis", ["case_id"])
    op.create_table(
        "role_decision",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("person_id", sa.String(36), nullable=False),
        sa.Column("case_id", sa.String(36), nullable=False),
        sa.Column("role", sa.String(24), nullable=False),
        sa.Column("confirmed", sa.Boolean, nullable=False),
        sa.Column("decided_by", sa.String(36), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("note", sa.String(400), nullable=False),
        sa.Column("model_sha256", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_role_decision"),
        sa.UniqueConstraint("person_id", "case_id", "role", name="uq_role_decision_what"),
    )
    op.create_index("ix_role_decision_case_id", "role_decision", ["case_id"])


def downgrade() -> None:
    op.drop_table("role_decision")
    op.drop_table("role_hypothesis")
