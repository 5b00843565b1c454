"""A running town and counterparties that it has pinned; what the town sends and answers is valid, or the test fails."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.acceptance.conftest import found_on_sqlite, on_sqlite
from tests.conversation.counterparty import Counterparty, counterparty

if TYPE_CHECKING:
    from tests.acceptance.conftest import Founding
    from tests.acceptance.towns import Town

__all__ = ["found_on_sqlite", "on_sqlite"]

Meeting = Callable[..., Awaitable[Counterparty]]
DATA = b"time;level\n2026-01-01T00:00:00Z;0.42\n" * 50


@pytest.fixture
async def town(found_on_sqlite: Founding, source: str) -> AsyncIterator[Town]:
    """Give a running town that has published the dataset `flow` under an offer that asks nothing."""
    made = await found_on_sqlite("strangnas")
    async with made.running():
        await made.publish("flow", source)
        yield made


@pytest.fixture
def source(tmp_path: Path) -> str:
    """Give the source of a small file."""
    (tmp_path / "data.csv").write_bytes(DATA)
    return f"file:{tmp_path / 'data.csv'}"


@pytest.fixture
async def meet() -> AsyncIterator[Meeting]:
    """Give a function that makes a counterparty and lets towns pin it; at the end nothing they said was invalid."""
    met: list[Counterparty] = []
    async with AsyncExitStack() as stack:

        async def make(*towns: Town, **options: Any) -> Counterparty:
            made = await stack.enter_async_context(counterparty(**options))
            met.append(made)
            for each in towns:
                await each.pin(made.did)
            return made

        yield make
    for each in met:
        assert not each.faults, each.told("\n".join(each.faults))


@pytest.fixture
async def peer(town: Town, meet: Meeting) -> Counterparty:
    """Give a counterparty that the town has pinned."""
    return await meet(town)
