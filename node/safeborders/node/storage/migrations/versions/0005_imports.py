"""Imports that can be listed and undone: one row for each, and the rows that they replaced."""

import sqlalchemy as sa
from alembic import op

revision = "0005_imports"
down_revision = "0004_learning"
branch_labels = None
depends_on = None

_ID = sa.String(36)
_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "import_run",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("report_id", _ID, sa.ForeignKey("source_report.id"), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("format", sa.String(24), nullable=False),
        sa.Column("file_sha256", sa.String(64), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("kept_good", sa.Boolean, nullable=False),
        sa.Column("with_history", sa.Boolean, nullable=False),
        sa.Column("applied_at", _TIME, nullable=False),
        sa.Column("undone_at", _TIME),
        sa.Column("rows_new", sa.Integer, nullable=False),
        sa.Column("rows_changed", sa.Integer, nullable=False),
        sa.Column("rows_unchanged", sa.Integer, nullable=False),
        sa.Column("rejects", sa.Integer, nullable=False),
        sa.CheckConstraint("state IN ('applied', 'undone')", name="state"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_import_run_report_id", "import_run", ["report_id"])
    op.create_table(
        "import_history",
        sa.Column("run", sa.Integer, sa.ForeignKey("import_run.number", ondelete="CASCADE"), primary_key=True),
        sa.Column("row_table", sa.String(24), primary_key=True),
        sa.Column("row_id", sa.String(64), primary_key=True),
        sa.Column("first_id", _ID, nullable=False),
        sa.Column("second_id", _ID),
        sa.Column("previous_report_id", _ID),
        sa.Column("content", sa.Text, nullable=False),
    )
    for column in ("row_id", "first_id", "second_id", "previous_report_id"):
        op.create_index(f"ix_import_history_{column}", "import_history", [column])
    op.execute(
        "INSERT INTO import_run (report_id, name, format, file_sha256, state, kept_good, with_history, applied_at,"
        " rows_new, rows_changed, rows_unchanged, rejects)"
        " SELECT id, name, 'safeborders', sha256, 'applied', false, false, received_at, rows, 0, 0, 0"
        " FROM source_report ORDER BY received_at, id"
    )


def downgrade() -> None:
    op.drop_table("import_history")
    op.drop_table("import_run")
