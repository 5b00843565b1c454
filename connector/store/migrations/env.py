"""What Alembic runs: the migrations, on the connection and in the transaction that `connector.store.migrate` has opened."""

from __future__ import annotations

from alembic import context

from connector.store import tables


def _run() -> None:
    context.configure(
        connection=context.config.attributes["connection"],
        target_metadata=tables.table(tables.Participant).metadata,
        render_as_batch=True,
        transactional_ddl=True,
    )
    context.run_migrations()


_run()
