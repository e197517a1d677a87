"""Certificates have rows of their own: several of a country may count at once while it renews.

Those of the former authority, whose key lay on the coordinator, are not taken over: every country enrols anew.
"""

import sqlalchemy as sa
from alembic import op

from safeborders.kit.db import UtcTime

revision = "0005_identity"
down_revision = "0004_audit"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "member_certificate",
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("country", sa.String(5), nullable=False),
        sa.Column("serial", sa.String(40), nullable=False),
        sa.Column("starts_at", UtcTime, nullable=False),
        sa.Column("ends_at", UtcTime, nullable=False),
        sa.Column("recorded_at", UtcTime, nullable=False),
        sa.Column("revoked_at", UtcTime),
        sa.PrimaryKeyConstraint("sha256", name="pk_member_certificate"),
    )
    op.create_index("ix_member_certificate_country", "member_certificate", ["country"])
    with op.batch_alter_table("roster") as roster:
        roster.drop_column("certificate_sha256")
        roster.drop_column("certificate_expires_at")


def downgrade() -> None:
    raise NotImplementedError("Certificates of the former authority do not come back: restore a backup.")
