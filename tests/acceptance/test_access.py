"""Access to data: when it opens, how fast it closes, and for whom (invariants I7 and I8)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from connector import clock
from connector.services import peers, publish, transfers
from tests.acceptance import readers, towns
from tests.acceptance.towns import BY, Town

if TYPE_CHECKING:
    from tests.acceptance.conftest import Founding

BIG_BYTES = 256 * 1024 * 1024
LEAKED_BYTES = 1024 * 1024
CLOSED_WITHIN_SECONDS = 1.0
CUT_WITHIN_SECONDS = 10.0
EXPIRY_SECONDS = 3.0
Revoke = Callable[[Town, Town, str], Awaitable[Any]]


async def _suspend(provider: Town, _consumer: Town, transfer: str) -> None:
    await transfers.suspend(provider.house, provider.did, (await provider.mirror(transfer, "transfer")).pid, by=BY)


async def _complete(provider: Town, _consumer: Town, transfer: str) -> None:
    await transfers.complete(provider.house, provider.did, (await provider.mirror(transfer, "transfer")).pid, by=BY)


async def _terminate(provider: Town, _consumer: Town, transfer: str) -> None:
    pid = (await provider.mirror(transfer, "transfer")).pid
    await transfers.terminate(provider.house, provider.did, pid, "no longer", by=BY)


async def _remove_dataset(provider: Town, _consumer: Town, _transfer: str) -> None:
    await publish.remove_dataset(provider.house, provider.did, "flow", by=BY)


async def _remove_peer(provider: Town, consumer: Town, _transfer: str) -> None:
    await peers.remove(provider.house, provider.did, consumer.did, by=BY)


async def _expire(_provider: Town, _consumer: Town, _transfer: str) -> None:
    """Nobody does anything: the policy does (see `_policy`)."""


REVOCATIONS: dict[str, Revoke] = {
    "suspension": _suspend,
    "completion": _complete,
    "termination": _terminate,
    "dataset removal": _remove_dataset,
    "peer removal": _remove_peer,
    "expiry": _expire,
}


def until(moment: float) -> dict[str, Any]:
    """Return a policy that permits until a moment."""
    end = {"@value": clock.iso(moment), "@type": "xsd:dateTime"}
    limit = {"leftOperand": "odrl:dateTime", "operator": "lt", "rightOperand": end}
    return {"@type": "Offer", "permission": [{"action": "use", "constraint": [limit]}]}


@pytest.fixture
def big(tmp_path: Path) -> str:
    """Give the source of a large file that needs no disk."""
    path = tmp_path / "big.bin"
    with path.open("wb") as file:
        file.truncate(BIG_BYTES)
    return f"file:{path}"


@pytest.mark.slow
@pytest.mark.parametrize("silent", [False, True], ids=["peer answers", "peer is silent"])
@pytest.mark.parametrize("how", REVOCATIONS)
async def test_i8_access_ends_at_once_also_for_a_slow_reader(
    found_on_sqlite: Founding, big: str, how: str, *, silent: bool
) -> None:
    a, b = await found_on_sqlite("strangnas"), await found_on_sqlite("trosa")
    async with a.running(), b.running():
        await towns.befriend(a, b)
        end = clock.now() + EXPIRY_SECONDS
        await a.publish("flow", big, until(end) if how == "expiry" else towns.OPEN)
        transfer = await b.begin(await b.agree(a, "flow"))
        address = await readers.address_of(b, transfer)
        assert await readers.first_byte(address) == 206
        if silent:
            await b.stop()
        async with readers.slow_reader(address) as reader:
            await REVOCATIONS[how](a, b, transfer)
            began = clock.monotonic() + (max(0.0, end - clock.now()) if how == "expiry" else 0.0)
            refused = await _refused_at(address)
            assert await towns.eventually(reader.cut, CUT_WITHIN_SECONDS)
            cut = clock.monotonic()
            assert await reader.rest() < LEAKED_BYTES
    print(f"{how}: refused after {refused - began:.3f} s, cut after {cut - began:.3f} s")
    assert refused - began <= CLOSED_WITHIN_SECONDS
    assert cut - began <= CUT_WITHIN_SECONDS


async def _refused_at(address: readers.Address) -> float:
    deadline = clock.monotonic() + 20
    while clock.monotonic() < deadline:
        if await readers.first_byte(address) in (401, 403, 404):
            return clock.monotonic()
        await asyncio.sleep(0.02)
    pytest.fail("access does not end")
