"""Tables to which rows may be added and nothing else, by triggers in the database itself."""

from sqlalchemy import DDL, Table, event


def append_only_statements(table: str, *, dialect: str, taken: str) -> tuple[str, ...]:
    """Return the statements that make ``table`` append-only in a database of ``dialect``.

    Args:
        table: Its name.
        dialect: ``sqlite`` or ``postgresql``.
        taken: SQL condition under which SQLite must refuse a new row ``NEW``, because its REPLACE deletes the row of
            the same key without firing a delete trigger.
    """
    if dialect == "sqlite":
        refusal = f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        return (
            f"CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} {refusal}",
            f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} {refusal}",
            f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} WHEN {taken} {refusal}",
        )
    return (
        f"CREATE OR REPLACE FUNCTION {table}_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$ "
        f"BEGIN RAISE EXCEPTION '{table} is append-only'; END $$",
        f"CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION {table}_is_append_only()",
    )


def guard(table: Table, *, taken: str) -> None:
    """Make ``table`` append-only whenever SQLAlchemy creates it."""
    for dialect in ("sqlite", "postgresql"):
        for statement in append_only_statements(table.name, dialect=dialect, taken=taken):
            ddl = DDL(statement.replace("%", "%%"))  # type: ignore[no-untyped-call]  # SQLAlchemy leaves DDL untyped
            event.listen(table, "after_create", ddl.execute_if(dialect=dialect))
