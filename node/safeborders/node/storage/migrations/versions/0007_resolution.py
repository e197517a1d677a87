"""Which records are one person: candidates, decisions, their journal, and the version of the match keys."""

import sqlalchemy as sa
from alembic import op

revision = "0007_resolution"
down_revision = "0006_lifecycle"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_REFUSE = "BEGIN SELECT RAISE(ABORT, 'combination_event is append-only'); END"

_SQLITE = (
    f"CREATE TRIGGER combination_event_keeps_rows BEFORE DELETE ON combination_event {_REFUSE}",
    f"CREATE TRIGGER combination_event_keeps_values BEFORE UPDATE ON combination_event {_REFUSE}",
    # INSERT OR REPLACE deletes without a DELETE trigger
    f"""CREATE TRIGGER combination_event_keeps_numbers BEFORE INSERT ON combination_event
        WHEN EXISTS (SELECT 1 FROM combination_event WHERE id = NEW.id) {_REFUSE}""",
)
_POSTGRES = (
    """CREATE FUNCTION refuse_combination_change() RETURNS trigger LANGUAGE plpgsql AS
       $$ BEGIN RAISE EXCEPTION 'combination_event is append-only'; END $$""",
    """CREATE TRIGGER combination_event_keeps_rows BEFORE UPDATE OR DELETE ON combination_event
       FOR EACH ROW EXECUTE FUNCTION refuse_combination_change()""",
    """CREATE TRIGGER combination_event_keeps_table BEFORE TRUNCATE ON combination_event
       FOR EACH STATEMENT EXECUTE FUNCTION refuse_combination_change()""",
)


def upgrade() -> None:
    op.create_table(
        "entity_link",
        sa.Column("first_id", sa.String(36), nullable=False),
        sa.Column("second_id", sa.String(36), nullable=False),
        sa.Column("score", sa.Float),
        sa.Column("reasons", sa.JSON, nullable=False),
        sa.Column("normaliser", sa.String(16), nullable=False),
        sa.Column("found_at", _TIME, nullable=False),
        sa.Column("verdict", sa.String(24), nullable=False),
        sa.Column("by_rule", sa.Boolean, nullable=False),
        sa.Column("decided_by", sa.String(128)),
        sa.Column("decided_at", _TIME),
        sa.Column("note", sa.String(400)),
        sa.PrimaryKeyConstraint("first_id", "second_id", name="pk_entity_link"),
        sa.CheckConstraint("first_id < second_id", name=op.f("ck_entity_link_ordered")),
        sa.CheckConstraint("score BETWEEN 0 AND 1", name=op.f("ck_entity_link_score")),
        sa.CheckConstraint("(verdict = 'open') = (decided_by IS NULL)", name=op.f("ck_entity_link_decided")),
        sa.CheckConstraint("verdict IN ('open', 'same', 'different')", name=op.f("ck_entity_link_verdict")),
    )
    op.create_index("ix_entity_link_second_id", "entity_link", ["second_id"])
    op.create_index("ix_entity_link_verdict", "entity_link", ["verdict"])
    op.create_table(
        "person_record",
        sa.Column("record_id", sa.String(36), nullable=False),
        sa.Column("person_id", sa.String(36), nullable=False),
        sa.PrimaryKeyConstraint("record_id", name="pk_person_record"),
    )
    op.create_index("ix_person_record_person_id", "person_record", ["person_id"])
    op.create_table(
        "normaliser",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("version", sa.String(16), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_normaliser"),
        sa.CheckConstraint("id = 1", name=op.f("ck_normaliser_single")),
    )
    _create_journal()


def _create_journal() -> None:
    allowed = "'accepted', 'automatic', 'rejected', 'undone', 'carried_over', 'forgotten'"
    op.create_table(
        "combination_event",
        sa.Column("id", sa.Integer, nullable=False, autoincrement=True),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("actor", sa.String(128), nullable=False),
        sa.Column("operation", sa.String(24), nullable=False),
        sa.Column("first_id", sa.String(36), nullable=False),
        sa.Column("second_id", sa.String(36), nullable=False),
        sa.Column("note", sa.String(400)),
        sa.PrimaryKeyConstraint("id", name="pk_combination_event"),
        sa.CheckConstraint(f"operation IN ({allowed})", name=op.f("ck_combination_event_operation")),
        sqlite_autoincrement=True,
    )
    for statement in _POSTGRES if op.get_bind().dialect.name == "postgresql" else _SQLITE:
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("combination_event")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION refuse_combination_change()")
    for table in ("normaliser", "person_record", "entity_link"):
        op.drop_table(table)
