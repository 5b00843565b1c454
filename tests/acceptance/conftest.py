"""Towns for acceptance tests: each with its own empty database, of the kind that the test runs on."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.acceptance import towns

if TYPE_CHECKING:
    from tests import postgres

Databases = Callable[[Path], str]
Founding = Callable[..., Awaitable[towns.Town]]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def databases(request: pytest.FixtureRequest) -> Iterator[Databases]:
    """Give a function that makes an empty database with our tables for a home; all of the same kind."""
    if request.param == "sqlite":
        yield _in_home(request.getfixturevalue("sqlite_template"))
        return
    server: postgres.Server = request.getfixturevalue("postgresql_server")
    template: str = request.getfixturevalue("postgresql_template")
    made: list[str] = []

    def create(_home: Path) -> str:
        made.append(server.create(template))
        return made[-1]

    yield create
    for url in made:
        server.drop(url)


@pytest.fixture
def on_sqlite(sqlite_template: Path) -> Databases:
    """Give a function that makes an SQLite file with our tables for a home: for what no database decides."""
    return _in_home(sqlite_template)


@pytest.fixture
def found(tmp_path: Path, databases: Databases) -> Founding:
    """Give a function that founds towns on each kind of database."""
    return _founding(tmp_path, databases)


@pytest.fixture
def found_on_sqlite(tmp_path: Path, on_sqlite: Databases) -> Founding:
    """Give a function that founds towns on SQLite."""
    return _founding(tmp_path, on_sqlite)


def _in_home(template: Path) -> Databases:
    counter = itertools.count(1)

    def create(home: Path) -> str:
        path = home.with_name(f"{home.name}-{next(counter)}.db")
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(template, path)
        return f"sqlite:///{path}"

    return create


def _founding(folder: Path, databases: Databases) -> Founding:
    async def create(name: str, **options: object) -> towns.Town:
        home = folder / name
        return await towns.found(home, databases(home), **options)  # type: ignore[arg-type]

    return create
