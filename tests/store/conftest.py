"""A store with its tables, on each database; the migrations run once and are copied."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from connector.store import migrate
from connector.store.session import Store
from tests import postgres


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("store") / "template.db"
    migrate.upgrade(f"sqlite:///{file}")
    return file


@pytest.fixture(scope="session")
def migrated_database(postgresql_server: postgres.Server) -> str:
    url = postgresql_server.create()
    migrate.upgrade(url)
    return url.rpartition("/")[2]


@pytest.fixture
def migrated_sqlite_url(migrated_file: Path, tmp_path: Path) -> str:
    """Give the URL of an SQLite file with its tables."""
    return f"sqlite:///{shutil.copy(migrated_file, tmp_path / 'connector.db')}"


@pytest.fixture
def migrated_postgresql_url(postgresql_server: postgres.Server, migrated_database: str) -> Iterator[str]:
    """Give the URL of a PostgreSQL database with its tables; mark the test `postgresql`."""
    url = postgresql_server.create(template=migrated_database)
    yield url
    postgresql_server.drop(url)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def migrated_url(request: pytest.FixtureRequest) -> str:
    """Give the URL of a database with its tables, once of each kind."""
    url: str = request.getfixturevalue(f"migrated_{request.param}_url")
    return url


@pytest.fixture
async def store(migrated_url: str) -> AsyncIterator[Store]:
    made = Store(migrated_url, durable=False)
    yield made
    await made.close()


@pytest.fixture
async def on_sqlite(migrated_sqlite_url: str) -> AsyncIterator[Store]:
    made = Store(migrated_sqlite_url, durable=False)
    yield made
    await made.close()


@pytest.fixture
async def on_postgresql(migrated_postgresql_url: str) -> AsyncIterator[tuple[Store, Store]]:
    """Give two stores of one PostgreSQL database, as two replicas have; mark the test `postgresql`."""
    one, two = Store(migrated_postgresql_url), Store(migrated_postgresql_url)
    yield one, two
    await one.close()
    await two.close()


@pytest.fixture
def own_server() -> Iterator[postgres.Server]:
    """Give a PostgreSQL server that a test may stop; mark the test `postgresql`."""
    with postgres.running(durable=True) as server:
        yield server
