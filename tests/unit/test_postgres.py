from __future__ import annotations

import psycopg
import pytest
import sqlalchemy

from connector.store import engine, migrate
from tests import postgres


def test_every_kind_of_database_is_offered(database_url: str) -> None:
    assert database_url.startswith(("sqlite:///", "postgresql://"))


def test_a_migrated_database_needs_no_migration(migrated_url: str) -> None:
    migrate.check(migrated_url)
    made = engine.create(migrated_url)
    with made.connect() as connection:
        assert connection.scalar(sqlalchemy.text("SELECT version_num FROM alembic_version")) == migrate.known()[-1]
    made.dispose()


@pytest.mark.postgresql
def test_a_database_is_a_copy_of_its_template(postgresql_server: postgres.Server, postgresql_url: str) -> None:
    with psycopg.connect(postgresql_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE town (name text)")
        connection.execute("INSERT INTO town VALUES ('Strängnäs')")
    copy = postgresql_server.create(template=postgresql_url.rpartition("/")[2])
    with psycopg.connect(copy) as connection:
        assert connection.execute("SELECT name FROM town").fetchall() == [("Strängnäs",)]
    postgresql_server.drop(copy)


@pytest.mark.postgresql
def test_the_server_is_gone_when_its_block_ends() -> None:
    with postgres.running() as server, psycopg.connect(server.url()) as connection:
        assert connection.execute("SHOW fsync").fetchone() == ("off",)
    assert not server.folder.exists()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(server.url())
