"""Checking a home's journals straight in its database, read-only, whether or not the connector runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, exc

from connector.errors import ConfigError, Missing
from connector.services import keyring
from connector.store import engine, migrate, verification
from connector.store.parties import Participants
from connector.store.unit import Unit
from connector.store.verification import Verdict


def verify(url: str, participant: str | None) -> Verdict:
    """Check the journal of a participant of a home, of the first made where none is named.

    Args:
        url: of the database.
        participant: its DID.

    Raises:
        ConfigError: `database_unreachable`, `database_too_new`, `database_too_old`, `no_participant`.
        Missing: `participant_unknown`.
    """
    with snapshot(url) as conn:
        rows = [row.id for row in Participants(conn).list()]
        if not rows:
            raise ConfigError("no_participant")
        chosen = rows[0] if participant is None else participant
        if chosen not in rows:
            raise Missing("participant_unknown")
        keys = keyring.periods(Unit(conn, 0.0, reading=True), chosen, chosen)
        return verification.verify(conn, chosen, keys)


@contextmanager
def snapshot(url: str) -> Iterator[Connection]:
    """Give a connection that sees one state of a database and cannot change it. Raises as `verify`."""
    made = engine.reading(url)
    try:
        with made.connect() as conn:
            migrate.check_current(conn)
            conn.exec_driver_sql(engine.SNAPSHOT[conn.dialect.name])
            yield conn
    except exc.DBAPIError as error:
        raise ConfigError("database_unreachable", reason=str(error.orig).partition("\n")[0]) from error
    finally:
        made.dispose()
