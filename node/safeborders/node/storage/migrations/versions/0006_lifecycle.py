"""Dates that a source stated, facts about persons, and the tables of the life cycle."""

import sqlalchemy as sa
from alembic import op

revision = "0006_lifecycle"
down_revision = "0005_imports"
branch_labels = None
depends_on = None

_ID = sa.String(36)
_TIME = sa.DateTime(timezone=True)
_DATES = ("stated_review_due", "stated_retain_until", "reviewed_on")
_TABLES = (
    "retention_rule", "restriction", "handling_release", "review_flag", "erasure_ledger", "correction_notice",
    "snapshot_mark",
)  # fmt: skip
_SQLITE = (
    """CREATE TRIGGER erasure_ledger_keeps_rows BEFORE DELETE ON erasure_ledger
       BEGIN SELECT RAISE(ABORT, 'erasure_ledger is append-only'); END""",
    """CREATE TRIGGER erasure_ledger_keeps_values BEFORE UPDATE ON erasure_ledger
       BEGIN SELECT RAISE(ABORT, 'erasure_ledger is append-only'); END""",
    # INSERT OR REPLACE deletes without a DELETE trigger
    """CREATE TRIGGER erasure_ledger_keeps_numbers BEFORE INSERT ON erasure_ledger
       WHEN EXISTS (SELECT 1 FROM erasure_ledger WHERE number = NEW.number)
       BEGIN SELECT RAISE(ABORT, 'erasure_ledger is append-only'); END""",
)
_POSTGRES = (
    """CREATE FUNCTION refuse_erasure_change() RETURNS trigger LANGUAGE plpgsql AS
       $$ BEGIN RAISE EXCEPTION 'erasure_ledger is append-only'; END $$""",
    """CREATE TRIGGER erasure_ledger_keeps_rows BEFORE UPDATE OR DELETE ON erasure_ledger
       FOR EACH ROW EXECUTE FUNCTION refuse_erasure_change()""",
    """CREATE TRIGGER erasure_ledger_keeps_table BEFORE TRUNCATE ON erasure_ledger
       FOR EACH STATEMENT EXECUTE FUNCTION refuse_erasure_change()""",
)


def upgrade() -> None:
    for table in ("entity", "link"):
        for name in _DATES:
            op.add_column(table, sa.Column(name, sa.Date))
    op.add_column("lookup", sa.Column("reason", sa.String(400)))
    _create_person_indicator()
    _create_rules()
    _create_erasures()
    _create_corrections()
    op.execute("INSERT INTO snapshot_mark (id, number) VALUES (1, 0)")


def downgrade() -> None:
    raise NotImplementedError("An erasure ledger is never dropped: restore a backup of the database.")


def _word(name: str, *values: str) -> sa.Column:
    kind = sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=24)
    return sa.Column(name, kind, nullable=False)


def _row_table(table: str) -> tuple[sa.Column | sa.CheckConstraint, ...]:
    return (
        sa.Column("row_table", sa.String(16), nullable=False),
        sa.CheckConstraint("row_table IN ('entity', 'link')", name=op.f(f"ck_{table}_row_table")),
    )


def _person(*, primary_key: bool) -> sa.Column:
    person = sa.ForeignKey("person.id", ondelete="CASCADE")
    return sa.Column("person_id", _ID, person, primary_key=primary_key, nullable=False)


def _create_person_indicator() -> None:
    op.create_table(
        "person_indicator",
        _person(primary_key=True),
        sa.Column("code", sa.String(24), primary_key=True),
        sa.Column("value", sa.Boolean),
        sa.Column("report_id", _ID, sa.ForeignKey("source_report.id"), nullable=False),
        _word("source_grade", "A", "B", "C", "X"),
        sa.Column("info_grade", sa.SmallInteger, nullable=False),
        sa.Column("recorded_at", _TIME, nullable=False),
        sa.CheckConstraint("info_grade BETWEEN 1 AND 4", name="info_grade"),
    )
    op.create_index("ix_person_indicator_report_id", "person_indicator", ["report_id"])


def _create_rules() -> None:
    op.create_table(
        "retention_rule",
        sa.Column("subject", sa.String(24), primary_key=True),
        sa.Column("sensitivity", sa.String(24), primary_key=True),
        sa.Column("rank", sa.SmallInteger, nullable=False),
        sa.Column("review_days", sa.Integer, nullable=False),
        sa.Column("retain_days", sa.Integer, nullable=False),
        sa.Column("name", sa.String(120), nullable=False),
    )
    op.create_index("ix_retention_rule_rank", "retention_rule", ["rank"])
    op.create_table(
        "restriction",
        _person(primary_key=True),
        sa.Column("row_id", _ID, primary_key=True),
        *_row_table("restriction"),
        sa.Column("since", _TIME, nullable=False),
    )
    op.create_index("ix_restriction_row_id", "restriction", ["row_id"])
    op.create_table(
        "handling_release",
        sa.Column("row_id", _ID, primary_key=True),
        *_row_table("handling_release"),
        sa.Column("provider", sa.String(200), nullable=False),
        sa.Column("reference", sa.String(64), nullable=False),
        sa.Column("released_at", _TIME, nullable=False),
    )


def _create_erasures() -> None:
    op.create_table(
        "review_flag",
        sa.Column("row_id", _ID, primary_key=True),
        sa.Column("row_table", sa.String(16), nullable=False),
        sa.Column("kind", sa.String(24), nullable=False),
        sa.Column("review_due", sa.Date, nullable=False),
        sa.Column("flagged_on", sa.Date, nullable=False),
    )
    op.create_index("ix_review_flag_review_due", "review_flag", ["review_due"])
    op.create_table(
        "erasure_ledger",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("kind", sa.String(24), nullable=False),
        sa.Column("why", sa.String(16), nullable=False),
        sa.Column("rule", sa.String(120), nullable=False),
        sa.Column("reference", sa.String(64), nullable=False),
        sa.Column("salt", sa.String(32), nullable=False),
        sa.Column("subject_hash", sa.String(64), nullable=False),
        sa.CheckConstraint(
            "why IN ('retention', 'request', 'orphan', 'rectification')", name=op.f("ck_erasure_ledger_why")
        ),
        sqlite_autoincrement=True,
    )
    statements = _POSTGRES if op.get_bind().dialect.name == "postgresql" else _SQLITE
    for statement in statements:
        op.execute(statement)


def _create_corrections() -> None:
    op.create_table(
        "correction_notice",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("object_id", _ID, nullable=False),
        sa.Column("fields", sa.JSON, nullable=False),
        sa.Column("action", sa.String(16), nullable=False),
        sa.Column("reference", sa.String(64), nullable=False),
        sa.Column("recipients", sa.JSON, nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("notified_at", _TIME),
    )
    op.create_index("ix_correction_notice_object_id", "correction_notice", ["object_id"])
    op.create_table(
        "snapshot_mark",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("number", sa.Integer, nullable=False),
    )
