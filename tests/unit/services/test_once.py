from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from connector.errors import Unavailable, WrongState
from connector.services import operators
from connector.services.once import Answered, Asked, once
from tests.unit.services.neighbours import running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable
    from pathlib import Path

    from connector.services.house import House
    from connector.store.parties import Operator
    from tests.acceptance.towns import Town

ASKED = Asked("tester", "key", "digest")


@pytest.fixture
async def town(tmp_path: Path, sqlite_template: Path) -> AsyncIterator[Town]:
    async with running(tmp_path, sqlite_template, "ekby") as (only,):
        yield only


def _add(house: House) -> Awaitable[tuple[Operator, str]]:
    return operators.add(house, "asa", "read", by="tester")


def _answer(result: tuple[Operator, str]) -> Answered:
    return Answered(201, result[0].name)


async def test_a_crash_after_the_commit_leaves_effect_and_answer(town: Town) -> None:
    async def crashing(house: House) -> Any:
        await _add(house)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await once(town.house, ASKED, crashing, _answer)
    assert await once(town.house, ASKED, _add, _answer) == Answered(201, "asa")


async def test_a_failure_before_the_commit_leaves_neither(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(_work: Any) -> Any:
        raise Unavailable("store_unavailable", reason="test")

    with monkeypatch.context() as patch:
        patch.setattr(type(town.house.store), "write", lambda _self, work: away(work))
        with pytest.raises(Unavailable):
            await once(town.house, ASKED, _add, _answer)
    made = await once(town.house, ASKED, _add, _answer)
    assert isinstance(made, tuple)


async def test_of_requests_at_the_same_moment_one_has_its_effect(town: Town) -> None:
    found = await asyncio.gather(*(once(town.house, ASKED, _add, _answer) for _ in range(5)), return_exceptions=True)
    assert sum(isinstance(each, tuple) for each in found) == 1
    assert all(isinstance(each, tuple | Answered | WrongState) for each in found)


async def test_a_key_belongs_to_one_request(town: Town) -> None:
    await once(town.house, ASKED, _add, _answer)
    with pytest.raises(WrongState, match="idempotency_key_reused"):
        await once(town.house, Asked("tester", "key", "other"), _add, _answer)
