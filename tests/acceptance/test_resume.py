"""A pull that breaks goes on where it stopped, and what arrives is what was sent (invariant I9)."""

from __future__ import annotations

import asyncio
import hashlib
import random
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from connector.cli.api import Address, Answer, Api, path
from connector.cli.fetch import _Opening
from connector.dataplane import resume
from tests.acceptance import towns
from tests.acceptance.processes import processes
from tests.acceptance.tap import Tap

if TYPE_CHECKING:
    from tests.acceptance.conftest import Founding
    from tests.acceptance.towns import Town

SIZE: Final = 8 * 1024 * 1024


@dataclass(slots=True)
class Gateway:
    """The consumer's own connector as `connector fetch` asks it; `ranges` are where it was asked to begin."""

    town: Town
    contract: str
    ranges: list[int] = field(default_factory=list)
    _opening: _Opening = field(init=False)

    def __post_init__(self) -> None:
        api = Api(Address("127.0.0.1", self.town.admin), self.town.home, self.town.token, "en")
        self._opening = _Opening(api, path("participants", self.town.did, "contracts", self.contract, "data"))

    def open_range(self, start: int, etag: str | None) -> Answer:
        """Ask for the bytes from a place on."""
        self.ranges.append(start)
        return self._opening(start, etag)


@pytest.mark.slow
async def test_i9_a_broken_pull_resumes_and_its_digest_is_the_sources(
    found_on_sqlite: Founding, tmp_path: Path
) -> None:
    source = tmp_path / "orthophoto.bin"
    source.write_bytes(random.Random(9).randbytes(SIZE))  # noqa: S311 - test data
    a, b = await found_on_sqlite("strangnas", tapped=True), await found_on_sqlite("trosa")
    tap = Tap(a.port, a.listen)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(tap.standing())
        async with a.running(), b.running():
            await towns.befriend(a, b)
            await a.publish("flow", f"file:{source}")
            contract = await b.agree(a, "flow")
            await b.begin(contract)
        provider, _ = await stack.enter_async_context(processes(a, b))
        tap.cuts += [1_000_000, 0, 2_500_000, 10]
        gateway = Gateway(b, contract)
        got = await asyncio.to_thread(
            resume.download, gateway.open_range, tmp_path / "copy.bin", pause=lambda _seconds: None
        )
        assert got.verified
        assert got.sha256 == hashlib.sha256(source.read_bytes()).hexdigest()
        assert (tmp_path / "copy.bin").read_bytes() == source.read_bytes()
        assert gateway.ranges[:1] == [0]
        assert len(gateway.ranges) == 5
        assert gateway.ranges[-1] >= 3_500_000 - 2 * resume.PIECE_BYTES
        # The provider dies in the middle of the next one.
        tap.cuts += [3_000_000]
        again = Gateway(b, contract)

        def provider_dies(done: int, _size: int | None) -> None:
            if done > 1_000_000 and len(again.ranges) == 1:
                provider.kill()
                provider.start()

        got = await asyncio.to_thread(
            resume.download, again.open_range, tmp_path / "second.bin", pause=_nap, progress=provider_dies, attempts=30
        )
        assert (tmp_path / "second.bin").read_bytes() == source.read_bytes()
        assert len(again.ranges) > 1


def _nap(_seconds: float) -> None:
    import time  # noqa: PLC0415 - the one use

    time.sleep(0.3)
