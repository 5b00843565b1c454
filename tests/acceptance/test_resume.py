"""A pull that breaks goes on where it stopped, and what arrives is what was sent (invariant I9)."""

from __future__ import annotations

import asyncio
import hashlib
import http.client
import random
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

import pytest

from connector.dataplane import resume
from tests.acceptance import towns
from tests.acceptance.processes import processes
from tests.acceptance.tap import Tap

if TYPE_CHECKING:
    from tests.acceptance.conftest import Founding
    from tests.acceptance.towns import Town

SIZE: Final = 8 * 1024 * 1024


class _Body:
    """An answer of the gateway whose breaks are OSErrors, as `resume.Response` wants it."""

    def __init__(self, connection: http.client.HTTPConnection, answer: http.client.HTTPResponse) -> None:
        self._connection = connection
        self._answer = answer
        self.status = answer.status
        self.headers = answer.headers

    def read(self, amount: int, /) -> bytes:
        try:
            piece = self._answer.read1(amount)
        except http.client.HTTPException as error:
            raise OSError from error
        if not piece and self._answer.length:
            raise ConnectionResetError
        return piece

    def close(self) -> None:
        self._answer.close()
        self._connection.close()


@dataclass(slots=True)
class Gateway:
    """The consumer's own connector as `connector fetch` meets it."""

    town: Town
    contract: str
    ranges: list[int] = field(default_factory=list)

    def open_range(self, start: int, etag: str | None) -> _Body:
        """Ask for the bytes from a place on."""
        self.ranges.append(start)
        connection = http.client.HTTPConnection("127.0.0.1", self.town.admin, timeout=30)
        path = f"/api/v1/participants/{quote(self.town.did, safe='')}/contracts/{quote(self.contract, safe='')}/data"
        headers = {"Authorization": f"Bearer {self.town.token}"} | resume.range_headers(start, etag)
        connection.request("GET", path, headers=headers)
        body = _Body(connection, connection.getresponse())
        if body.status >= 500:
            # The provider is not there: as if the connection had broken.
            body.close()
            raise ConnectionRefusedError
        return body


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
