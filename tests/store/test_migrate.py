"""Every migration on both databases, compared with the models; replicas that start together; a database that is too new."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

from connector import texts
from connector.errors import ConfigError
from connector.store import engine, migrate, tables

METADATA = tables.table(tables.Participant).metadata


def _tables(url: str) -> set[str]:
    made = engine.create(url)
    names = set(inspect(made).get_table_names())
    made.dispose()
    return names


def _execute(url: str, statement: str) -> None:
    made = engine.create(url)
    with made.connect() as conn:
        conn.execute(text(statement))
    made.dispose()


def test_an_empty_database_gets_exactly_the_tables_of_the_models(database_url: str) -> None:
    migrate.upgrade(database_url)
    made = engine.create(database_url)
    with made.connect() as conn:
        context = MigrationContext.configure(conn, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, METADATA) == []
    made.dispose()
    assert _tables(database_url) == set(METADATA.tables) | {"alembic_version"}


def test_a_second_upgrade_changes_nothing(database_url: str) -> None:
    migrate.upgrade(database_url)
    _execute(database_url, "INSERT INTO participant VALUES ('did:web:a', 'Å', 'https://a', 1.0)")
    migrate.upgrade(database_url)
    migrate.check(database_url)
    made = engine.create(database_url)
    with made.connect() as conn:
        assert conn.execute(text("SELECT name FROM participant")).scalar() == "Å"
    made.dispose()


def test_replicas_that_start_together_do_not_collide(database_url: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(migrate.upgrade, [database_url] * 4))
    migrate.check(database_url)
    assert "exchange" in _tables(database_url)


def test_a_database_changed_by_a_newer_release_is_refused(database_url: str) -> None:
    migrate.upgrade(database_url)
    _execute(database_url, "UPDATE alembic_version SET version_num = '9999'")
    for refused in (migrate.check, migrate.upgrade):
        with pytest.raises(ConfigError) as caught:
            refused(database_url)
        assert caught.value.code == "database_too_new"
        assert caught.value.values == {"found": "9999", "known": migrate.known()[-1]}


def test_a_failed_upgrade_says_why_and_leaves_the_database_as_it_was(database_url: str) -> None:
    _execute(database_url, "CREATE TABLE probe (id INTEGER)")
    with pytest.raises(ConfigError) as caught:
        migrate.upgrade(database_url)
    assert caught.value.code == "database_upgrade_failed"
    assert "probe" in str(caught.value.values["reason"])
    assert _tables(database_url) == {"probe"}


@pytest.mark.parametrize(
    "url", ["sqlite:////nowhere/at/all/connector.db", "postgresql://postgres:secret@127.0.0.1:1/connector"]
)
def test_a_database_that_cannot_be_opened_is_an_error_without_secrets(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        migrate.upgrade(url)
    assert caught.value.code == "database_unreachable"
    assert "secret" not in str(caught.value)


def test_the_revisions_are_one_line_in_the_order_of_their_files() -> None:
    config = Config()
    config.set_main_option("script_location", str(migrate._FOLDER))
    script = ScriptDirectory.from_config(config)
    line = [revision.revision for revision in script.walk_revisions()]
    assert tuple(reversed(line)) == migrate.known()
    assert script.get_heads() == [migrate.known()[-1]]


@pytest.mark.parametrize("language", texts.LANGUAGES)
@pytest.mark.parametrize(
    "code", ["store_unavailable", "database_unreachable", "database_too_new", "database_upgrade_failed"]
)
def test_every_error_of_the_store_has_a_sentence_and_a_next_step(code: str, language: str) -> None:
    assert texts.say(code, language) != code
    assert texts.say(code, language, "next")
