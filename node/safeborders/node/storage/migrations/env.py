"""Alembic's entry point: it uses the connection that the caller opened."""

from alembic import context

from safeborders.node.storage.base import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    transactional_ddl=True,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
