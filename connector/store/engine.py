"""Engines: SQLite (WAL, `synchronous=FULL`) and PostgreSQL (psycopg), with transactions that we begin ourselves."""

from __future__ import annotations

import sqlite3
import time
from typing import Any, Final
from urllib.parse import quote

import orjson
from sqlalchemy import Engine, create_engine, event, make_url

_KEEPALIVE: Final = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 2, "tcp_user_timeout": 15_000}
"""A server that vanished without a word is noticed within 20 seconds (libpq counts in seconds, the last in milliseconds)."""

_LIMITS: Final = (
    "SET lock_timeout = '10s'; SET statement_timeout = '60s'; SET idle_in_transaction_session_timeout = '60s'"
)
"""A replica that hangs holds nobody else up for ever."""


def create(url: str, *, durable: bool = True) -> Engine:
    """Return an engine in driver autocommit, so that BEGIN and COMMIT are statements of ours.

    Args:
        url: `sqlite:///PATH` or `postgresql://...` (psycopg 3 is the driver).
        durable: False turns SQLite's fsync off, for tests only.
    """
    address = make_url(url)
    if address.get_backend_name() == "postgresql":
        address = address.set(drivername="postgresql+psycopg")
        made = _create(address, pool_size=6, pool_pre_ping=True, connect_args={"connect_timeout": 5, **_KEEPALIVE})
        event.listen(made, "connect", _limits)
        return made
    made = _create(address, connect_args={"timeout": 10, "check_same_thread": False})
    event.listen(made, "connect", _pragmas_full if durable else _pragmas_off)
    return made


_MODE_PAUSES: Final = (0.01,) * 20 + (0.1,) * 98
"""Ten seconds in all, as long as a lock of any other statement is waited for."""
_PRIMARY: Final = 0xFF
"""The bits of SQLite's extended result codes that are the primary code."""

SNAPSHOT: Final = {"sqlite": "BEGIN", "postgresql": "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"}
"""How a transaction that sees one state of the database begins."""


def reading(url: str) -> Engine:
    """Return an engine that cannot change the database, and makes no file that is not there."""
    address = make_url(url)
    if address.get_backend_name() == "postgresql":
        made = _create(address.set(drivername="postgresql+psycopg"), connect_args={"connect_timeout": 5})
        event.listen(made, "connect", _read_only)
        return made
    file = quote(address.database or "")
    return _create(make_url("sqlite://").set(database=f"file:{file}", query={"mode": "ro", "uri": "true"}))


def _read_only(connection: Any, _record: Any) -> None:
    connection.execute("SET default_transaction_read_only = on")


def _create(address: Any, **options: Any) -> Engine:
    return create_engine(
        address,
        isolation_level="AUTOCOMMIT",
        hide_parameters=True,  # an error that is logged names the statement, never what was stored
        json_serializer=lambda value: orjson.dumps(value).decode(),
        json_deserializer=orjson.loads,
        **options,
    )


def _limits(connection: Any, _record: Any) -> None:
    connection.execute(_LIMITS)


def _pragmas_full(connection: sqlite3.Connection, _record: Any) -> None:
    _pragmas(connection, "FULL")


def _pragmas_off(connection: sqlite3.Connection, _record: Any) -> None:
    _pragmas(connection, "OFF")


def _pragmas(connection: sqlite3.Connection, synchronous: str) -> None:
    _write_ahead(connection)
    connection.execute(f"PRAGMA synchronous={synchronous}")
    connection.execute("PRAGMA journal_size_limit=67108864")
    connection.execute("PRAGMA foreign_keys=ON")


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Turn write-ahead logging on, in a file where another process may be doing the same.

    A new file's mode is changed under a lock for which SQLite does not wait where waiting could be for ever: it does not call its
    busy handler then (`sqlite3_busy_handler` in its C API). Whoever comes second is told at once, so it asks again.
    """
    for pause in _MODE_PAUSES:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & _PRIMARY != sqlite3.SQLITE_BUSY:
                raise
            time.sleep(pause)
        else:
            return
    connection.execute("PRAGMA journal_mode=WAL")
