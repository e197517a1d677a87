"""Which runs asked, and what people decided; nobody can change it."""

import sqlalchemy as sa
from alembic import op

from safeborders.node.storage.consent_tables import append_only_statements

revision = "0011_consent"
down_revision = "0010_aggregation"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "run_request",
        sa.Column("number", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("manifest_sha256", sa.String(64), nullable=False),
        sa.Column("run", sa.String(64), nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_run_request"),
        sa.UniqueConstraint("manifest_sha256", name="uq_run_request_manifest_sha256"),
    )
    op.create_table(
        "consent",
        sa.Column("number", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("at", sa.String(40), nullable=False),
        sa.Column("subject", sa.String(16), nullable=False),
        sa.Column("subject_sha256", sa.String(64), nullable=False),
        sa.Column("verdict", sa.String(16), nullable=False),
        sa.Column("person_id", sa.String(128), nullable=False),
        sa.Column("person_name", sa.String(128), nullable=False),
        sa.Column("reason", sa.String(500), nullable=False),
        sa.Column("run", sa.String(64), nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("by_standing", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_consent"),
        sa.CheckConstraint("subject IN ('run', 'standing', 'release')", name=op.f("ck_consent_subject")),
        sa.CheckConstraint(
            "verdict IN ('approve', 'refuse', 'withdraw', 'cover')", name=op.f("ck_consent_verdict")
        ),
    )
    op.create_table(
        "envelope",
        sa.Column("number", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("run", sa.String(64), nullable=False),
        sa.Column("round", sa.Integer, nullable=False),
        sa.Column("header", sa.Text, nullable=False),
        sa.Column("signature", sa.String(128), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_envelope"),
        sa.UniqueConstraint("signature", name="uq_envelope_signature"),
    )
    # Literal names: a migration names the tables of its day.
    for table in ("run_request", "consent", "envelope"):
        for statement in append_only_statements(table, dialect=op.get_bind().dialect.name):
            op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("Decisions of people are never dropped: restore a backup of the database.")
