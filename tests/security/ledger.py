"""What lies in a town's database: refused messages change nothing of it but the tokens that are spent."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from sqlmodel import SQLModel

from tests.acceptance import towns

if TYPE_CHECKING:
    from connector.store.unit import Unit
    from tests.acceptance.towns import Town

_PASSING = frozenset({"spent", "probe"})


async def dump(town: Town) -> dict[str, list[Any]]:
    """Return every row of every table but the spent tokens, by the table's name, once nothing is on its way."""

    def work(unit: Unit) -> dict[str, list[Any]]:
        tables = [found for found in SQLModel.metadata.sorted_tables if found.name not in _PASSING]
        return {found.name: sorted(map(repr, unit.conn.execute(found.select()))) for found in tables}

    assert await towns.eventually(lambda: _idle(town)), "something is still on its way"
    return await town.unit(work)


async def _idle(town: Town) -> bool:
    """Tell whether no move of the town's is on its way."""
    assert town.application is not None
    return town.application._dispatch.depth == 0


@asynccontextmanager
async def unchanged(town: Town) -> AsyncIterator[None]:
    """Hold that nothing in a town's database is another at the end of the block."""
    before = await dump(town)
    yield
    after = await dump(town)
    different = {name: (set(before[name]) ^ set(after[name])) for name in before if before[name] != after[name]}
    assert not different, different
