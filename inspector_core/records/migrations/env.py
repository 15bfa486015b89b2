"""What Alembic runs: the migrations, on the connection and in the transaction that it was handed."""

from alembic import context

from inspector_core.records.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite can't alter most of a table in place
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
