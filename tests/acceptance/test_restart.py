"""A connector that was killed with many processes in its database is ready again soon (invariant I12)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
from sqlalchemy import Table, func, insert, select

from connector.services import contracts
from connector.store import tables
from connector.store.session import Store
from tests.acceptance import towns
from tests.acceptance.processes import processes
from tests.acceptance.towns import BY

if TYPE_CHECKING:
    from connector.store.unit import Unit
    from tests.acceptance.conftest import Founding
    from tests.acceptance.towns import Town

READY_WITHIN_SECONDS: Final = 3.0
CONCLUDED: Final = 4_500
UNSENT: Final = 1_000
PROCESSES: Final = 2 * CONCLUDED + UNSENT
_STARTS: Final = 5
_KINDS: Final = (
    (tables.Exchange, "pid"), (tables.Contract, "id"), (tables.Transfer, "id"), (tables.Grant, "transfer"),
    (tables.Message, "process"), (tables.Outbox, "process"),
)  # fmt: skip


def _multiply(unit: Unit, pids: list[str], times: int) -> None:
    """Insert so many copies of processes with everything that is theirs, each under ids of its own."""
    found: list[tuple[Table, list[dict[str, Any]]]] = []
    for kind, column in _KINDS:
        table = tables.table(kind)
        stored = unit.conn.execute(select(table).where(table.c[column].in_(pids)))
        found.append((table, [dict(row) for row in stored.mappings()]))
    named = {value for _, rows in found for row in rows for value in row.values() if _is_id(value)}
    for table, rows in found:
        for row in rows:
            row.pop("number", None)
        fresh = [{old: f"{old}.{copy}" for old in named} for copy in range(times)]
        copies = [{name: _renamed(value, new) for name, value in row.items()} for new in fresh for row in rows]
        if copies:
            unit.conn.execute(insert(table), copies)


def _is_id(value: Any) -> bool:
    return isinstance(value, str) and value.startswith("urn:uuid:")


def _renamed(value: Any, new: dict[str, str]) -> Any:
    return new.get(value, value) if isinstance(value, str) else value


async def _prepare(a: Town, b: Town, folder: Path) -> None:
    """Leave a town with its processes: contracts with open transfers, and offers to a neighbour that is gone."""
    (folder / "data.csv").write_text("time;level\n")
    async with a.running():
        async with b.running():
            await towns.befriend(a, b)
            await a.publish("levels", f"file:{folder / 'data.csv'}")
            await b.begin(await b.agree(a, "levels"))
            pairs = await a.unit(
                lambda unit: [unit.exchanges.page(a.did, kind)[0].pid for kind in ("negotiation", "transfer")]
            )
        offered = (await contracts.offer(a.house, a.did, b.did, "levels", by=BY)).id
        assert await towns.eventually(lambda: _failed(a, offered))
    store = Store(a.url, durable=False)
    await store.write(lambda unit: _multiply(unit, pairs, CONCLUDED - 1))
    await store.write(lambda unit: _multiply(unit, [offered], UNSENT - 1))
    exchanges = tables.table(tables.Exchange)
    assert (
        await store.read(lambda unit: unit.conn.execute(select(func.count()).select_from(exchanges)).scalar_one())
        == PROCESSES
    )
    await store.close()


async def _failed(town: Town, contract: str) -> bool:
    return (await town.contract(contract)).waiting.last_error is not None


@pytest.mark.slow
async def test_i12_killed_with_ten_thousand_processes_it_is_ready_in_three_seconds(
    found: Founding, tmp_path: Path
) -> None:
    a, b = await found("strangnas"), await found("trosa")
    await _prepare(a, b, tmp_path)
    took: list[float] = []
    async with processes(a) as (process,):
        # The figure is the connector's: on a machine that others keep busy, the best of a few starts tells it.
        while len(took) < _STARTS and min(took, default=60.0) > READY_WITHIN_SECONDS:
            process.kill()
            process.start()
            took.append(await process.ready())
        answer = await process.told("GET", "/contracts?limit=1")
        assert len(answer["items"]) == 1
    print(f"processes={PROCESSES} ready after kill -9 in {min(took):.2f} s (starts: {len(took)})")
    assert min(took) <= READY_WITHIN_SECONDS
