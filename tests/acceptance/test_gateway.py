"""The consumer's own doors to data: what its operator ends is no longer read, whatever the provider knows of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from connector.errors import WrongState
from connector.services import peers, reading, transfers
from connector.worker.dispatch import Dispatch
from tests.acceptance import readers, towns
from tests.acceptance.towns import BY, Town

if TYPE_CHECKING:
    from tests.acceptance.conftest import Founding

BIG_BYTES = 256 * 1024 * 1024
LEAKED_BYTES = 1024 * 1024
End = Callable[[Town, Town, str], Awaitable[Any]]


async def _suspend(consumer: Town, _provider: Town, transfer: str) -> None:
    await transfers.suspend(consumer.house, consumer.did, transfer, by=BY)


async def _complete(consumer: Town, _provider: Town, transfer: str) -> None:
    await transfers.complete(consumer.house, consumer.did, transfer, by=BY)


async def _terminate(consumer: Town, _provider: Town, transfer: str) -> None:
    await transfers.terminate(consumer.house, consumer.did, transfer, by=BY)


async def _part(consumer: Town, provider: Town, _transfer: str) -> None:
    await peers.remove(consumer.house, consumer.did, provider.did, by=BY)


ENDS: dict[str, End] = {"suspension": _suspend, "completion": _complete, "termination": _terminate, "parting": _part}


@pytest.mark.parametrize("how", ENDS)
async def test_i8_what_the_consumer_ends_is_cut_at_its_gateway_also_for_a_slow_reader(
    found_on_sqlite: Founding, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """Nothing reaches the provider here, so it is our own end of the stream that is cut."""
    a, b = await found_on_sqlite("strangnas"), await found_on_sqlite("trosa")
    with (tmp_path / "big.bin").open("wb") as file:
        file.truncate(BIG_BYTES)
    async with a.running(), b.running():
        await towns.befriend(a, b)
        await a.publish("flow", f"file:{tmp_path / 'big.bin'}")
        contract = await b.agree(a, "flow")
        transfer = await b.begin(contract)
        gateway = f"http://127.0.0.1:{b.admin}/api/v1/participants/{quote(b.did, safe='')}/contracts/{contract}/data"
        async with readers.slow_reader(readers.Address(gateway, b.token)) as reader:
            assert b.application is not None
            assert len(b.application.streams) == 1
            monkeypatch.setattr(Dispatch, "put", lambda *_ignored: None)
            await ENDS[how](b, a, transfer)
            assert await towns.eventually(reader.cut, 2.0)
            assert await reader.rest() < LEAKED_BYTES
            assert await towns.eventually(lambda: _no_stream(b), 2.0)
            with pytest.raises(WrongState, match="transfer_not_started"):
                await reading.started(b.house, b.did, contract)
        monkeypatch.undo()


async def _no_stream(town: Town) -> bool:
    return town.application is not None and len(town.application.streams) == 0
