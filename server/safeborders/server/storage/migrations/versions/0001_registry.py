"""Runs, rounds, models, contacts and the roster."""

import sqlalchemy as sa
from alembic import op

revision = "0001_registry"
down_revision = None
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "node_contact",
        sa.Column("country", sa.String(5), nullable=False),
        sa.Column("seen_at", _TIME),
        sa.Column("sequence", sa.BigInteger),
        sa.PrimaryKeyConstraint("country", name="pk_node_contact"),
    )
    op.create_table(
        "roster",
        sa.Column("country", sa.String(5), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("signing_key", sa.String(64), nullable=False),
        sa.Column("flower_key", sa.Text, nullable=False),
        sa.Column("flower_node_id", sa.String(20)),
        sa.Column("certificate_sha256", sa.String(64), nullable=False),
        sa.Column("certificate_expires_at", _TIME),
        sa.Column("epsilon_cap", sa.Double),
        sa.Column("changed_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("country", name="pk_roster"),
        sa.UniqueConstraint("signing_key", name="uq_roster_signing_key"),
    )
    op.create_table(
        "revoked_key",
        sa.Column("signing_key", sa.String(64), nullable=False),
        sa.Column("country", sa.String(5), nullable=False),
        sa.Column("revoked_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("signing_key", name="pk_revoked_key"),
    )
    op.create_table(
        "run",
        sa.Column("run", sa.String(64), nullable=False),
        sa.Column("plan", sa.Text, nullable=False),
        sa.Column("plan_sha256", sa.String(64), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("started_at", _TIME, nullable=False),
        sa.Column("changed_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("run", name="pk_run"),
    )
    op.create_table(
        "model_version",
        sa.Column("run", sa.String(64), nullable=False),
        sa.Column("round", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("parent_sha256", sa.String(64), nullable=False),
        sa.Column("parameters", sa.LargeBinary, nullable=False),
        sa.Column("optimiser_state", sa.LargeBinary, nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("run", "round", name="pk_model_version"),
        sa.ForeignKeyConstraint(["run"], ["run.run"], name="fk_model_version_run_run"),
    )
    op.create_index("ix_model_version_sha256", "model_version", ["sha256"])
    op.create_table(
        "round",
        sa.Column("run", sa.String(64), nullable=False),
        sa.Column("round", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("started_at", _TIME, nullable=False),
        sa.Column("ended_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("run", "round", name="pk_round"),
        sa.ForeignKeyConstraint(["run"], ["run.run"], name="fk_round_run_run"),
    )
    op.create_table(
        "reply",
        sa.Column("run", sa.String(64), nullable=False),
        sa.Column("round", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("country", sa.String(5), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("code", sa.String(64), nullable=False),
        sa.Column("seconds", sa.Double, nullable=False),
        sa.Column("payload_bytes", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("run", "round", "country", name="pk_reply"),
        sa.ForeignKeyConstraint(["run", "round"], ["round.run", "round.round"], name="fk_reply_run_round"),
    )
    op.create_table(
        "task_statistics",
        sa.Column("run", sa.String(64), nullable=False),
        sa.Column("round", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("task", sa.String(32), nullable=False),
        sa.Column("loss", sa.Double, nullable=False),
        sa.Column("accuracy", sa.Double, nullable=False),
        sa.Column("update_norm", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("run", "round", "task", name="pk_task_statistics"),
        sa.ForeignKeyConstraint(["run", "round"], ["round.run", "round.round"], name="fk_task_statistics_run_round"),
    )


def downgrade() -> None:
    for table in ("task_statistics", "reply", "round", "model_version", "run", "revoked_key", "roster", "node_contact"):
        op.drop_table(table)
