"""What lies in a town's database: refused messages change nothing of it but the tokens that are spent and their own records."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from sqlmodel import SQLModel

from connector.store import journal
from tests.acceptance import towns

if TYPE_CHECKING:
    from connector.store.unit import Unit
    from tests.acceptance.towns import Town

_PASSING = frozenset({"spent", "probe", "journalpayload", "journalhead"})


async def dump(town: Town) -> dict[str, list[Any]]:
    """Return every row of every table but the spent tokens, by the table's name, once nothing is on its way."""

    def work(unit: Unit) -> dict[str, list[Any]]:
        tables = [found for found in SQLModel.metadata.sorted_tables if found.name not in _PASSING]
        rows = {found.name: sorted(map(repr, unit.conn.execute(found.select()))) for found in tables}
        said = [row for one in unit.participants.list() for row in journal.page(unit.conn, one.id, limit=100_000)]
        told = [(row["kind"], row["subject"], row["payload"]) for row in said if not row["kind"].endswith(".refused")]
        return rows | {"journal": sorted(map(repr, told))}

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
