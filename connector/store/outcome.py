"""What became of a transaction whose COMMIT was not answered.

When the connection to PostgreSQL breaks during COMMIT, the transaction may be committed or not, and running its units again could
give them two effects. PostgreSQL remembers: `pg_xact_status` (PostgreSQL documentation, "Transaction ID and Snapshot Information
Functions"). SQLite's COMMIT is a call in our own process and always answered.
"""

from __future__ import annotations

from typing import Final, Literal

from sqlalchemy import Connection, Engine, exc, text

_ATTEMPTS: Final = 20
_number = text("SELECT CAST(pg_current_xact_id_if_assigned() AS text)")
_pause = text("SELECT pg_sleep(0.1)")
_status = text("SELECT pg_xact_status(CAST(:number AS xid8))")

Outcome = Literal["committed", "rolled back", "unknown"]


def number(conn: Connection) -> str | None:
    """Return what PostgreSQL calls the present transaction; None where it has written nothing, and on SQLite.

    A transaction in which a statement has failed is refused here; its COMMIT would end in a silent rollback.
    """
    if conn.dialect.name != "postgresql":
        return None
    found: str | None = conn.execute(_number).scalar()
    return found


def of(engine: Engine, transaction: str | None) -> Outcome:
    """Return what became of a transaction, by a connection of its own."""
    if transaction is None:
        return "rolled back"
    try:
        with engine.connect() as conn:
            return _settled(conn, transaction)
    except exc.DBAPIError:
        return "unknown"


def _settled(conn: Connection, transaction: str) -> Outcome:
    for _ in range(_ATTEMPTS):
        status = conn.execute(_status, {"number": transaction}).scalar()
        if status != "in progress":
            return "committed" if status == "committed" else "rolled back"
        # The server has not noticed yet that the connection is gone.
        conn.execute(_pause)
    return "unknown"
