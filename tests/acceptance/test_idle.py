"""Nothing polls when idle: connected towns with nothing to do ask nobody and touch no store."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from connector.store.session import Store
from tests.acceptance import ledger, towns
from tests.acceptance.tap import Tap

if TYPE_CHECKING:
    from tests.acceptance.conftest import Founding

IDLE_SECONDS: Final = 3.0
_SETTLING_SECONDS: Final = 1.5
"""Records of reads are committed within a second of them."""


@pytest.mark.slow
async def test_nothing_polls_when_idle(found: Founding, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    units: list[str] = []
    for name in ("read", "write"):
        monkeypatch.setattr(Store, name, _counted(getattr(Store, name), units))
    (tmp_path / "data.csv").write_text("time;level\n")
    a, b = await found("strangnas", tapped=True), await found("trosa", tapped=True)
    taps = [Tap(town.port, town.listen) for town in (a, b)]
    async with AsyncExitStack() as stack:
        for tap in taps:
            await stack.enter_async_context(tap.standing())
        async with a.running(), b.running():
            await towns.befriend(a, b)
            await a.publish("levels", f"file:{tmp_path / 'data.csv'}")
            await a.publish("asked for", f"file:{tmp_path / 'data.csv'}", approval="person")
            contract = await b.agree(a, "levels")
            await b.begin(contract)
            assert await b.read(contract)
            await b.request(a, "asked for")
            await asyncio.sleep(_SETTLING_SECONDS)
            before = len(units), [tap.asked for tap in taps]
            assert before[0] > 0
            await asyncio.sleep(IDLE_SECONDS)
            assert (units[before[0] :], [tap.asked for tap in taps]) == ([], before[1])
    assert ledger.unsettled(await ledger.ledger(a), await ledger.ledger(b)) == []


def _counted(verb: Callable[..., Any], units: list[str]) -> Callable[..., Any]:
    async def counted(store: Store, work: Callable[[Any], Any]) -> Any:
        units.append(getattr(work, "__qualname__", repr(work)))
        return await verb(store, work)

    return counted
