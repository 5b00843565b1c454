"""Bringing a database to the tables of this release, and refusing one that is newer than this release.

Everything happens in one transaction under one lock, so replicas that start together do not collide and a failure leaves the
database as it was.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, exc, inspect, text

from connector.errors import ConfigError
from connector.store import engine

log = logging.getLogger(__name__)
_FOLDER: Final = Path(str(resources.files("connector.store"))) / "migrations"
_LOCK: Final = 0x6B6F6D_6473
"""The key of PostgreSQL's advisory lock: an arbitrary number that no other program is likely to use."""


def known() -> tuple[str, ...]:
    """Return the revisions that this release knows, in order: the numbers of the files."""
    return tuple(sorted(file.name.partition("_")[0] for file in (_FOLDER / "versions").glob("[0-9]*_*.py")))


def upgrade(url: str) -> None:
    """Create or change the tables until they are those of this release; nothing happens when they are already.

    Raises:
        ConfigError: `database_too_new`, `database_unreachable`, `database_upgrade_failed`.
    """
    with _connected(url) as conn:
        if _checked(conn) == known()[-1]:
            return
        with _alone(conn):
            found = _checked(conn)
            if found != known()[-1]:
                _migrate(conn)
                log.info("database upgraded from=%s to=%s", found, known()[-1])


def check_current(conn: Connection) -> None:
    """Refuse a database that does not have the tables of this release.

    Raises:
        ConfigError: `database_too_new`, `database_too_old`.
    """
    found = _checked(conn)
    if found != known()[-1]:
        raise ConfigError("database_too_old", found=found or "-", known=known()[-1])


def check(url: str) -> None:
    """Refuse a database that a newer release has changed.

    Raises:
        ConfigError: `database_too_new`, `database_unreachable`.
    """
    with _connected(url) as conn:
        _checked(conn)


@contextmanager
def _connected(url: str) -> Iterator[Connection]:
    made = engine.create(url)
    try:
        with made.connect() as conn:
            yield conn
    except exc.OperationalError as error:
        raise ConfigError("database_unreachable", reason=_reason(error)) from error
    finally:
        made.dispose()


@contextmanager
def _alone(conn: Connection) -> Iterator[None]:
    """Open a transaction that only one process at a time can be in."""
    try:
        if conn.dialect.name == "postgresql":
            conn.exec_driver_sql("BEGIN")
            # However long another replica's migration takes, and then ours.
            conn.exec_driver_sql("SET LOCAL lock_timeout = 0")
            conn.exec_driver_sql("SET LOCAL statement_timeout = 0")
            conn.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        else:
            conn.exec_driver_sql("BEGIN IMMEDIATE")
        yield
        conn.exec_driver_sql("COMMIT")
    except exc.DatabaseError as error:
        raise ConfigError("database_upgrade_failed", reason=_reason(error)) from error


def _checked(conn: Connection) -> str | None:
    """Return the revision of a database, None for an empty one; refuse one that this release does not know."""
    if not inspect(conn).has_table("alembic_version"):
        return None
    found: str | None = conn.execute(text("SELECT version_num FROM alembic_version")).scalar()
    if found is not None and found not in known():
        raise ConfigError("database_too_new", found=found, known=known()[-1])
    return found


def _migrate(conn: Connection) -> None:
    # Alembic takes a quarter of a second to import, which a start that finds its tables in place need not pay.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.attributes["connection"] = conn
    command.upgrade(config, "head")


def _reason(error: exc.DBAPIError) -> str:
    """Return the database's own first line, which holds no password."""
    return str(error.orig).partition("\n")[0]
