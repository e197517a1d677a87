"""Look-ups that waited beside the database while an import wrote to it enter the journal once."""

import sqlalchemy as sa
from alembic import op

revision = "0014_imports_speed"
down_revision = "0013_case_reasons"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("lookup", sa.Column("waited_as", sa.String(36)))
    # An index and no constraint: SQLite adds a constraint by writing the table anew, which its triggers refuse.
    op.create_index("uq_lookup_waited_as", "lookup", ["waited_as"], unique=True)


def downgrade() -> None:
    raise NotImplementedError("A journal of look-ups is never cut: restore a backup of the database.")
