from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from connector.errors import Invalid, Missing, Unauthorized, WrongState
from connector.services import operators
from tests.unit.services.neighbours import running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.acceptance.towns import Town


@pytest.fixture
async def town(tmp_path: Path, sqlite_template: Path) -> AsyncIterator[Town]:
    async with running(tmp_path, sqlite_template, "ekby") as (only,):
        yield only


async def test_an_operator_is_known_by_the_token_that_was_shown_once(town: Town) -> None:
    made, token = await operators.add(town.house, "Åsa Öberg", "write", by="tester")
    assert await operators.who(town.house, token) == made
    assert (made.scope, made.created_by) == ("write", "tester")


async def test_the_token_is_stored_nowhere_only_its_digest(town: Town) -> None:
    made, token = await operators.add(town.house, "asa", "read", by="tester")
    assert made.token_digest == operators.digest(token)
    await town.stop()
    for file in town.home.parent.rglob("*"):
        if file.is_file():
            assert token.encode() not in file.read_bytes(), file


@pytest.mark.parametrize("token", [None, "", "wrong", "å" * 10_000, "\udcff"])
async def test_a_token_that_is_missing_or_unknown_opens_nothing(town: Town, token: str | None) -> None:
    with pytest.raises(Unauthorized):
        await operators.who(town.house, token)


async def test_a_removed_operators_token_opens_nothing(town: Town) -> None:
    _, token = await operators.add(town.house, "asa", "read", by="tester")
    await operators.remove(town.house, "asa", by="tester")
    with pytest.raises(Unauthorized, match="operator_token_unknown"):
        await operators.who(town.house, token)


async def test_the_last_operator_who_may_approve_stays(town: Town) -> None:
    await operators.add(town.house, "asa", "write", by="tester")
    with pytest.raises(WrongState, match="operator_last"):
        await operators.remove(town.house, "tester", by="tester")
    await operators.add(town.house, "bo", "approve", by="tester")
    await operators.remove(town.house, "tester", by="bo")
    assert [row.name for row in (await operators.listing(town.house))[0]] == ["asa", "bo"]


@pytest.mark.parametrize("name", ["", " asa", "asa\n", "a" * 65, "a\x00b"])
async def test_a_name_that_cannot_be_read_is_refused(town: Town, name: str) -> None:
    with pytest.raises(Invalid, match="operator_name"):
        await operators.add(town.house, name, "read", by="tester")


async def test_a_scope_that_does_not_exist_is_refused(town: Town) -> None:
    with pytest.raises(Invalid, match="operator_scope_unknown"):
        await operators.add(town.house, "asa", "root", by="tester")


async def test_a_name_is_given_once(town: Town) -> None:
    with pytest.raises(WrongState, match="operator_exists"):
        await operators.add(town.house, "tester", "read", by="tester")


async def test_an_unknown_operator_cannot_be_removed(town: Town) -> None:
    with pytest.raises(Missing, match="operator_unknown"):
        await operators.remove(town.house, "asa", by="tester")


async def test_operators_are_listed_in_parts(town: Town) -> None:
    for name in ("asa", "bo", "cia"):
        await operators.add(town.house, name, "read", by="tester")
    first, cursor = await operators.listing(town.house, limit=2)
    rest, end = await operators.listing(town.house, cursor, limit=2)
    assert [row.name for row in first + rest] == ["asa", "bo", "cia", "tester"]
    assert end is None


@pytest.mark.parametrize(
    ("scope", "needed", "allowed"),
    [("read", "read", True), ("read", "write", False), ("write", "approve", False), ("approve", "read", True)],
)
def test_a_scope_includes_those_before_it(scope: str, needed: str, *, allowed: bool) -> None:
    assert operators.includes(scope, needed) is allowed
