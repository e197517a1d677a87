"""Why a case may be of a type: reasons for and against, beside the shares of all types."""

import sqlalchemy as sa
from alembic import op

revision = "0013_case_reasons"
down_revision = "0012_witness"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Hypotheses of earlier runs have no reasons on record; the next run replaces them all.
    op.add_column("case_type_hypothesis", sa.Column("reasons", sa.JSON, nullable=False, server_default="[]"))


def downgrade() -> None:
    op.drop_column("case_type_hypothesis", "reasons")
