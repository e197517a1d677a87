"""What was decided in rounds of secure aggregation."""

import sqlalchemy as sa
from alembic import op

revision = "0003_aggregation"
down_revision = "0001_registry"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "aggregation_round",
        sa.Column("run", sa.String(64), sa.ForeignKey("run.run"), nullable=False),
        sa.Column("round", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("adverts", sa.LargeBinary, nullable=False),
        sa.Column("survivors", sa.LargeBinary),
        sa.PrimaryKeyConstraint("run", "round", name="pk_aggregation_round"),
    )


def downgrade() -> None:
    op.drop_table("aggregation_round")
