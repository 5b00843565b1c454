"""What every test may ask for: a database of each kind, and a word at the end about what was left out."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from connector.store import migrate
from tests import postgres

if TYPE_CHECKING:
    from collections.abc import Iterator

_CI = os.environ.get("CI", "").lower() == "true"
# A busy machine makes no property false; in CI the same examples are drawn every time.
settings.register_profile("house", deadline=None, derandomize=_CI, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("quick", settings.get_profile("house"), max_examples=30)
settings.load_profile("house")

_LONG = [
    Path(__file__).parent / name
    for name in (
        "acceptance", "conversation", "security", "store/test_verification.py", "unit/evidence/test_verify.py",
        "unit/http/test_management_nonsense.py", "unit/policy/test_properties.py", "unit/services/test_peers.py",
        "unit/services/test_retention.py", "unit/worker/test_watch.py",
    )
]  # fmt: skip
_MISSING = "PostgreSQL is not installed (make system-deps)"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out of `make check` what starts whole connectors or draws much: together that takes longer than all the rest."""
    for item in items:
        if any(place == item.path or place in item.path.parents for place in _LONG):
            item.add_marker(pytest.mark.slow)


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("postgresql") and postgres.binaries() is None:
        if _CI:
            pytest.fail(f"{_MISSING}, and CI leaves nothing out", pytrace=False)
        pytest.skip(_MISSING)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail the run in CI when a test was skipped."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if _CI and reporter is not None and reporter.stats.get("skipped") and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    skipped = terminalreporter.stats.get("skipped", [])
    without = [report for report in skipped if _MISSING in str(report.longrepr)]
    if without:
        terminalreporter.write_line(f"Left out: {len(without)} tests on PostgreSQL, which is not installed.")
    if _CI and skipped:
        terminalreporter.write_line(f"CI leaves nothing out, but {len(skipped)} tests were skipped: the run failed.")


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[postgres.Server]:
    """Give a PostgreSQL server that lives as long as this worker's tests."""
    with postgres.running() as server:
        yield server


@pytest.fixture
def postgresql_url(postgresql_server: postgres.Server) -> Iterator[str]:
    """Give the URL of an empty PostgreSQL database; mark the test `postgresql`."""
    url = postgresql_server.create()
    yield url
    postgresql_server.drop(url)


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """Give the URL of an SQLite file that does not exist yet."""
    return f"sqlite:///{tmp_path / 'connector.db'}"


_KINDS = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)]


@pytest.fixture(params=_KINDS)
def database_url(request: pytest.FixtureRequest) -> str:
    """Give the URL of an empty database, once of each kind."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give an SQLite file with our tables and no rows, to be copied."""
    path = tmp_path_factory.mktemp("template") / "connector.db"
    migrate.upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def postgresql_template(postgresql_server: postgres.Server) -> str:
    """Give the name of a PostgreSQL database with our tables and no rows, to be copied."""
    url = postgresql_server.create()
    migrate.upgrade(url)
    return url.rpartition("/")[2]


@pytest.fixture
def migrated_sqlite_url(sqlite_template: Path, sqlite_url: str) -> str:
    """Give the URL of an SQLite file with our tables and no rows."""
    shutil.copyfile(sqlite_template, sqlite_url.removeprefix("sqlite:///"))
    return sqlite_url


@pytest.fixture
def migrated_postgresql_url(postgresql_server: postgres.Server, postgresql_template: str) -> Iterator[str]:
    """Give the URL of a PostgreSQL database with our tables and no rows; mark the test `postgresql`."""
    url = postgresql_server.create(postgresql_template)
    yield url
    postgresql_server.drop(url)


@pytest.fixture(params=_KINDS)
def migrated_url(request: pytest.FixtureRequest) -> str:
    """Give the URL of a database with our tables and no rows, once of each kind; much quicker than to migrate one."""
    url: str = request.getfixturevalue(f"migrated_{request.param}_url")
    return url
